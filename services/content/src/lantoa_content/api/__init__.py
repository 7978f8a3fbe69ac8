"""Content's HTTP API."""

from lantoa_content.api.routes import reading, writing

__all__ = ["reading", "writing"]
