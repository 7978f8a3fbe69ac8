"""What contest does."""
