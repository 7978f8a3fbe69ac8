"""Rows of a spreadsheet, and lines of the repository's list, as units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from lantoa_calendar.text import nfc, slug
from lantoa_contracts.events.directory import Tree, UnitKind
from lantoa_directory.domain.acts import free_id
from lantoa_directory.domain.succession import Successor
from lantoa_directory.domain.units import Unit, UnitsRefused, check_tree, path_of, tree_of
from lantoa_runtime.errors import AppError, Invalid

MOST_ROWS = 5000
_LONGEST = {"code": 20, "name": 200, "unit_id": 64}
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "unit_id": ("unit-id", "id", "ma-dinh-danh"),
    "code": ("code", "unit-code", "ma", "ma-don-vi"),
    "name": ("name", "unit-name", "ten", "ten-don-vi"),
    "kind": ("kind", "type", "loai", "cap", "loai-don-vi"),
    "tree": ("tree", "cay", "he-thong"),
    "parent": ("parent", "parent-code", "thuoc", "truc-thuoc", "don-vi-cap-tren"),
    "superior": ("superior", "co-quan-cap-tren"),
    "valid_from": ("valid-from", "from", "tu-ngay", "hieu-luc-tu"),
    "valid_to": ("valid-to", "to", "den-ngay", "hieu-luc-den"),
    "lat": ("lat", "latitude", "vi-do"),
    "lon": ("lon", "lng", "longitude", "kinh-do"),
    "area_km2": ("area-km2", "area", "dien-tich", "dien-tich-km2"),
}
_MEANING = {word: name for name, words in _COLUMNS.items() for word in words}
NEEDED = ("code", "name", "kind")
_KINDS: Mapping[UnitKind, tuple[str, ...]] = {
    "province": ("province", "tinh", "thanh-pho-truc-thuoc-trung-uong"),
    "district": ("district", "huyen", "quan", "thi-xa", "thanh-pho"),
    "ward": ("ward", "phuong"),
    "commune": ("commune", "xa"),
    "town": ("town", "thi-tran"),
    "body": ("body", "co-quan", "to-chuc"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_TREES: Mapping[Tree, tuple[str, ...]] = {
    "territory": ("territory", "lanh-tho", "hanh-chinh"),
    "party": ("party", "dang", "doan-the", "dang-doan-the", "dang-va-doan-the"),
    "administration": ("administration", "chinh-quyen", "co-quan-nha-nuoc"),
}
_TREE_OF = {word: tree for tree, words in _TREES.items() for word in words}
_RANGES = {"lat": (-90.0, 90.0), "lon": (-180.0, 180.0), "area_km2": (0.0, 1_000_000.0)}

Outcome = Literal["created", "changed", "unchanged", "refused"]


@dataclass(frozen=True)
class Judged:
    """What became of a row; ``why`` names the reason of a refusal."""

    row: int
    outcome: Outcome
    unit_id: str | None = None
    name: str = ""
    why: AppError | None = None


@dataclass(frozen=True)
class Row:
    """A row that reads like a unit; ``parent`` and ``superior`` are as somebody wrote them."""

    number: int
    unit_id: str | None
    unit: Unit
    parent: str
    superior: str


def meaning_of(title: str) -> str | None:
    """Which of our columns a title means, in either language."""
    return _MEANING.get(slug(title))


def row_of(number: int, text: Mapping[str, str]) -> Row:
    """A row by its columns.

    Raises:
        Invalid: why it is no unit.
    """
    for name in NEEDED:
        if not text.get(name):
            raise Invalid("directory.row-empty", column=name)
    for name, longest in _LONGEST.items():
        if len(text.get(name, "")) > longest or not text.get(name, "").isprintable():
            raise Invalid("directory.row-bad-text", column=name)
    kind = _KIND_OF.get(slug(text["kind"]))
    if kind is None:
        raise Invalid("directory.row-unknown-kind", written=text["kind"])
    tree = _TREE_OF.get(slug(text["tree"])) if text.get("tree") else tree_of(kind)
    if tree is None:
        raise Invalid("directory.row-unknown-tree", written=text["tree"])
    unit = Unit(
        id="",
        code=text["code"],
        name=nfc(text["name"]),
        kind=kind,
        parent=None,
        valid_from=_day("valid_from", text.get("valid_from", "")),
        valid_to=_day("valid_to", text.get("valid_to", "")),
        lat=_number("lat", text.get("lat", "")),
        lon=_number("lon", text.get("lon", "")),
        area_km2=_number("area_km2", text.get("area_km2", "")),
        tree=tree,
    )
    if (unit.lat is None) != (unit.lon is None):
        raise Invalid("directory.row-half-a-point")
    written = text.get("unit_id") or None
    if written and not (written.isascii() and slug(written) == written):
        raise Invalid("directory.row-bad-text", column="unit_id")
    return Row(number, written, unit, text.get("parent", ""), text.get("superior", ""))


def _day(column: str, written: str) -> date | None:
    if not written:
        return None
    try:
        # A spreadsheet's date has a time; people write the day first.
        if "/" in written:
            day, month, year = written.split("/")
            return date(int(year), int(month), int(day))
        return date.fromisoformat(written[:10])
    except ValueError as error:
        raise Invalid("directory.row-bad-day", column=column, written=written[:40]) from error


def _number(column: str, written: str) -> float | None:
    if not written:
        return None
    low, high = _RANGES[column]
    try:
        number = float(written.replace(",", "."))
    except ValueError as error:
        raise Invalid("directory.row-bad-number", column=column, written=written[:40]) from error
    if not low <= number <= high:
        raise Invalid("directory.row-bad-number", column=column, written=written[:40])
    return number


def placed_rows(stored: Mapping[str, Unit], rows: Sequence[Row]) -> tuple[dict[int, Unit], list[Judged]]:
    """The units that the rows stand for, by their numbers, and the rows that cannot be taken.

    A row means the unit of its id, or else of its code and first day, and a body's name; without either a new one.
    Parents and superiors are ids or codes, of stored units or of other rows; of several with a code the one that is
    still there is meant.
    """
    refused: list[Judged] = []
    units: dict[str, Unit] = dict(stored)
    ours: dict[int, tuple[Row, str]] = {}
    known = {_meant(unit): unit.id for unit in stored.values()}
    for row in rows:
        unit_id = row.unit_id or known.get(_meant(row.unit))
        if unit_id is None:
            unit_id = free_id(row.unit.kind, row.unit.code, row.unit.valid_from, lambda taken: taken in units)
            known[_meant(row.unit)] = unit_id
        if unit_id in {seen for _, seen in ours.values()}:
            refused.append(Judged(row.number, "refused", unit_id, row.unit.name, Invalid("directory.row-twice")))
            continue
        ours[row.number] = (row, unit_id)
        units[unit_id] = replace(row.unit, id=unit_id)
    return _checked(units, ours, refused)


def _meant(unit: Unit) -> tuple[str, str, date | None, str]:
    """What tells a unit from others. Codes of territory do, on one day; many bodies share theirs."""
    return unit.tree, unit.code, unit.valid_from, slug(unit.name) if unit.kind == "body" else ""


def _checked(
    units: dict[str, Unit], ours: dict[int, tuple[Row, str]], refused: list[Judged]
) -> tuple[dict[int, Unit], list[Judged]]:
    by_code: dict[str, list[str]] = {}
    for unit in units.values():
        by_code.setdefault(unit.code, []).append(unit.id)

    def find(written: str) -> str | None:
        if not written or written in units:
            return written or None
        found = by_code.get(written, [])
        present = [unit_id for unit_id in found if unit_id in units and units[unit_id].valid_to is None] or found
        if len(present) != 1 or present[0] not in units:
            raise Invalid("directory.row-unknown-unit", written=written)
        return present[0]

    for number, (row, unit_id) in list(ours.items()):
        try:
            units[unit_id] = replace(units[unit_id], parent=find(row.parent), superior=find(row.superior))
        except Invalid as why:
            refused.append(Judged(number, "refused", unit_id, row.unit.name, why))
    # What hangs under a row that is refused is refused with it.
    lost = {ours[judged.row][1] for judged in refused if judged.row in ours}
    while True:
        for gone in lost:
            units.pop(gone, None)
        ours = {number: one for number, one in ours.items() if one[1] not in lost}
        lost = set()
        for number, (row, unit_id) in ours.items():
            try:
                path_of(units, units[unit_id])
                check_tree(units, units[unit_id])
            except UnitsRefused as why:
                fault = Invalid(f"directory.{why.code}", unit_id=why.unit_id)
                refused.append(Judged(number, "refused", unit_id, row.unit.name, fault))
                lost.add(unit_id)
        if not lost:
            return {number: units[unit_id] for number, (_, unit_id) in ours.items()}, refused


def rows_of_list(document: Mapping[str, Any]) -> tuple[list[list[str]], list[tuple[str, Successor]]]:
    """The repository's ``{units, successors}`` as a sheet with a header, and its links.

    Raises:
        Invalid: it is something else.
    """
    units, links = document.get("units"), document.get("successors", [])
    if not isinstance(units, list) or not isinstance(links, list):
        raise Invalid("sheet-unreadable")
    names = tuple(_COLUMNS)
    sheet = [list(names)]
    try:
        sheet += [["" if unit.get(name) is None else str(unit[name]) for name in names] for unit in units]
        successors = [
            (str(one["unit_id"]), Successor(str(one["successor_id"]), date.fromisoformat(one["date"]), str(one["act"])))
            for one in links
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid("sheet-unreadable") from error
    return sheet, successors
