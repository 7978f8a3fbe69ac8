"""Real servers as fixtures, factories, clients (development only)."""

from lantoa_testing.processes import ServerProcess, eventually

__all__ = ["ServerProcess", "eventually"]
