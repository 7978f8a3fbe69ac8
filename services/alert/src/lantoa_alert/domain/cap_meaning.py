"""What a CAP message asks of us: notices for our units, in our languages, until a moment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lantoa_alert.domain.cap import CapAlert, CapInfo, CapRefused, CapSeverity
from lantoa_alert.domain.cap_areas import Territory
from lantoa_calendar.periods import ZONE
from lantoa_calendar.text import nfc
from lantoa_contracts.base import Language
from lantoa_contracts.events.alert import Severity, Status

DEFAULT_LIFE = timedelta(hours=12)
"""How long a message holds that does not say so; the standard leaves it to the recipient (3.2.2, expires)."""
MOST_HEADLINE, MOST_TEXT = 200, 2000
_STATUS: dict[str, Status] = {"Actual": "actual", "Exercise": "exercise", "Test": "test"}
_SEVERITY: dict[CapSeverity, Severity] = {
    "Extreme": "extreme",
    "Severe": "severe",
    "Moderate": "moderate",
    "Minor": "minor",
    "Unknown": "moderate",
}
_LANGUAGES: tuple[Language, ...] = ("vi", "km", "en")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice as a message asks for it: like one that a person composes, with its end instead of its minutes."""

    status: Status
    severity: Severity
    headline: str
    texts: dict[str, str]
    """By language: ``vi``, ``km``, ``en``; what leads comes first."""
    unit_ids: tuple[str, ...]
    begins_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Meaning:
    """The notices of a message, and the areas of it that are not taken, each with its reason."""

    drafts: tuple[Draft, ...]
    refused: tuple[CapRefused, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """One info block that is for us."""

    language: Language
    info: CapInfo
    unit_ids: frozenset[str]
    expires_at: datetime


def check_addressed(alert: CapAlert) -> None:
    """Pass a message that is for the public and real, an exercise or a test.

    Raises:
        CapRefused: ``status`` or ``scope``.
    """
    if alert.status not in _STATUS:
        raise CapRefused("alert.cap-status", status=alert.status)
    if alert.scope != "Public":
        raise CapRefused("alert.cap-scope", scope=alert.scope)


def meaning(alert: CapAlert, territory: Territory, now: datetime) -> Meaning:
    """What an Alert or an Update asks for.

    Blocks that differ in language only become one notice; blocks for other areas become notices of their own, so that
    nobody hears what is meant for others. Areas that are not ours are left out and named, as those of a nation-wide
    message are; when none is left, the message is refused.

    Raises:
        CapRefused: ``no-info``, ``expired``, ``language``, ``no-area``, or the reason of its first area.
    """
    if not alert.infos:
        raise CapRefused("alert.cap-no-info")
    current = [info for info in alert.infos if _end(alert, info) > now]
    if not current:
        raise CapRefused("alert.cap-expired")
    readable = [(language, info) for info in current if (language := _language(info.language))]
    if not readable:
        raise CapRefused("alert.cap-language")
    told, refused = _placed(alert, readable, territory)
    if not told:
        raise refused[0] if refused else CapRefused("alert.cap-no-area")
    return Meaning(tuple(_draft(alert, group) for group in _grouped(told)), tuple(refused))


def _end(alert: CapAlert, info: CapInfo) -> datetime:
    return info.expires or (info.effective or alert.key.sent) + DEFAULT_LIFE


def _language(tag: str) -> Language | None:
    primary = tag.split("-")[0].lower()
    return next((one for one in _LANGUAGES if one == primary), None)


def _placed(
    alert: CapAlert, infos: Sequence[tuple[Language, CapInfo]], territory: Territory
) -> tuple[list[_Told], list[CapRefused]]:
    told: list[_Told] = []
    refused: dict[tuple[str, str], CapRefused] = {}
    sent_on = alert.key.sent.astimezone(ZONE).date()
    for language, info in infos:
        found: frozenset[str] = frozenset()
        for area in info.areas:
            try:
                found |= territory.units_in(area, sent_on)
            except CapRefused as refusal:
                refused[(refusal.reason, area.description)] = refusal
        if found:
            told.append(_Told(language, info, found, _end(alert, info)))
    return told, list(refused.values())


def _grouped(told: Sequence[_Told]) -> list[list[_Told]]:
    """Blocks that say the same in other languages, together."""
    groups: list[list[_Told]] = []
    for one in told:
        for group in groups:
            same = group[0].unit_ids == one.unit_ids and group[0].info.severity == one.info.severity
            if same and all(other.language != one.language for other in group):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _draft(alert: CapAlert, group: Sequence[_Told]) -> Draft:
    ordered = sorted(group, key=lambda one: _LANGUAGES.index(one.language))
    first = ordered[0].info
    return Draft(
        status=_STATUS[alert.status],
        severity=_SEVERITY[first.severity],
        headline=_cut(" ".join(_clean(first.headline or first.event).split()), MOST_HEADLINE),
        texts={one.language: _text(one.info) for one in ordered},
        unit_ids=tuple(sorted(group[0].unit_ids)),
        begins_at=max(one.info.effective or alert.key.sent for one in group),
        expires_at=max(one.expires_at for one in group),
    )


def _text(info: CapInfo) -> str:
    """What is read out: what happens, then what to do. Where both are too long, what to do stays whole."""
    what = _clean(info.description) or _clean(info.headline or info.event)
    todo = _cut(_clean(info.instruction), MOST_TEXT - MOST_HEADLINE)
    if not todo:
        return _cut(what, MOST_TEXT)
    return f"{_cut(what, MOST_TEXT - len(todo) - 1)}\n{todo}"


def _clean(text: str) -> str:
    return nfc(_CONTROL.sub(" ", text)).strip()


def _cut(text: str, most: int) -> str:
    """At most so many characters, cut between words."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(None, 1)[0][: most - 1] + "…"
