"""What signboard can do: playlists, rundowns, displays, and pages of them."""
