"""Report periods as dated calendars, and the local day of an instant.

A calendar cuts time into yearly periods. A period is named after the year in which it ends, so the period in which a
body reports "before 15 November 2026" (Plan 75/KH-UBND, VI.6a) is `plan75-2026`: 15 November 2025 to 14 November
2026. The plan states the deadline only; that the period runs from deadline to deadline is this platform's assumption,
which is why calendars are data.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""Every day, week and hour of the platform is of this zone (UTC+7, no summer time)."""

_FIRST_YEAR, _LAST_YEAR = 1901, 2199
_KEY = re.compile(r"([a-z][a-z0-9]*)-([0-9]{4})")


class UnknownPeriod(ValueError):
    """No such calendar, no such period key, or a day outside the years 1901-2199."""


@dataclass(frozen=True, slots=True)
class ReportCalendar:
    """A way to cut time into years: each period starts on this day of this month.

    Raises:
        ValueError: the start is not a day of every year (29 February, 31 April).
    """

    name: str
    starts_month: int
    starts_day: int
    label_vi: str
    label_en: str

    def __post_init__(self) -> None:
        date(2001, self.starts_month, self.starts_day)

    def first_day(self, year: int) -> date:
        """The first day of the period named after `year`."""
        starts_in = year if (self.starts_month, self.starts_day) == (1, 1) else year - 1
        return date(starts_in, self.starts_month, self.starts_day)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` to `end`, both included; `key` is `<calendar>-<year in which it ends>`."""

    key: str
    calendar: str
    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


CALENDARS: dict[str, ReportCalendar] = {
    calendar.name: calendar
    for calendar in (
        ReportCalendar("plan75", 11, 15, "Kỳ báo cáo Kế hoạch 75 (15/11 - 14/11)", "Plan 75 year (15 Nov - 14 Nov)"),
        ReportCalendar("state", 12, 15, "Kỳ báo cáo năm (15/12 - 14/12)", "Administrative year (15 Dec - 14 Dec)"),
        ReportCalendar("civil", 1, 1, "Năm dương lịch", "Calendar year"),
    )
}
"""The known calendars. `state` follows the yearly report of Decree 09/2019/NĐ-CP, whose data closes on 14 December."""


def local_day(instant: datetime) -> date:
    """The day on the wall in Việt Nam at this instant.

    Raises:
        ValueError: the instant carries no time zone.
    """
    if instant.utcoffset() is None:
        msg = "an instant needs a time zone"
        raise ValueError(msg)
    return instant.astimezone(ZONE).date()


def span_of(first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """When these days begin and when they are over in Việt Nam, in UTC: the midnights around them.

    Without a day that end is open.
    """

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=ZONE).astimezone(UTC)

    return midnight(first) if first else None, midnight(last + timedelta(days=1)) if last else None


def period_of(calendar: str, day: date) -> Period:
    """The period of the named calendar in which the day lies.

    Raises:
        UnknownPeriod: no such calendar, or a day outside the supported years.
    """
    # One step of a year decides, because a period starts in the year it is named after or in the one before.
    candidate = _period(calendar, day.year)
    return candidate if day in candidate else _period(calendar, day.year + 1)


def period(key: str) -> Period:
    """The period with this key, such as `plan75-2026`.

    Raises:
        UnknownPeriod: the key is malformed, or names no calendar or a year outside 1901-2199.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise UnknownPeriod(key)
    return _period(found[1], int(found[2]))


def periods_between(calendar: str, first: date, last: date) -> tuple[Period, ...]:
    """The periods that share at least one day with `first`..`last` (both included), in order; none if last < first.

    Raises:
        UnknownPeriod: no such calendar, or a day outside the supported years.
    """
    if last < first:
        return ()
    first_year = int(period_of(calendar, first).key.rpartition("-")[2])
    last_year = int(period_of(calendar, last).key.rpartition("-")[2])
    return tuple(_period(calendar, year) for year in range(first_year, last_year + 1))


def _period(calendar: str, year: int) -> Period:
    known = CALENDARS.get(calendar)
    if known is None or not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise UnknownPeriod(f"{calendar}-{year:04d}")
    return Period(
        key=f"{calendar}-{year}",
        calendar=calendar,
        start=known.first_day(year),
        end=known.first_day(year + 1) - timedelta(days=1),
    )
