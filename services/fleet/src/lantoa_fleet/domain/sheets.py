"""Rows of a spreadsheet as places for devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lantoa_calendar.text import slug
from lantoa_fleet.domain.groups import groups_of
from lantoa_fleet.domain.places import Place, SiteType
from lantoa_runtime.errors import AppError, Invalid

MOST_ROWS = 5000
MQTT = "mqtt"
"""Stands in the column of the claim code for a receiver that has none."""
_LONGEST_NAME = 120
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "ten", "ten-thiet-bi"),
    "unit": ("unit", "unit-code", "unit-id", "don-vi", "ma-don-vi", "ten-don-vi"),
    "kind": ("kind", "loai", "loai-thiet-bi"),
    "site_type": ("site-type", "site", "place", "noi-dat"),
    "lat": ("lat", "latitude", "vi-do"),
    "lon": ("lon", "lng", "longitude", "kinh-do"),
    "model": ("model", "mau", "kieu-may"),
    "groups": ("groups", "group", "nhom"),
    "claim_code": ("claim-code", "code", "ma", "ma-nhan", "ma-tren-thiet-bi"),
}
_MEANING = {word: name for name, words in _COLUMNS.items() for word in words}
NEEDED = ("name", "unit", "site_type", "claim_code")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "radio": ("radio", "loa", "truyen-thanh", "cum-loa"),
    "board": ("board", "bang-tin", "bang-tin-dien-tu", "bang-dien-tu"),
    "both": ("both", "ca-hai", "loa-va-bang-tin"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_RANGES = {"lat": 90.0, "lon": 180.0}

Outcome = Literal["created", "unchanged", "refused"]


@dataclass(frozen=True)
class Wanted:
    """What a row asks for. ``kind`` is None where the row leaves it to the device."""

    row: int
    claim_code: str
    kind: str | None
    place: Place

    @property
    def mqtt(self) -> bool:
        """Whether it is a receiver without a claim code."""
        return self.claim_code.lower() == MQTT


@dataclass(frozen=True)
class Judged:
    """What became of a row; ``why`` names the reason of a refusal."""

    row: int
    outcome: Outcome
    why: AppError | None = None
    device_id: str | None = None
    token: str | None = None


class Units:
    """Units by code, id or name, as people write them into a column."""

    def __init__(self, units: Sequence[Mapping[str, Any]]) -> None:
        self.by_id = {str(unit["_id"]): unit for unit in units}
        self._by_code: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for unit in units:
            self._by_code.setdefault(str(unit["code"]), []).append(unit["_id"])
            self._by_name.setdefault(slug(unit["name"]), []).append(unit["_id"])

    def find(self, written: str, *, by_name: bool = True) -> str:
        """The id of the one unit that is meant; of several with a code or name, the one that is still there.

        Raises:
            Invalid: there is none, or more than one.
        """
        if written in self.by_id:
            return written
        found = self._by_code.get(written) or (self._by_name.get(slug(written), []) if by_name else [])
        present = [unit_id for unit_id in found if self.by_id[unit_id].get("valid_to") is None]
        candidates = present or found
        if not candidates:
            raise Invalid("fleet.row-unknown-unit", written=written)
        if len(candidates) > 1:
            raise Invalid("fleet.row-several-units", written=written, codes=", ".join(self._codes(candidates)))
        return candidates[0]

    def _codes(self, unit_ids: Sequence[str]) -> list[str]:
        return sorted(str(self.by_id[unit_id]["code"]) for unit_id in unit_ids)[:5]


def meaning_of(title: str) -> str | None:
    """Which of our columns a title means, in either language."""
    return _MEANING.get(slug(title))


def wanted_of(
    row: int, cells: Sequence[str], columns: Mapping[str, int], units: Units, site_words: Mapping[str, str]
) -> Wanted:
    """What a row asks for; ``site_words`` are the names of the kinds of places in every language, as slugs.

    Raises:
        Invalid: why not.
    """
    text = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
    for name in NEEDED:
        if not text[name]:
            raise Invalid("fleet.row-empty", column=name)
    for name in ("name", "model"):
        if len(text.get(name, "")) > _LONGEST_NAME or not text.get(name, "").isprintable():
            raise Invalid("fleet.row-bad-text", column=name)
    site = site_words.get(slug(text["site_type"]))
    if site is None:
        raise Invalid("fleet.row-unknown-site", written=text["site_type"])
    kind = text.get("kind", "")
    if kind and slug(kind) not in _KIND_OF:
        raise Invalid("fleet.row-unknown-kind", written=kind)
    lat, lon = (_number(name, text.get(name, "")) for name in ("lat", "lon"))
    if (lat is None) != (lon is None):
        raise Invalid("fleet.row-half-a-point")
    groups = tuple(name.strip() for name in text.get("groups", "").replace(";", ",").split(",") if slug(name))
    groups_of(groups)
    place = Place(text["name"], units.find(text["unit"]), site, text.get("model") or None, lat, lon, groups)
    return Wanted(row, text["claim_code"], _KIND_OF.get(slug(kind)), place)


def site_words(titles: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Slugs that mean a kind of place: its own name and its titles."""
    own = {slug(site): site for site in get_args(SiteType)}
    return own | {slug(title): site for site, named in titles.items() for title in named}


def _number(name: str, written: str) -> float | None:
    if not written:
        return None
    try:
        number = float(written.replace(",", "."))
    except ValueError as error:
        raise Invalid("fleet.row-bad-number", column=name, written=written) from error
    if not abs(number) <= _RANGES[name]:
        raise Invalid("fleet.row-bad-number", column=name, written=written)
    return number
