"""Rules about devices: pure functions and dataclasses."""
