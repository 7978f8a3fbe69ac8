"""Bytes to a CAP message: safe XML, then the schema of the standard (CAP-v1.2, 3.4) as a table, then the values.

XML safety: UTF-8 only and no document type at all, so that there is no entity but the five of XML itself and none is
ever looked up; libxml2 refuses elements nested deeper than 256 and texts beyond 10 MB.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from lxml import etree

from lantoa_alert.domain.cap import MOST_BYTES, NAMESPACE, CapAlert, CapArea, CapInfo, CapKey, CapRefused, cap_moment

DSIG = "http://www.w3.org/2000/09/xmldsig#"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS = (f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation")
_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]*)["']""")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NAME = re.compile(r"[^\s,<&]+")
_XML_SPACE = " \t\r\n"


def safe_parser() -> etree.XMLParser:
    """A parser that resolves nothing, fetches nothing and keeps libxml2's own limits."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)


def parsed(xml: bytes) -> Any:
    """The root element of a document that is safe to look at.

    Raises:
        CapRefused: ``too-large``, ``encoding``, ``doctype`` or ``not-xml``.
    """
    if len(xml) > MOST_BYTES:
        raise CapRefused("alert.cap-too-large", 413)
    declared = _DECLARED.match(xml.removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise CapRefused("alert.cap-encoding")
    try:
        xml.decode()
    except UnicodeDecodeError as error:
        raise CapRefused("alert.cap-encoding") from error
    # Before any parser sees it. UTF-8 has no second way to write these letters.
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise CapRefused("alert.cap-doctype")
    try:
        return etree.fromstring(xml, safe_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise CapRefused("alert.cap-not-xml") from error


# -- the values ---------------------------------------------------------------------------------------------------


class _Unfit(Exception):
    """A value is not of its type."""


def _text(value: str) -> str:
    return value


def _trimmed(value: str) -> str:
    return value.strip(_XML_SPACE)


def _fitting(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def fit(value: str) -> str:
        trimmed = value.strip(_XML_SPACE)
        if not pattern.fullmatch(trimmed):
            raise _Unfit
        return trimmed

    return fit


def _time(value: str) -> str:
    trimmed = value.strip(_XML_SPACE)
    try:
        cap_moment(trimmed)
    except ValueError as error:
        raise _Unfit from error
    return trimmed


def _one_of(*allowed: str) -> Callable[[str], str]:
    def fit(value: str) -> str:
        if value not in allowed:
            raise _Unfit
        return value

    return fit


@dataclass(frozen=True, slots=True)
class _Element:
    """An element in its place: how often it may stand there, and what its text or its children must be."""

    name: str
    least: int = 0
    most: float = 1
    fit: Callable[[str], str] = _text
    children: "tuple[_Element, ...]" = ()


_MANY = float("inf")
_PAIR = (_Element("valueName", 1), _Element("value", 1))
_RESOURCE = (
    _Element("resourceDesc", 1),
    _Element("mimeType", 1),
    _Element("size", fit=_fitting(_INTEGER)),
    _Element("uri", fit=_trimmed),
    _Element("derefUri"),
    _Element("digest"),
)
_AREA = (
    _Element("areaDesc", 1),
    _Element("polygon", most=_MANY),
    _Element("circle", most=_MANY),
    _Element("geocode", most=_MANY, children=_PAIR),
    _Element("altitude"),
    _Element("ceiling"),
)
_CATEGORY = _one_of(
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
)
_RESPONSE = _one_of("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
_INFO = (
    _Element("language", fit=_fitting(_LANGUAGE)),
    _Element("category", 1, _MANY, _CATEGORY),
    _Element("event", 1),
    _Element("responseType", most=_MANY, fit=_RESPONSE),
    _Element("urgency", 1, fit=_one_of("Immediate", "Expected", "Future", "Past", "Unknown")),
    _Element("severity", 1, fit=_one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
    _Element("certainty", 1, fit=_one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")),
    _Element("audience"),
    _Element("eventCode", most=_MANY, children=_PAIR),
    _Element("effective", fit=_time),
    _Element("onset", fit=_time),
    _Element("expires", fit=_time),
    _Element("senderName"),
    _Element("headline"),
    _Element("description"),
    _Element("instruction"),
    _Element("web", fit=_trimmed),
    _Element("contact"),
    _Element("parameter", most=_MANY, children=_PAIR),
    _Element("resource", most=_MANY, children=_RESOURCE),
    _Element("area", most=_MANY, children=_AREA),
)
_ALERT = (
    # identifier and sender: no blanks, no commas, no < and & (3.2.1), or references could not name the message.
    _Element("identifier", 1, fit=_fitting(_NAME)),
    _Element("sender", 1, fit=_fitting(_NAME)),
    _Element("sent", 1, fit=_time),
    _Element("status", 1, fit=_one_of("Actual", "Exercise", "System", "Test", "Draft")),
    _Element("msgType", 1, fit=_one_of("Alert", "Update", "Cancel", "Ack", "Error")),
    _Element("source"),
    _Element("scope", 1, fit=_one_of("Public", "Restricted", "Private")),
    _Element("restriction"),
    _Element("addresses"),
    _Element("code", most=_MANY),
    _Element("note"),
    _Element("references"),
    _Element("incidents"),
    _Element("info", most=_MANY, children=_INFO),
)


@dataclass(slots=True)
class _Read:
    """An element that fits: its texts and its inner elements by name."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    inner: "dict[str, list[_Read]]" = field(default_factory=dict)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self.texts.get(name, ()))

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")


