"""Board playlists, rundowns, displays."""
