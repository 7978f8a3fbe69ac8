"""HTTP: the audit, to be read. No route changes it."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, AwareDatetime, BaseModel, StringConstraints

from lantoa_contracts.base import Id
from lantoa_contracts.policy import AUDIT_READ
from lantoa_directory.usecases.audit import Audit, Looked, told
from lantoa_directory.usecases.seals import Seals
from lantoa_runtime.http import AS_WRITTEN, Caller, Page, PageLimit, Routes, allows
from lantoa_runtime.mongo import Document
from lantoa_signing.chain import canonical

LINES = "application/jsonl"
Reader = Annotated[Caller, allows(AUDIT_READ)]
Action = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z]+){0,2}\.?$", max_length=80)]


def _storable(moment: datetime) -> datetime:
    if not 1000 < moment.year < 9000:  # At the calendar's edge it is no time of the database any more.
        raise ValueError("a time of this age")
    return moment


Moment = Annotated[AwareDatetime, AS_WRITTEN, AfterValidator(_storable)]


class EntryOut(BaseModel):
    """An entry. ``object`` is what was acted on, ``before`` and ``after`` are hashes of its state."""

    chain: str
    chain_name: str
    seq: int
    at: datetime
    actor: str
    actor_name: str
    """Empty for somebody whom the directory does not know, such as the operator."""
    action: str
    object: str
    before: str
    after: str
    origin: str
    trace_id: str
    hash: str


class ChainOut(BaseModel):
    """A chain by its last entry, and how much of it is sealed."""

    chain: str
    name: str
    seq: int
    hash: str
    sealed_seq: int


class ChainsOut(BaseModel):
    """The chains that the caller may read, and when the last seal was made."""

    items: list[ChainOut]
    sealed_at: datetime | None


def audit_routes(audit: Audit, seals: Seals) -> Routes:
    """Look, and take away for checking elsewhere."""
    router = Routes(prefix="/audit", tags=["audit"])

    @router.get("", response_model=Page[EntryOut])
    async def list_entries(
        caller: Reader,
        unit_id: Id | None = None,
        person_id: Annotated[str | None, Query(max_length=100)] = None,
        action: Action | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> dict[str, Any]:
        """Entries, the newest first: of a unit and all below it, of a person, of an action (``content.`` is all of
        a service)."""
        looked = Looked(unit_id, person_id, action, since, until)
        found, following = await audit.look(caller, looked, limit, cursor)
        units, people = await audit.names(found)
        return {"items": [_view(entry, units, people) for entry in found], "next": following}

    @router.get("/chains", response_model=ChainsOut)
    async def list_chains(caller: Reader) -> dict[str, Any]:
        """The chains' heads."""
        found, last = await audit.chains(caller), await seals.last()
        names = await audit.unit_names({head.chain for head, _ in found})
        items = [
            {
                "chain": head.chain,
                "name": names.get(head.chain, ""),
                "seq": head.seq,
                "hash": head.hash,
                "sealed_seq": sealed,
            }
            for head, sealed in found
        ]
        return {"items": items, "sealed_at": last["at"] if last else None}

    @router.get("/chains/{chain}/export", response_class=StreamingResponse, responses=_LINES)
    async def export_chain(request: Request, chain: str, caller: Reader) -> StreamingResponse:
        """One chain, an entry a line, in its order."""
        await audit.readable(caller, chain)
        await audit.note(caller, "directory.audit.exported", chain, request.app.state.service.clock.now())
        return StreamingResponse(_entries(audit, [chain]), media_type=LINES, headers=_file(chain))

    @router.get("/export", response_class=StreamingResponse, responses=_LINES)
    async def export_all(request: Request, caller: Reader) -> StreamingResponse:
        """All that the caller may read, for ``lantoa audit verify --file``: the scope, the seals, then every chain."""
        await audit.note(caller, "directory.audit.exported", "*", request.app.state.service.clock.now())
        scope = await audit.scope(caller)

        async def lines() -> AsyncIterator[str]:
            # Seals before entries: a chain that grows meanwhile is longer than its seal, never shorter.
            yield f"{canonical({'scope': '*' if scope.chains is None else list(scope.chains)})}\n"
            async for seal in seals.all():
                yield f"{seal.model_dump_json()}\n"
            async for line in _entries(audit, [head.chain for head, _ in await audit.chains(caller)]):
                yield line

        return StreamingResponse(lines(), media_type=LINES, headers=_file("audit"))

    return router


_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON lines.", "content": {LINES: {"schema": {"type": "string"}}}}
}


async def _entries(audit: Audit, chains: list[str]) -> AsyncIterator[str]:
    for chain in chains:
        async for entry in audit.entries_of(chain):
            yield f"{canonical(entry)}\n"


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}


def _view(document: Document, units: Mapping[str, str], people: Mapping[str, str]) -> dict[str, Any]:
    entry = told(document)
    names = {"chain_name": units.get(entry["chain"], ""), "actor_name": people.get(entry["actor"], "")}
    return {**entry, **names}
