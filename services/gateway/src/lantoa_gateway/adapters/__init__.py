"""What stands behind the door."""
