"""Content's HTTP API and its public pages."""

from lantoa_content.api.public import PREFIX, News
from lantoa_content.api.routes import Views, operating, reading, writing

__all__ = ["PREFIX", "News", "Views", "operating", "reading", "writing"]
