"""Content's HTTP API and its public pages."""

from lantoa_content.api.public import PREFIX, Site, public_routes
from lantoa_content.api.routes import Views, operating, reading, writing

__all__ = ["PREFIX", "Site", "Views", "operating", "public_routes", "reading", "writing"]
