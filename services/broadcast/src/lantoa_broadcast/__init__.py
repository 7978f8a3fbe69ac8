"""Programme grids, sessions, rundowns, airings."""
