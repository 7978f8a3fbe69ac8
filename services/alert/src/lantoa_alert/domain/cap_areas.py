"""From a CAP area to our units: by code, by shape, by name; what is not known is refused and never made larger."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import asin, cos, isfinite, radians, sin, sqrt
from typing import NamedTuple

from lantoa_alert.domain.cap import CapArea, CapRefused
from lantoa_calendar.text import fold

UNIT_CODE = "urn:lantoa:unit"
"""``valueName`` of a geocode whose value is the code of a unit, as it was on the day when the message was sent."""
_POINTED = frozenset({"ward", "commune", "town"})
_NO_TERRITORY = "body"
_KINDS = ("thanh pho", "thi tran", "thi xa", "tinh", "huyen", "quan", "phuong", "xa", "tp.", "tx.", "tt.", "p.", "tp")
_COUNTRY = frozenset({"viet nam", "vietnam"})
_EARTH_KM = 6371.0088
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class CapUnit:
    """A unit of territory with its days (both included) and its point, in degrees, where one is known."""

    id: str
    code: str
    name: str
    kind: str
    path: tuple[str, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    lat: float | None = None
    lon: float | None = None

    def stands_on(self, day: date) -> bool:
        """Whether the unit exists on a day."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)


class _Point(NamedTuple):
    lat: float
    lon: float
    unit_id: str


class Territory:
    """The units of a day, to be found in the three ways of CAP."""

    def __init__(self, units: Iterable[CapUnit], today: date) -> None:
        self._all = [unit for unit in units if unit.kind != _NO_TERRITORY]
        self._today = today
        self._by_id = {unit.id: unit for unit in self._all}
        self._by_code: dict[str, list[CapUnit]] = defaultdict(list)
        self._by_name: dict[str, list[CapUnit]] = defaultdict(list)
        self._by_bare_name: dict[str, list[CapUnit]] = defaultdict(list)
        for unit in self._all:
            self._by_code[unit.code].append(unit)
            self._by_name[fold(unit.name)].append(unit)
            self._by_bare_name[_bare(fold(unit.name))].append(unit)
        self._points = sorted(
            _Point(unit.lat, unit.lon, unit.id)
            for unit in self._all
            if unit.lat is not None and unit.lon is not None and unit.kind in _POINTED and unit.stands_on(today)
        )

    def units_in(self, area: CapArea, sent_on: date) -> frozenset[str]:
        """The ids of the units that an area means; a unit stands for all below it.

        Codes and shapes add up (3.2.4). The name counts only without a code of ours, and where no unit's point lies in
        a shape: that of an incident is often smaller than a commune.

        Raises:
            CapRefused: ``unknown-area``, ``former-area`` (a unit that is no more: what it went into is larger),
                ``ambiguous-area`` or ``area-shape``.
        """
        codes = [value.strip() for name, value in area.geocodes if name.strip() == UNIT_CODE]
        found = {self._of_code(code, sent_on, area).id for code in codes}
        for polygon in area.polygons:
            found |= self._inside(_polygon(polygon))
        for circle in area.circles:
            found |= self._within(*_circle(circle))
        if not codes and not found:
            found = {self._of_name(part, area).id for part in area.description.split(";") if part.strip()}
        if not found:
            raise CapRefused("alert.cap-unknown-area", area=_shown(area))
        return frozenset(found)

    def _of_code(self, code: str, sent_on: date, area: CapArea) -> CapUnit:
        return self._only([unit for unit in self._by_code.get(code, []) if unit.stands_on(sent_on)], area)

    def _of_name(self, written: str, area: CapArea) -> CapUnit:
        """``Xã Cầu Kè, tỉnh Vĩnh Long``: a unit, and after commas what it lies in."""
        first, *around = [fold(part) for part in written.split(",")]
        named = self._by_name.get(first) or self._by_bare_name.get(first) or []
        fitting = [unit for unit in named if all(self._lies_in(unit, one) for one in around)]
        return self._only(fitting, area)

    def _lies_in(self, unit: CapUnit, name: str) -> bool:
        above = [fold(self._by_id[one].name) for one in unit.path[:-1] if one in self._by_id]
        return name in _COUNTRY or any(name in (one, _bare(one)) for one in above)

    def _only(self, found: list[CapUnit], area: CapArea) -> CapUnit:
        standing = [unit for unit in found if unit.stands_on(self._today)]
        if len(standing) > 1:
            raise CapRefused("alert.cap-ambiguous-area", area=_shown(area))
        if not standing:
            raise CapRefused("alert.cap-former-area" if found else "alert.cap-unknown-area", area=_shown(area))
        return standing[0]

    def _inside(self, corners: list[tuple[float, float]]) -> set[str]:
        """Even-odd rule, edge by edge over points sorted by latitude: large borders cost no more than their corners."""
        crossings: dict[str, int] = defaultdict(int)
        for (lat1, lon1), (lat2, lon2) in pairwise(corners):
            if lat1 == lat2:
                continue
            low, high = min(lat1, lat2), max(lat1, lat2)
            for at in range(bisect_left(self._points, (low,)), bisect_left(self._points, (high,))):
                point = self._points[at]
                if point.lon < lon1 + (point.lat - lat1) / (lat2 - lat1) * (lon2 - lon1):
                    crossings[point.unit_id] += 1
        return {unit_id for unit_id, times in crossings.items() if times % 2}

    def _within(self, lat: float, lon: float, km: float) -> set[str]:
        return {point.unit_id for point in self._points if _distance_km(lat, lon, point.lat, point.lon) <= km}


def _bare(folded: str) -> str:
    """A folded name without the word for its kind."""
    kind = next((one for one in _KINDS if folded.startswith((f"{one} ", one if one.endswith(".") else f"{one} "))), "")
    return folded.removeprefix(kind).strip() or folded


def _shown(area: CapArea) -> str:
    return " ".join(area.description.split())[:_SHOWN]


def _numbers(written: str, most: float) -> tuple[float, float]:
    """``lat,lon`` in degrees (WGS 84)."""
    try:
        lat, lon = (float(part) for part in written.split(","))
    except ValueError as error:
        raise CapRefused("alert.cap-area-shape") from error
    if not (abs(lat) <= 90 and abs(lon) <= most):
        raise CapRefused("alert.cap-area-shape")
    return lat, lon


def _polygon(written: str) -> list[tuple[float, float]]:
    """At least four corners, the last of them the first (3.2.4)."""
    corners = [_numbers(pair, 180) for pair in written.split()]
    if len(corners) < 4 or corners[0] != corners[-1]:
        raise CapRefused("alert.cap-area-shape")
    return corners


def _circle(written: str) -> tuple[float, float, float]:
    """``lat,lon radius``, the radius in kilometres (3.2.4)."""
    centre, _, radius = written.strip().partition(" ")
    try:
        km = float(radius)
    except ValueError as error:
        raise CapRefused("alert.cap-area-shape") from error
    if not isfinite(km) or km < 0:
        raise CapRefused("alert.cap-area-shape")
    return (*_numbers(centre, 180), km)


def _distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance by the haversine formula."""
    north, east = radians(lat2 - lat1), radians(lon2 - lon1)
    half = sin(north / 2) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(east / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(half)))
