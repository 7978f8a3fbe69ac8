"""The `lantoa` command and its supervisor."""
