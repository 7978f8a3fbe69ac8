"""What reporting can do."""
