"""Contests: rules published first, attempts sealed, ranking by a pure function."""
