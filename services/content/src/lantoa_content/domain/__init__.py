"""What an item is and how its text becomes something to hear or to see: pure functions and dataclasses."""