def read(xml: bytes) -> CapAlert:
    """The message in a document, signed or not; its signature is not looked at.

    Raises:
        CapRefused: as :func:`parsed`; ``not-cap``, the document is something else; ``schema``, it breaks the schema
            at ``where``.
    """
    return read_root(parsed(xml))


def read_root(root: Any) -> CapAlert:
    """The message below a root element; see :func:`read`."""
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise CapRefused("alert.cap-not-cap")
    return _alert(_children(root, _ALERT, "alert"))


def _children(element: Any, table: tuple[_Element, ...], path: str) -> _Read:
    """What stands in an element of elements, in the order of the table and nothing else."""
    _no_attributes(element, path)
    _no_loose_text(element, path)
    found = _Read()
    place, times = 0, 0
    for child in _elements(element):
        if path == "alert" and child.tag.startswith(f"{{{DSIG}}}"):
            _enough(table, place, times, len(table), path)
            place, times = len(table), 0
            continue
        at = place
        while at < len(table) and child.tag != f"{{{NAMESPACE}}}{table[at].name}":
            at += 1
        local = _local(child)
        if at == len(table):
            raise CapRefused("alert.cap-schema", where=f"{path}/{local}")
        if at != place:
            _enough(table, place, times, at, path)
            place, times = at, 0
        spec = table[at]
        times += 1
        if times > spec.most:
            raise CapRefused("alert.cap-schema", where=f"{path}/{local}")
        if spec.children:
            found.inner.setdefault(local, []).append(_children(child, spec.children, f"{path}/{local}"))
        else:
            found.texts.setdefault(local, []).append(_value(child, spec, f"{path}/{local}"))
    _enough(table, place, times, len(table), path)
    return found


def _enough(table: tuple[_Element, ...], place: int, times: int, until: int, path: str) -> None:
    """What is passed over on the way from one place of the table to another may be missing."""
    for at in range(place, until):
        if (times if at == place else 0) < table[at].least:
            raise CapRefused("alert.cap-schema", where=f"{path}/{table[at].name}")


def _value(element: Any, spec: _Element, path: str) -> str:
    _no_attributes(element, path)
    if next(_elements(element), None) is not None:
        raise CapRefused("alert.cap-schema", where=path)
    try:
        return spec.fit(_whole_text(element))
    except _Unfit as error:
        raise CapRefused("alert.cap-schema", where=path) from error


def _elements(element: Any) -> Iterator[Any]:
    """The child elements, without comments and processing instructions."""
    return (child for child in element if isinstance(child.tag, str))


def _whole_text(element: Any) -> str:
    """The text of an element, put together across comments."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _no_attributes(element: Any, path: str) -> None:
    if any(name not in _HINTS for name in element.attrib):
        raise CapRefused("alert.cap-schema", where=f"{path}/@")


def _no_loose_text(element: Any, path: str) -> None:
    if _whole_text(element).strip(_XML_SPACE):
        raise CapRefused("alert.cap-schema", where=path)


def _local(element: Any) -> str:
    """An element's name for a reason, without its namespace and never long: it may be anything."""
    return cast("str", element.tag).rpartition("}")[2][:40]


# -- put together -------------------------------------------------------------------------------------------------


def _alert(found: _Read) -> CapAlert:
    return CapAlert(
        key=CapKey(found.get("sender"), found.get("identifier"), cap_moment(found.get("sent"))),
        status=cast("Any", found.get("status")),
        msg_type=cast("Any", found.get("msgType")),
        scope=cast("Any", found.get("scope")),
        references=found.get("references"),
        infos=tuple(_info(info) for info in found.inner.get("info", ())),
    )


def _info(found: _Read) -> CapInfo:
    return CapInfo(
        language=found.get("language") or "en-US",  # The standard's default.
        categories=found.all("category"),
        event=found.get("event").strip(),
        urgency=found.get("urgency"),
        severity=cast("Any", found.get("severity")),
        certainty=found.get("certainty"),
        effective=_moment(found.get("effective")),
        onset=_moment(found.get("onset")),
        expires=_moment(found.get("expires")),
        sender_name=found.get("senderName").strip(),
        headline=found.get("headline").strip(),
        description=found.get("description").strip(),
        instruction=found.get("instruction").strip(),
        areas=tuple(
            CapArea(
                description=area.get("areaDesc").strip(),
                polygons=area.all("polygon"),
                circles=area.all("circle"),
                geocodes=tuple((pair.get("valueName"), pair.get("value")) for pair in area.inner.get("geocode", ())),
            )
            for area in found.inner.get("area", ())
        ),
    )


def _moment(written: str) -> datetime | None:
    return cap_moment(written) if written else None
