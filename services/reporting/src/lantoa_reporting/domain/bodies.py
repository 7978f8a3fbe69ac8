"""Which body signs a report, to whom it goes and how it is named: by date, for bodies end and pass on their duties.

What is dated here comes from the plan's own selectors and from what is public about 2025: the Department of
Information and Communications ended on 28 February 2025; digital transformation went to Science and Technology,
grassroots information to Culture, Sports and Tourism; districts, the province's newspaper and its radio-TV as they
were ended on 30 June 2025. Bodies that the directory knows are named as it names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lantoa_reporting.domain.territory import Unit

_DEPARTMENTS_CHANGED = date(2025, 3, 1)
_DISTRICTS_ENDED = date(2025, 7, 1)
_ONE_LINE = 16


@dataclass(frozen=True, slots=True)
class BodyName:
    """The name of a selector of the plan's annex while it holds; ``until`` is the first day on which it does not."""

    selector: str
    name: str
    short: str
    symbol: str = ""
    since: date = date.min
    until: date = date.max


NAMES = (
    BodyName("S", "Sở Thông tin và Truyền thông", "Sở TT&TT", "STTTT", until=_DEPARTMENTS_CHANGED),
    BodyName("S", "Sở Khoa học và Công nghệ", "Sở KH&CN", "SKHCN", since=_DEPARTMENTS_CHANGED),
    BodyName("S", "Sở Văn hóa, Thể thao và Du lịch", "Sở VHTTDL", "SVHTTDL", since=_DEPARTMENTS_CHANGED),
    BodyName("O", "Văn phòng Ủy ban nhân dân tỉnh", "VP UBND tỉnh", "VP"),
    BodyName("N", "Báo Trà Vinh", "Báo Trà Vinh", until=_DISTRICTS_ENDED),
    BodyName("N", "Cơ quan báo chí của tỉnh", "Cơ quan báo chí của tỉnh", since=_DISTRICTS_ENDED),
    BodyName("B", "Đài Phát thanh và Truyền hình", "Đài PT-TH", until=_DISTRICTS_ENDED),
    BodyName("B", "Cơ quan báo chí của tỉnh", "Cơ quan báo chí của tỉnh", since=_DISTRICTS_ENDED),
    BodyName("I", "Sở Công Thương", "Sở Công Thương", "SCT"),
    BodyName("D*", "Các sở, ban, ngành, đoàn thể tỉnh", "Các sở, ban, ngành tỉnh"),
    BodyName("H*", "Ủy ban nhân dân các huyện, thị xã, thành phố", "UBND cấp huyện", until=_DISTRICTS_ENDED),
    BodyName("H*", "Ủy ban nhân dân các xã, phường", "UBND cấp xã", since=_DISTRICTS_ENDED),
    BodyName("A*", "Các cơ quan, đơn vị trên địa bàn tỉnh", "Các cơ quan, đơn vị trên địa bàn"),
)
"""Of several names that hold on a day, the first is the body that leads digital transformation and signs."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a document says of its sender and addressee. ``superior`` is empty for a people's committee.

    ``symbol`` is empty where the body's abbreviation is not known; its head sets it (Decree 30/2020).
    """

    superior: str
    issuer: str
    symbol: str
    place: str
    addressee: str
    authority: str
    post: str


def names_of(selector: str, day: date) -> tuple[BodyName, ...]:
    """The names that hold for a selector on a day; none for a selector that the plan does not have."""
    return tuple(found for found in NAMES if found.selector == selector and found.since <= day < found.until)


def leads(selectors: tuple[str, ...], day: date) -> str:
    """The short names of a task's lead bodies on a day; the shortest stay in one line of a table's column."""
    shorts = dict.fromkeys(found.short for selector in selectors for found in names_of(selector, day))
    return "; ".join(short.replace(" ", "\u00a0") if len(short) <= _ONE_LINE else short for short in shorts)


def letterhead(units: Mapping[str, Unit], unit: Unit, day: date) -> Letterhead:
    """The sender of a unit's report on a day: the lead department for a province, else the people's committee."""
    province = next((units[part] for part in unit.path if part in units and units[part].kind == "province"), unit)
    lead = names_of("S", day)[0]
    of_province = _in_sentence(province.name)
    if unit.kind == "body":
        return _of_body(units, unit, province, lead)
    if unit.kind == "province":
        return Letterhead(
            superior=f"UBND {of_province}",
            issuer=lead.name,
            symbol=lead.symbol,
            place=_place(unit),
            addressee=f"Ủy ban nhân dân {of_province}",
            authority="",
            post="GIÁM ĐỐC",
        )
    return Letterhead(
        superior="",
        issuer=f"Ủy ban nhân dân {_in_sentence(unit.name)}",
        symbol="UBND",
        place=_place(unit),
        addressee=f"{lead.name} {of_province}",
        authority="TM. ỦY BAN NHÂN DÂN",
        post="CHỦ TỊCH",
    )


def _of_body(units: Mapping[str, Unit], body: Unit, province: Unit, lead: BodyName) -> Letterhead:
    parent = next((units[part] for part in reversed(body.path[:-1]) if part in units), province)
    of_parent = _in_sentence(parent.name)
    committee = body.name.casefold().startswith("ủy ban nhân dân")
    department = body.name.casefold().startswith("sở ")
    name = body.name.removesuffix(f" {of_parent}") if department else body.name
    known = next((found for found in NAMES if found.symbol and name == found.name), None)
    to_committee = parent.kind == "province" and name == lead.name
    symbol = "UBND" if committee else known.symbol if known else ""
    return Letterhead(
        superior=f"UBND {of_parent}" if department else "",
        issuer=name,
        symbol=symbol,
        place=_place(parent),
        addressee=f"{'Ủy ban nhân dân' if to_committee else lead.name} {_in_sentence(province.name)}",
        authority="TM. ỦY BAN NHÂN DÂN" if committee else "",
        post="CHỦ TỊCH" if committee else "GIÁM ĐỐC" if department else "",
    )


def _in_sentence(name: str) -> str:
    """A unit's name inside a sentence: ``tỉnh Vĩnh Long``."""
    return name[:1].lower() + name[1:]


def _place(unit: Unit) -> str:
    """The name of a place on a document; places named by a number keep their kind (Decree 30/2020, II.4a)."""
    for kind in ("Thành phố ", "Thị trấn ", "Thị xã ", "Phường ", "Huyện ", "Tỉnh ", "Xã "):
        if unit.name.startswith(kind):
            rest = unit.name.removeprefix(kind)
            return unit.name if rest[:1].isdigit() else rest
    return unit.name
