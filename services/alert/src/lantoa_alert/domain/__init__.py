"""Rules about notices: pure functions and dataclasses."""
