"""Spreadsheets from people: what is read, what is refused and why."""

import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook

from lantoa_fleet.domain.sheets import NEEDED, Units, meaning_of, site_words, wanted_of
from lantoa_runtime.errors import Invalid
from lantoa_runtime.sheets import columns_of, read_sheet

UNITS = Units(
    [
        {"_id": "u-1", "code": "29308", "name": "Xã Cầu Kè", "path": ["u-0", "u-1"], "valid_to": None},
        {"_id": "u-2", "code": "29399", "name": "Xã Cầu Kè", "path": ["u-0", "u-2"], "valid_to": "2025-06-30"},
        {"_id": "u-3", "code": "1", "name": "Ấp Chợ", "path": ["u-0", "u-3"], "valid_to": None},
        {"_id": "u-4", "code": "2", "name": "Ấp Chợ", "path": ["u-0", "u-4"], "valid_to": None},
    ]
)
HEADER = ["Tên", "Đơn vị", "Loại", "Nơi đặt", "Vĩ độ", "Kinh độ", "Mẫu", "Nhóm", "Mã"]
ROW = ["Loa chợ", "29308", "loa", "Chợ", "9,87", "106.05", "LT", "Ven biển, chợ", "AB2D-EF3H"]
WORDS = site_words({"market": ["Chợ", "Market"], "commune_office": ["Trụ sở xã, phường"]})


def _book(*rows: list[Any]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def _refusal(data: bytes, most: int = 10) -> str:
    with pytest.raises(Invalid) as refused:
        read_sheet(data, most)
    return str(refused.value.code)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_is_read_with_any_delimiter_and_with_or_without_its_mark(delimiter: str, mark: str) -> None:
    quoted = [f'"{cell}"' for cell in ROW]
    text = mark + delimiter.join(HEADER) + "\r\n" + delimiter.join(quoted) + "\r\n"
    assert read_sheet(text.encode(), 10) == [HEADER, ROW]


def test_a_workbook_is_read_with_numbers_as_they_look_and_empty_rows_in_their_place() -> None:
    data = _book(HEADER, ["Loa", 29308, None, "Chợ", 9.5], [], ["Loa 2"])
    rows = read_sheet(data, 10)
    assert rows[1][:5] == ["Loa", "29308", "", "Chợ", "9.5"]
    assert not any(rows[2])
    assert rows[3][0] == "Loa 2"


def test_a_row_is_understood_in_vietnamese() -> None:
    wanted = wanted_of(2, ROW, columns_of(HEADER, meaning_of, NEEDED), UNITS, WORDS)
    place = wanted.place
    assert (place.unit_id, place.site_type, place.lat, place.lon) == ("u-1", "market", 9.87, 106.05)
    assert (wanted.kind, place.groups, wanted.mqtt) == ("radio", ("Ven biển", "chợ"), False)


@pytest.mark.parametrize("written", ["29308", "u-1", "xã cầu kè", "XA CAU KE"])
def test_a_unit_is_found_by_code_id_or_name_and_the_present_one_is_meant(written: str) -> None:
    assert UNITS.find(written) == "u-1"


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        (0, "", "fleet.row-empty"),
        (0, "a" * 121, "fleet.row-bad-text"),
        (1, "Xã Không Có", "fleet.row-unknown-unit"),
        (1, "Ấp Chợ", "fleet.row-several-units"),
        (2, "máy nướng bánh", "fleet.row-unknown-kind"),
        (3, "sân bay", "fleet.row-unknown-site"),
        (4, "chín", "fleet.row-bad-number"),
        (4, "91", "fleet.row-bad-number"),
        (4, "nan", "fleet.row-bad-number"),
        (5, "", "fleet.row-half-a-point"),
        (7, ",".join(f"n{number}" for number in range(17)), "fleet.too-many-groups"),
    ],
)
def test_a_row_that_is_wrong_says_why(column: int, value: str, code: str) -> None:
    cells = [*ROW]
    cells[column] = value
    with pytest.raises(Invalid) as refused:
        wanted_of(2, cells, columns_of(HEADER, meaning_of, NEEDED), UNITS, WORDS)
    assert refused.value.code == code


def test_a_header_without_what_is_needed_is_refused() -> None:
    wrong = {"sheet-columns-missing": ["Tên", "Mã"], "sheet-column-twice": [*HEADER, "Ten"]}
    for code, header in wrong.items():
        with pytest.raises(Invalid) as refused:
            columns_of(header, meaning_of, NEEDED)
        assert refused.value.code == code


def _zip(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _with_entities() -> bytes:
    file, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(_book(HEADER, ROW)))
    with zipfile.ZipFile(file, "w") as archive:
        for member in source.infolist():
            text = source.read(member)
            if member.filename.endswith("sheet1.xml"):
                text = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + text
            archive.writestr(member.filename, text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_book(HEADER, ["=1+1"]), "sheet-formula"),
        (b"name,unit\n=HYPERLINK(1),2\n", "sheet-formula"),
        (_book(HEADER, *([ROW] * 11)), "sheet-too-long"),
        ("Tên\n".encode("utf-16"), "sheet-not-utf8"),
        (_zip("xl/workbook.xml", bytes(40 * 1024 * 1024)), "sheet-unreadable"),
        (_zip("hello.txt", b"hello"), "sheet-unreadable"),
        (b"PK\x03\x04 and no archive", "sheet-unreadable"),
        (_book(HEADER, ROW)[:-200], "sheet-unreadable"),
        (_with_entities(), "sheet-unreadable"),
        (b'name,unit\n"never closed,1\n', "sheet-unreadable"),
        (("name,unit\n" + "a" * 501 + ",1").encode(), "sheet-unreadable"),
    ],
)
def test_a_file_that_is_no_plain_table_is_refused(data: bytes, code: str) -> None:
    assert _refusal(data) == code
