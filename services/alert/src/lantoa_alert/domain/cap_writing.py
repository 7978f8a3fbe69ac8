"""Our notices for others: each as a CAP 1.2 message, all of them as an Atom feed (RFC 4287)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from lantoa_alert.domain.cap import MEDIA_TYPE, NAMESPACE, CapKey, cap_time
from lantoa_alert.domain.cap_areas import UNIT_CODE

GROUP = "urn:lantoa:group"
"""``valueName`` of a geocode whose value is a group of devices."""
_ATOM = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Whatever is no Char of XML 1.0 (2.2): one such sign anywhere makes the whole document unreadable.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CANCELLED = {"vi": "Đã hủy", "km": "បានលុបចោល", "en": "Cancelled"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notice holds: a name for people, and a geocode for programs."""

    name: str
    code_name: str
    code: str


@dataclass(frozen=True, slots=True)
class Wording:
    """What a notice said from a moment on. ``texts`` by language, the first one's is the headline's."""

    ver: int
    issued_at: datetime
    expires_at: datetime
    status: str
    severity: str
    headline: str
    texts: Mapping[str, str]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class OwnNotice:
    """A notice that went out: its wordings, oldest first, and when it was called off."""

    id: str
    wordings: tuple[Wording, ...]
    cancelled_at: datetime | None = None

    @property
    def last(self) -> Wording:
        """What it says now."""
        return self.wordings[-1]

    @property
    def changed_at(self) -> datetime:
        """When it was last issued or called off."""
        return self.cancelled_at or self.last.issued_at


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are: ``name`` in ``references`` (no blanks, no commas), ``title`` for people."""

    name: str
    title: str


def unit_place(name: str, code: str) -> Place:
    """A unit as a place."""
    return Place(name, UNIT_CODE, code)


def cap_xml(notice: OwnNotice, sender: Sender) -> bytes:
    """The notice's latest word: Alert, Update, or Cancel, naming every word before it (CAP-v1.2, 3.2.1)."""
    said = [CapKey(sender.name, f"{notice.id}.{one.ver}", one.issued_at) for one in notice.wordings]
    wording = notice.last
    root = ET.Element("alert", {"xmlns": NAMESPACE})
    if notice.cancelled_at:
        own, before, kind = CapKey(sender.name, f"{notice.id}.cancel", notice.cancelled_at), said, "Cancel"
    else:
        own, before, kind = said[-1], said[:-1], "Update" if len(said) > 1 else "Alert"
    _add(root, "identifier", own.identifier)
    _add(root, "sender", own.sender)
    _add(root, "sent", cap_time(own.sent))
    _add(root, "status", wording.status.capitalize())
    _add(root, "msgType", kind)
    _add(root, "scope", "Public")
    if before:
        _add(root, "references", " ".join(str(key) for key in before))
    for language, text in wording.texts.items():
        _info(_add(root, "info"), wording, language, text, sender)
    return _written(root)


def _info(info: ET.Element, wording: Wording, language: str, text: str, sender: Sender) -> None:
    _add(info, "language", language)
    _add(info, "category", "Safety")
    _add(info, "event", wording.headline)
    _add(info, "urgency", "Immediate")
    _add(info, "severity", wording.severity.capitalize())
    _add(info, "certainty", "Likely")
    _add(info, "effective", cap_time(wording.issued_at))
    _add(info, "expires", cap_time(wording.expires_at))
    _add(info, "senderName", sender.title)
    _add(info, "headline", wording.headline)
    _add(info, "description", text)
    for place in wording.places:
        area = _add(info, "area")
        _add(area, "areaDesc", place.name)
        geocode = _add(area, "geocode")
        _add(geocode, "valueName", place.code_name)
        _add(geocode, "value", place.code)


def cap_atom(notices: Iterable[OwnNotice], sender: Sender, now: datetime) -> bytes:
    """A feed of notices, newest first, each leading to its message; addresses are relative to the feed's own."""
    ordered = sorted(notices, key=lambda one: (one.changed_at, one.id), reverse=True)
    root = ET.Element("feed", {"xmlns": _ATOM, _LANG: "vi"})
    _add(root, "id", f"urn:lantoa:cap:{sender.name}")
    _add(root, "title", f"Cảnh báo đang có hiệu lực: {sender.title}")
    _add(root, "updated", (ordered[0].changed_at if ordered else now).isoformat())
    _add(_add(root, "author"), "name", sender.title)
    _add(root, "link", rel="self", type="application/atom+xml", href="cap.atom")
    for notice in ordered:
        wording = notice.last
        language, text = next(iter(wording.texts.items()))
        called = _CANCELLED.get(language, _CANCELLED["vi"])
        entry = _add(root, "entry", **{_LANG: language})
        _add(entry, "id", f"urn:lantoa:notice:{notice.id}")
        _add(entry, "title", f"{called}: {wording.headline}" if notice.cancelled_at else wording.headline)
        _add(entry, "published", notice.wordings[0].issued_at.isoformat())
        _add(entry, "updated", notice.changed_at.isoformat())
        _add(entry, "link", rel="alternate", type=MEDIA_TYPE, href=f"notices/{notice.id}/cap.xml")
        _add(entry, "summary", text)
    return _written(root)


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, name, attributes)
    child.text = _NO_XML.sub("", text) or None
    return child


def _written(root: ET.Element) -> bytes:
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
