"""What all public pages of content share: addresses, names of things, headings, validators."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from lantoa_calendar.periods import ZONE
from lantoa_content.api.caching import conditional
from lantoa_content.domain.notices import Notice
from lantoa_content.domain.places import Place
from lantoa_content.domain.selection import LANGUAGES, Selection, with_query
from lantoa_content.domain.topics import TOPICS
from lantoa_content.usecases.notices import Notices
from lantoa_content.usecases.portal import Portal
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.mongo import Document

PREFIX = "/tin"
READ = ["GET", "HEAD"]
LOCALES = {"vi": "vi_VN", "en": "en_GB", "km": "km_KH"}

Cursor = Annotated[str, Query(alias="trang", max_length=200)]


# Other names than the parts of paths have: the framework would look for them there.
def _selection(
    place: Annotated[str, Query(alias="don-vi", max_length=64)] = "",
    about: Annotated[str, Query(alias="chu-de", max_length=40)] = "",
    language: Annotated[str, Query(alias="ngon-ngu", max_length=10)] = "",
) -> Selection:
    return Selection(place, about, language)


Asked = Annotated[Selection, Depends(_selection)]
"""What the query of an address asks for."""


@dataclass(frozen=True, slots=True)
class Site:
    """The pages, what they read, and the public address that they say they have."""

    pages: Pages
    portal: Portal
    notices: Notices
    public_url: str

    def address(self, path: str = "", query: dict[str, str] | None = None) -> str:
        """The full address of something under `/tin`."""
        return with_query(f"{self.public_url}{PREFIX}{path}", query or {})

    def page_of(self, selection: Selection, more: dict[str, str] | None = None) -> str:
        """The full address of the page that lists a selection."""
        return self.address(selection.path, selection.rest | (more or {}))

    def text(self, request: Request, key: str, **params: object) -> str:
        """A text of the pages."""
        return self.pages.text(request, key, **params)

    def topic(self, request: Request, code: str) -> str:
        """A topic's name; its code when nobody knows it any more."""
        english = self.pages.language(request) == "en"
        return next(((one.name_en if english else one.name) for one in TOPICS if one.code == code), code)

    def topics(self, request: Request) -> list[tuple[str, str]]:
        """Code and name of every topic."""
        return [(one.code, self.topic(request, one.code)) for one in TOPICS]

    def languages(self, request: Request) -> list[tuple[str, str]]:
        """Code and name of every language that there may be posts in."""
        return [(code, self.text(request, f"language.{code}")) for code in LANGUAGES]

    def language_name(self, request: Request, code: str) -> str:
        """A language's name; its code where the catalogue has none."""
        return self.text(request, f"language.{code}") if code in LANGUAGES else code

    def heading(self, request: Request, unit: Place | None, selection: Selection) -> str:
        """What a selection is called."""
        topic = self.topic(request, selection.topic) if selection.topic else ""
        language = self.language_name(request, selection.language) if selection.language else ""
        named = (unit.name if unit else "", topic, language)
        return " · ".join([self.text(request, "list.heading"), *(part for part in named if part)])

    def card(self, request: Request, post: Document) -> dict[str, Any]:
        """What a list shows of a post."""
        return {
            "item_id": post["item_id"],
            "title": post["title"],
            "summary": post["summary"],
            "unit_id": post["unit_id"],
            "unit_name": post["unit_name"],
            "topic": post["topic"],
            "topic_name": self.topic(request, post["topic"]),
            "language": post["language"],
            "published": shown(post["published_at"]),
            "audio": bool(post["audio"]),
        }

    def alerts(self, unit: Place | None, places: list[Place]) -> dict[str, Any]:
        """What a page shows of the emergency notices that concern a unit."""
        found = [_alert(notice) for notice in self.notices.at(unit, places)]
        return {"alerts": found, "alerts_known": self.notices.fresh, "alerts_feed": self.notices.feed}

    def answer(self, request: Request, response: Response, changed_at: datetime | None) -> Response:
        """The response with its validators."""
        return conditional(request, response, changed_at, self.portal.clock.now())

    def changed_with_alerts(self, changed_at: datetime | None) -> datetime | None:
        """When a page that shows notices too last became another one."""
        known = [at for at in (changed_at, self.notices.changed_at) if at]
        return max(known, default=None)


def _alert(notice: Notice) -> dict[str, Any]:
    return {
        "severity": notice.severity,
        "texts": notice.texts,
        "places": ", ".join(notice.places),
        "sent": shown(notice.sent_at),
        "expires": shown(notice.expires_at),
    }


def shown(at: datetime) -> dict[str, str]:
    """A time as people write it, and as machines do."""
    local = at.astimezone(ZONE)
    return {"text": f"{local.day:02}/{local.month:02}/{local.year} {local:%H:%M}", "iso": local.isoformat()}


def shown_day(day: date | None) -> dict[str, str] | None:
    """A day as people write it, and as machines do."""
    return {"text": f"{day.day:02}/{day.month:02}/{day.year}", "iso": day.isoformat()} if day else None


def first_published(post: Document) -> datetime:
    """When an item first was on the page; posts of before this was kept have that of their revision."""
    at: datetime = post.get("first_published_at") or post["published_at"]
    return at


def place_of(unit_id: str, places: list[Place]) -> Place | None:
    """A unit by its id."""
    return next((place for place in places if place.id == unit_id), None)
