"""What fleet can do."""
