"""What a list of posts, a feed or a sitemap is of: a place, a topic, a language, each or none."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

LANGUAGES = ("vi", "km", "en")
"""Languages that posts are written in (BCP 47)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The id of a unit, the code of a topic, a language; "" where it does not matter."""

    unit_id: str = ""
    topic: str = ""
    language: str = ""

    @property
    def query(self) -> dict[str, str]:
        """As the query of an address, in one order, so that the same selection is the same address."""
        named = (("don-vi", self.unit_id), ("chu-de", self.topic), ("ngon-ngu", self.language))
        return {name: value for name, value in named if value}

    @property
    def path(self) -> str:
        """The part of the address after `/tin` of the page that people read."""
        unit = f"/don-vi/{quote(self.unit_id, safe='')}" if self.unit_id else ""
        topic = f"/chu-de/{quote(self.topic, safe='')}" if self.topic else ""
        return unit + topic

    @property
    def rest(self) -> dict[str, str]:
        """What `path` leaves for the query."""
        return {"ngon-ngu": self.language} if self.language else {}


def with_query(address: str, query: dict[str, str]) -> str:
    """The address with a query, if there is one."""
    return f"{address}?{urlencode(query)}" if query else address
