"""What alert can do."""
