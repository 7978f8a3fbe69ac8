"""The radio receiver: plays what it can verify and proves it."""
