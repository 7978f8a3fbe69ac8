"""Contest over HTTP: JSON for apps and staff, pages for everybody's browser."""
