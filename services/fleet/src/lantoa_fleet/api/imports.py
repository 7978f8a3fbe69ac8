"""The route that takes a spreadsheet."""

import asyncio
from collections import Counter
from typing import Annotated, get_args

from fastapi import Header, Request
from pydantic import BaseModel

from lantoa_fleet.api.callers import Manager
from lantoa_fleet.domain.places import SiteType
from lantoa_fleet.domain.sheets import MOST_ROWS, Judged, Outcome, site_words
from lantoa_fleet.usecases.importing import Importer
from lantoa_runtime.http import Routes
from lantoa_runtime.http.problems import language_of, text
from lantoa_runtime.sheets import read_sheet

_PACKAGE = "lantoa_fleet"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}
_LANGUAGES = ("vi", "en")


class ImportRow(BaseModel):
    """What became of a row; ``row`` is its number on the screen, the header being 1."""

    row: int
    outcome: Outcome
    detail: str = ""
    """Why it was refused, in the reader's language."""
    code: str | None = None
    """The same for programs."""
    device_id: str | None = None
    token: str | None = None
    """Of an MQTT receiver that was made just now; it is told this once."""


class ImportAnswer(BaseModel):
    """The report; with ``dry_run`` nothing was written and ``created`` means it would be."""

    dry_run: bool
    rows: list[ImportRow]
    counts: dict[Outcome, int]


def imports_router(importer: Importer) -> Routes:
    """Many devices at once."""
    router = Routes()

    @router.post(
        "/devices/import",
        openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(("text/csv", _XLSX), _FILE)}},
    )
    async def import_devices(
        request: Request,
        caller: Manager,
        dry_run: bool = False,
        accept_language: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> ImportAnswer:
        """Claim the devices of a spreadsheet (xlsx, or UTF-8 csv with ``,`` or ``;``), at most 5,000 rows.

        Columns, in any order, in Vietnamese or English: name, unit (code or name), kind, site type, lat, lon, model,
        groups, claim code (or ``mqtt`` for a receiver without one). Every row is judged, the good ones are written;
        the same sheet again changes nothing.
        """
        body = await request.body()
        sheet = await asyncio.to_thread(read_sheet, body, MOST_ROWS)
        judged = await importer.run(caller, sheet, _site_words(), dry_run=dry_run)
        language = language_of(accept_language)
        counts = Counter(one.outcome for one in judged)
        return ImportAnswer(
            dry_run=dry_run,
            rows=[_row(one, language) for one in judged],
            counts={outcome: counts[outcome] for outcome in get_args(Outcome)},
        )

    return router


def _site_words() -> dict[str, str]:
    return site_words(
        {
            site: [text(_PACKAGE, language, f"fleet.site.{site}", {})[0] for language in _LANGUAGES]
            for site in get_args(SiteType)
        }
    )


def _row(one: Judged, language: str) -> ImportRow:
    why = one.why
    title, detail = text(_PACKAGE, language, why.code, why.params) if why else ("", "")
    told = f"{title}. {detail}" if detail else title
    return ImportRow(
        row=one.row,
        outcome=one.outcome,
        detail=told,
        code=why.code if why else None,
        device_id=one.device_id,
        token=one.token,
    )
