"""Emergency notices as the public CAP 1.2 messages tell them (docs.oasis-open.org/emergency/cap/v1.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from lantoa_content.domain.places import Place

_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
_ATOM = "{http://www.w3.org/2005/Atom}"
_UNIT = "urn:lantoa:unit"
_IN_FORCE = frozenset({"Alert", "Update"})
_KINDS = frozenset({"extreme", "severe", "moderate", "minor"})


@dataclass(frozen=True, slots=True)
class Text:
    """What a notice says in one language (BCP 47)."""

    language: str
    headline: str
    description: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in force until `expires_at`. `codes` are of units; `everywhere` when it names another kind of place."""

    id: str
    severity: str
    texts: tuple[Text, ...]
    places: tuple[str, ...]
    codes: frozenset[str]
    everywhere: bool
    sent_at: datetime
    expires_at: datetime


def entries_of(feed: bytes) -> list[tuple[str, str, str]]:
    """Id, time of change and address of each message that an Atom feed names.

    Raises:
        ValueError: it is none.
    """
    root = _parsed(feed)
    if root.tag != f"{_ATOM}feed":
        raise ValueError("no Atom feed")
    found = []
    for entry in root.iter(f"{_ATOM}entry"):
        link = entry.find(f"{_ATOM}link")
        found.append(
            (
                entry.findtext(f"{_ATOM}id", ""),
                entry.findtext(f"{_ATOM}updated", ""),
                link.get("href", "") if link is not None else "",
            )
        )
    return found


def read_notice(message: bytes) -> Notice | None:
    """What a message says; `None` when it calls off, or is no real one.

    Raises:
        ValueError: it is no CAP message.
    """
    root = _parsed(message)
    if root.tag != f"{_CAP}alert":
        raise ValueError("no CAP message")
    infos = root.findall(f"{_CAP}info")
    if not infos or _said(root, "status") != "Actual" or _said(root, "msgType") not in _IN_FORCE:
        return None
    geocodes = [
        (_said(code, "valueName"), _said(code, "value"))
        for area in infos[0].iter(f"{_CAP}area")
        for code in area.iter(f"{_CAP}geocode")
    ]
    severity = _said(infos[0], "severity").lower()
    return Notice(
        id=_said(root, "identifier"),
        severity=severity if severity in _KINDS else "minor",
        texts=tuple(
            Text(_said(info, "language") or "vi", _said(info, "headline"), _said(info, "description")) for info in infos
        ),
        places=tuple(_said(area, "areaDesc") for area in infos[0].iter(f"{_CAP}area")),
        codes=frozenset(code for name, code in geocodes if name == _UNIT),
        everywhere=not geocodes or any(name != _UNIT for name, _ in geocodes),
        sent_at=_time(_said(root, "sent")),
        expires_at=min(_time(_said(info, "expires")) for info in infos),
    )


def concerning(notices: Iterable[Notice], unit: Place | None, places: Iterable[Place]) -> list[Notice]:
    """Notices that hold at a unit, above it or below it, the newest first; all of them without a unit."""
    ordered = sorted(notices, key=lambda one: (one.sent_at, one.id), reverse=True)
    if unit is None:
        return ordered
    known = tuple(places)
    near = {place.code for place in known if place.id in unit.path or unit.id in place.path}
    codes = {place.code for place in known}
    # A code that names no unit we know is that of the whole, or of something newer than our copy.
    return [one for one in ordered if one.everywhere or one.codes & near or one.codes - codes]


def _parsed(xml: bytes) -> ET.Element:
    if b"<!DOCTYPE" in xml:
        raise ValueError("no document type wanted")  # Nothing can be defined, so nothing can be expanded.
    try:
        return ET.fromstring(xml)  # noqa: S314 - without a document type there are no entities
    except ET.ParseError as error:
        raise ValueError("no XML") from error


def _said(element: ET.Element, name: str) -> str:
    return " ".join((element.findtext(f"{_CAP}{name}") or "").split())


def _time(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
