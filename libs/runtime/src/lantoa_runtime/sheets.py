"""Spreadsheets as rows of text: xlsx and csv, from people whose files nobody has checked.

Whoever reads workbooks declares ``openpyxl``; the chassis of the other services does not load it.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lantoa_runtime.errors import Invalid

_ZIP = b"PK\x03\x04"
_MOST_UNPACKED = 32 * 1024 * 1024
_MOST_MEMBERS = 500
_MOST_COLUMNS = 30
_LONGEST_CELL = 500
_BROKEN = (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError, EOFError)
"""What openpyxl raises for files that only look like workbooks, beside syntax errors of their XML."""


def read_sheet(data: bytes, most_rows: int) -> list[list[str]]:
    """The rows of the first sheet, the header first, as text; empty rows stay, so that numbers are those on the screen.

    Raises:
        Invalid: no workbook or UTF-8 text, a formula in it, too long, or made to unpack into something huge.
    """
    rows = _rows_of_workbook(data) if data.startswith(_ZIP) else _rows_of_text(data)
    taken: list[list[str]] = []
    try:
        for number, row in enumerate(rows, start=1):
            if any(cell.startswith("=") for cell in row):
                raise Invalid("sheet-formula", row=number)
            if any(len(cell) > _LONGEST_CELL for cell in row):
                raise Invalid("sheet-unreadable")
            taken.append(row)
            if len(taken) > most_rows + 1 and any(row):
                raise Invalid("sheet-too-long", most=most_rows)
            if len(taken) > 2 * most_rows:
                break
    except (*_BROKEN, SyntaxError, csv.Error) as error:
        raise Invalid("sheet-unreadable") from error
    while taken and not any(taken[-1]):
        taken.pop()
    return taken


def _rows_of_text(data: bytes) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("sheet-not-utf8") from error
    header = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=header.count)
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
        yield [cell.strip() for cell in row[:_MOST_COLUMNS]]


def _rows_of_workbook(data: bytes) -> Iterator[list[str]]:
    # Only here: with what it loads it costs 25 MB, which most replicas never need.
    from openpyxl import load_workbook  # type: ignore[import-untyped]  # it has neither stubs nor a py.typed

    _check_archive(data)
    book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # What the file says of its size may be anything.
        for row in sheet.iter_rows(max_col=_MOST_COLUMNS):
            yield _text_of(row)
    finally:
        book.close()


def _check_archive(data: bytes) -> None:
    """Look at what the archive says before anything is unpacked; zipfile itself stops where a member says more."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_UNPACKED:
                raise Invalid("sheet-unreadable")
            for member in members:
                with archive.open(member) as opened:
                    if b"<!DOCTYPE" in opened.read(2048):
                        raise Invalid("sheet-unreadable")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise Invalid("sheet-unreadable") from error


def _text_of(row: Sequence[Any]) -> list[str]:
    cells = []
    for cell in row:
        value = cell.value
        if getattr(cell, "data_type", "n") == "f":
            value = "="
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        cells.append("" if value is None else str(value).strip())
    return cells


def columns_of(header: Sequence[str], meaning: Callable[[str], str | None], needed: Sequence[str]) -> dict[str, int]:
    """Where each column stands that ``meaning`` knows by its title.

    Raises:
        Invalid: one that is ``needed`` is missing, or one is there twice.
    """
    found: dict[str, int] = {}
    for number, title in enumerate(header):
        name = meaning(title)
        if name in found:
            raise Invalid("sheet-column-twice", column=title)
        if name is not None:
            found[name] = number
    missing = [name for name in needed if name not in found]
    if missing:
        raise Invalid("sheet-columns-missing", columns=", ".join(missing))
    return found
