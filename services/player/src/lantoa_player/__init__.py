"""The public board: a page and its agent."""
