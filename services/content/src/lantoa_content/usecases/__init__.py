"""What content can do."""
