"""When a session, a duty or a festival comes again: civil rules (RRULE) and Vietnamese lunar dates.

Civil rules are RFC 5545 recurrence rules by the day or coarser, read in Asia/Ho_Chi_Minh. A rule that names a day
which a month lacks skips that month (RFC 5545 3.3.10): `BYMONTHDAY=31` falls seven times a year, `BYMONTHDAY=-1` on
the last day of every month.

Lunar dates are those of the Vietnamese calendar (UTC+7), never the Chinese one, for the years 1900-2100.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import dropwhile, islice, takewhile

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # dateutil 4 ships no types
from lunar_vn import LunarDate, lunar_to_solar, solar_to_lunar

from lantoa_calendar.periods import ZONE

__all__ = ["InvalidLunarDate", "InvalidRule", "LunarDate", "Slot", "lunar_date", "next_lunar", "next_occurrence"]
__all__ += ["occurrences", "solar_of"]

HORIZON_YEARS = 50
"""A rule is looked at for this many years from its start; later occurrences do not exist for the platform."""

_FIRST_START, _LAST_START = 1980, 2149
# dateutil checks an end only on days that match, so a rule that never matches is searched to the year 9999 (7 s a
# call). The Gregorian calendar repeats exactly, weekdays too, after 400 years: moved by 19 such cycles at most 420
# years are left (under 1 s).
_CYCLES = 19 * 400
_MAX_RULE_LENGTH = 200

_WEEKDAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
_MONTHDAY = "-?(?:[1-9]|[12][0-9]|3[01])"
_PARTS = {
    "FREQ": re.compile("DAILY|WEEKLY|MONTHLY|YEARLY"),
    "INTERVAL": re.compile("[1-9][0-9]{0,2}"),
    "COUNT": re.compile("[1-9][0-9]{0,4}"),
    "UNTIL": re.compile("[0-9]{8}(?:T[0-9]{6}Z?)?"),
    "BYDAY": re.compile(f"(?:[+-]?[1-5])?{_WEEKDAY}(?:,(?:[+-]?[1-5])?{_WEEKDAY})*"),
    "BYMONTH": re.compile("(?:[1-9]|1[0-2])(?:,(?:[1-9]|1[0-2]))*"),
    "BYMONTHDAY": re.compile(f"{_MONTHDAY}(?:,{_MONTHDAY})*"),
    "BYSETPOS": re.compile("-?[1-9][0-9]{0,2}(?:,-?[1-9][0-9]{0,2})*"),
    "WKST": re.compile(_WEEKDAY),
}


class InvalidRule(ValueError):
    """Not a rule that the platform accepts: unreadable, finer than a day, contradictory, or one that never happens."""


class InvalidLunarDate(ValueError):
    """No such day in the Vietnamese lunar calendar of 1900-2100."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a programme grid: on the days of `rule`, at the local time `at` (`HH:MM`).

    Raises:
        InvalidRule: `at` is not a time of day. The rule is judged together with its start, by the functions below.
    """

    rule: str
    at: str

    def __post_init__(self) -> None:
        if not re.fullmatch("(?:[01][0-9]|2[0-3]):[0-5][0-9]", self.at):
            msg = f"not a time of day as HH:MM: {self.at!r}"
            raise InvalidRule(msg)

    def start(self, on: date) -> datetime:
        """The instant of this slot on that day: what the functions below take as the start of the rule."""
        return datetime.combine(on, time.fromisoformat(self.at), tzinfo=ZONE)


def next_occurrence(rule: str, start: datetime, after: datetime) -> datetime | None:
    """The first occurrence strictly after `after`, in Asia/Ho_Chi_Minh; None when there is none left.

    `start` gives the time of day, the phase of an INTERVAL and the day of a rule that names none; as in RFC 5545
    nothing happens before it. It is itself an occurrence only when the rule matches it. Fractions of its second are
    dropped.

    Raises:
        InvalidRule: the rule is not accepted, or it never happens within 50 years of its start.
        ValueError: a datetime without a time zone.
    """
    _require_zone(after)
    return next(dropwhile(lambda instant: instant <= after, _instants(rule, start)), None)


def occurrences(rule: str, start: datetime, frm: datetime, to: datetime, limit: int) -> tuple[datetime, ...]:
    """The occurrences from `frm` (included) to `to` (excluded), in order, the first `limit` of them.

    Raises:
        InvalidRule, ValueError: as `next_occurrence`; ValueError also when `limit` is below 1.
    """
    _require_zone(frm)
    _require_zone(to)
    if limit < 1:
        msg = "limit must be at least 1"
        raise ValueError(msg)
    later = dropwhile(lambda instant: instant < frm, _instants(rule, start))
    return tuple(islice(takewhile(lambda instant: instant < to, later), limit))


def lunar_date(day: date) -> LunarDate:
    """The Vietnamese lunar date (`day`, `month`, `year`, `leap`) of a civil day.

    Raises:
        InvalidLunarDate: the day is outside 1900-2100.
    """
    try:
        return solar_to_lunar(day)
    except ValueError as error:
        raise InvalidLunarDate(str(error)) from error


def solar_of(lunar: LunarDate) -> date:
    """The civil day of a Vietnamese lunar date.

    Raises:
        InvalidLunarDate: the 30th of a month of 29 days, a leap month that the year lacks, or outside 1900-2100.
    """
    try:
        day = lunar_to_solar(lunar)
    except ValueError as error:
        raise InvalidLunarDate(str(error)) from error
    # lunar-vn lets the 30th of a short month run into the next one and ignores a leap flag in a year without a leap
    # month.
    if lunar_date(day) != lunar:
        msg = f"no such lunar date: {lunar}"
        raise InvalidLunarDate(msg)
    return day


def next_lunar(day_of_month: int, month: int | None, after: date) -> date:
    """The next civil day, strictly after `after`, on this day of the lunar month (`month`, or every month when None).

    Leap months: a yearly date is kept in the regular month only, as festivals are, never in the leap month that
    repeats its number; a monthly date (the 1st, the 15th) is kept in leap months too. A month of 29 days keeps its
    30th on the 29th, as New Year's Eve ("30 Tết") does.

    Raises:
        InvalidLunarDate: not a day 1-30 or a month 1-12, or the answer lies outside 1900-2100.
    """
    if not 1 <= day_of_month <= 30 or (month is not None and not 1 <= month <= 12):
        msg = f"no such lunar day and month: {day_of_month}/{month}"
        raise InvalidLunarDate(msg)
    first = after - timedelta(days=lunar_date(after).day - 1)
    while True:
        lunar = lunar_date(first)
        length = 29 if lunar_date(first + timedelta(days=29)).day == 1 else 30
        day = first + timedelta(days=min(day_of_month, length) - 1)
        wanted = month is None or (lunar.month == month and not lunar.leap)
        if wanted and day > after:
            return day
        first += timedelta(days=length)


def _instants(rule: str, start: datetime) -> Iterator[datetime]:
    """Every occurrence of the rule in order, within the horizon. Raises InvalidRule before the first one."""
    _require_zone(start)
    parts = _parse(rule)
    local = start.astimezone(ZONE).replace(tzinfo=None, microsecond=0)
    if not _FIRST_START <= local.year <= _LAST_START:
        msg = f"a rule starts in the years {_FIRST_START}-{_LAST_START}"
        raise InvalidRule(msg)
    last = _add_years(local, HORIZON_YEARS)
    if "UNTIL" in parts:
        last = min(last, _until(parts.pop("UNTIL")))
    # Counted here and not by dateutil, which takes no COUNT together with an end.
    count = int(parts.pop("COUNT", "0")) or None
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    moved = rrulestr(text, dtstart=_add_years(local, _CYCLES))
    days = (_add_years(instant, -_CYCLES) for instant in moved)
    found = islice(takewhile(lambda instant: instant <= last, days), count)
    first = next(found, None)
    if first is None:
        msg = f"the rule never happens: {rule}"
        raise InvalidRule(msg)
    yield first.replace(tzinfo=ZONE)
    for instant in found:
        yield instant.replace(tzinfo=ZONE)


def _parse(rule: str) -> dict[str, str]:
    """The parts of the rule by name, each of the accepted form, FREQ among them."""
    if len(rule) > _MAX_RULE_LENGTH:
        msg = f"a rule has at most {_MAX_RULE_LENGTH} characters"
        raise InvalidRule(msg)
    parts: dict[str, str] = {}
    for part in rule.upper().split(";"):
        name, _, value = part.partition("=")
        form = _PARTS.get(name)
        if form is None or name in parts or not form.fullmatch(value):
            msg = f"not accepted in a rule: {part!r}"
            raise InvalidRule(msg)
        parts[name] = value
    if "FREQ" not in parts:
        msg = "a rule needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"
        raise InvalidRule(msg)
    if "COUNT" in parts and "UNTIL" in parts:
        msg = "a rule has COUNT or UNTIL, not both (RFC 5545 3.3.10)"
        raise InvalidRule(msg)
    if "BYSETPOS" in parts and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        msg = "BYSETPOS chooses among the days of another BY part (RFC 5545 3.3.10)"
        raise InvalidRule(msg)
    numbered = any(char.isdigit() for char in parts.get("BYDAY", ""))
    if numbered and parts["FREQ"] not in ("MONTHLY", "YEARLY"):
        msg = "a numbered weekday such as 1MO goes with MONTHLY or YEARLY only (RFC 5545 3.3.10)"
        raise InvalidRule(msg)
    return parts


def _until(value: str) -> datetime:
    """The last local instant that UNTIL allows: a bare date includes its whole day, a trailing Z means UTC."""
    try:
        if len(value) == 8:
            return datetime.combine(datetime.strptime(value, "%Y%m%d").date(), time.max)  # noqa: DTZ007 - local by definition
        instant = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - zone decided below
        if value.endswith("Z"):
            return instant.replace(tzinfo=UTC).astimezone(ZONE).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        msg = f"UNTIL is not a date: {value}"
        raise InvalidRule(msg) from error
    return instant


def _add_years(instant: datetime, years: int) -> datetime:
    """The same day that many years on; 29 February becomes 28 where the year lacks it."""
    try:
        return instant.replace(year=instant.year + years)
    except ValueError:
        return instant.replace(year=instant.year + years, day=28)


def _require_zone(instant: datetime) -> None:
    if instant.utcoffset() is None:
        msg = "an instant needs a time zone"
        raise ValueError(msg)
