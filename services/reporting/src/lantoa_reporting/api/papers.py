"""Documents over HTTP: the yearly report as DOCX, the evidence as XLSX."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Annotated
from urllib.parse import quote

from fastapi import Query
from fastapi.responses import StreamingResponse

from lantoa_contracts.base import Id, TaskCode
from lantoa_contracts.policy import PAPER_MAKE
from lantoa_reporting.api.reports import PeriodKey, ViewName
from lantoa_reporting.usecases.papers import Asked, EvidenceLine, Papers
from lantoa_runtime.http import Caller, Routes, allows

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHUNK = 64 * 1024
_BATCH = 1_000
Maker = Annotated[Caller, allows(PAPER_MAKE)]


def _answer(media_type: str) -> dict[int | str, dict[str, object]]:
    file = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": "The file.", "content": {media_type: file}}}


def papers_router(papers: Papers) -> Routes:
    """The routes below ``/api/v1/reporting/documents``."""
    routes = Routes(prefix="/documents")

    @routes.get("/yearly.docx", response_class=StreamingResponse, responses=_answer(DOCX))
    async def yearly(
        caller: Maker, period: PeriodKey = None, unit_id: Id | None = None, view: ViewName = "then"
    ) -> StreamingResponse:
        """The yearly report of a unit in the form of Decree 30/2020; opinions are left to the officer."""
        from lantoa_reporting.adapters.paper.yearly import write_yearly  # Large, and needed a few times a year.

        asked = await papers.asked(caller, period, unit_id, view)
        report = await papers.yearly(asked)
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        await asyncio.to_thread(write_yearly, report, file)
        return _download(file, DOCX, "bao-cao", "Báo cáo", asked, "docx")

    @routes.get("/evidence.xlsx", response_class=StreamingResponse, responses=_answer(XLSX))
    async def evidence(
        caller: Maker,
        period: PeriodKey = None,
        task: Annotated[TaskCode | None, Query()] = None,
        unit_id: Id | None = None,
        view: ViewName = "then",
    ) -> StreamingResponse:
        """The evidence behind the numbers of one task, or of all, a line each."""
        from lantoa_reporting.adapters.paper.workbook import EvidenceBook  # See above.

        asked = await papers.asked(caller, period, unit_id, view)
        tasks, made_at = await papers.tasks(asked, task), papers.now_local()
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        book = await asyncio.to_thread(EvidenceBook, file)
        batch: list[EvidenceLine] = []
        async for line in papers.evidence(asked, tasks):
            batch.append(line)
            if len(batch) == _BATCH:
                await asyncio.to_thread(book.add, batch)
                batch = []
        await asyncio.to_thread(book.add, batch)
        await asyncio.to_thread(
            book.close, unit_name=asked.unit.name, period=asked.period, view=asked.view, made_at=made_at, tasks=tasks
        )
        return _download(file, XLSX, "minh-chung", "Minh chứng", asked, "xlsx")

    return routes


def _download(file: IO[bytes], media_type: str, plain: str, title: str, asked: Asked, ending: str) -> StreamingResponse:
    """The file as a download; its name in ASCII, and in Vietnamese for those who can read it (RFC 6266)."""
    name = f"{plain}-{asked.period.key}-{asked.unit.unit_id}.{ending}"
    full = quote(f"{title} {asked.period.key} - {asked.unit.name}.{ending}", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{full}",
        "Content-Length": str(file.seek(0, 2)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    file.seek(0)
    return StreamingResponse(_pieces(file), media_type=media_type, headers=headers)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            yield piece
