"""HTTP: many units at once."""

import asyncio
import json
from collections import Counter
from typing import Annotated, get_args

from fastapi import Header, Request
from pydantic import BaseModel

from lantoa_contracts.policy import UNIT_ACT
from lantoa_directory.domain.rows import MOST_ROWS, Judged, Outcome, rows_of_list
from lantoa_directory.domain.succession import Successor
from lantoa_directory.usecases.importing import UnitImporter
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http import Caller, Routes, allows
from lantoa_runtime.http.problems import language_of, text
from lantoa_runtime.sheets import read_sheet

_PACKAGE = "lantoa_directory"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}


class ImportRow(BaseModel):
    """What became of a row; ``row`` is its number on the screen, the header being 1."""

    row: int
    outcome: Outcome
    unit_id: str | None = None
    name: str = ""
    detail: str = ""
    """Why it was refused, in the reader's language."""
    code: str | None = None
    """The same for programs."""


class ImportAnswer(BaseModel):
    """The report; with ``dry_run`` nothing was written and the outcomes are those that would be."""

    dry_run: bool
    rows: list[ImportRow]
    counts: dict[Outcome, int]


def imports_routes(importer: UnitImporter) -> Routes:
    """Units from files."""
    router = Routes(tags=["units"])

    @router.post(
        "/units/import",
        openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(("text/csv", _XLSX), _FILE)}},
    )
    async def import_units(
        request: Request,
        caller: Annotated[Caller, allows(UNIT_ACT)],
        dry_run: bool = False,
        accept_language: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> ImportAnswer:
        """Take up the units of a spreadsheet (xlsx, or UTF-8 csv with ``,`` or ``;``), at most 5,000 rows.

        Columns, in any order, in Vietnamese or English: code, name, kind, and where there is one id, parent, tree,
        superior, valid from, valid to, lat, lon, area. A row means the unit of its id, or of its code and first day.
        Every row is judged, the good ones are written; the same file again changes nothing, and what acts made of units
        stays. The repository's own list (JSON with ``units`` and ``successors``) is taken too.
        """
        sheet, links = await asyncio.to_thread(_read, await request.body())
        judged = await importer.run(caller, sheet, links, dry_run=dry_run)
        language = language_of(accept_language)
        counts = Counter(one.outcome for one in judged)
        return ImportAnswer(
            dry_run=dry_run,
            rows=[_row(one, language) for one in judged],
            counts={outcome: counts[outcome] for outcome in get_args(Outcome)},
        )

    return router


def _read(data: bytes) -> tuple[list[list[str]], list[tuple[str, Successor]]]:
    if not data.lstrip().startswith(b"{"):
        return read_sheet(data, MOST_ROWS), []
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid("sheet-unreadable") from error
    return rows_of_list(document)


def _row(one: Judged, language: str) -> ImportRow:
    title, detail = text(_PACKAGE, language, one.why.code, one.why.params) if one.why else ("", "")
    return ImportRow(
        row=one.row,
        outcome=one.outcome,
        unit_id=one.unit_id,
        name=one.name,
        detail=f"{title}. {detail}" if detail else title,
        code=one.why.code if one.why else None,
    )
