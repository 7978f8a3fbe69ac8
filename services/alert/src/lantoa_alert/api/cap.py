"""HTTP of CAP: messages in, our notices out, and the sources that are fetched from."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import Request, Response
from pydantic import BaseModel, Field

from lantoa_alert.domain.cap import MEDIA_TYPE, cap_time
from lantoa_alert.domain.cap_judgement import Verdict
from lantoa_alert.domain.cap_signature import fingerprint
from lantoa_alert.domain.cap_threads import PERSON, Outcome
from lantoa_alert.domain.cap_writing import OwnNotice, Sender, cap_atom, cap_xml
from lantoa_alert.usecases.cap_intake import Intake, Origin, Taken
from lantoa_alert.usecases.cap_sources import Fare, Source, Sources, pins
from lantoa_contracts.base import Id
from lantoa_contracts.policy import CAP_READ, CAP_SOURCE_MANAGE, CAP_SOURCE_READ, NOTICE_ISSUE, NOTICE_READ
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, NotFound
from lantoa_runtime.http import Caller, Line, Page, Routes, StrictModel, allows
from lantoa_runtime.http.problems import language_of, text

_PACKAGE = "lantoa_alert"
_XML_TYPES = (MEDIA_TYPE, "application/xml", "text/xml")
_BODY = {"required": True, "content": {kind: {"schema": {"type": "string"}} for kind in _XML_TYPES}}
_FRESH = {"Cache-Control": "no-cache"}
Reader = Annotated[Caller, allows(CAP_READ)]
Issuer = Annotated[Caller, allows(NOTICE_ISSUE)]
Administrator = Annotated[Caller, allows(CAP_SOURCE_MANAGE)]


class OwnNotices(Protocol):
    """Our notices as others may read them."""

    def own(self, notice_id: str) -> OwnNotice | None:
        """A notice that went out."""

    def current(self, now: datetime) -> Iterable[OwnNotice]:
        """Real notices whose end has not come, also those that were called off before it."""


class Said(BaseModel):
    """A reason as a code, and as a sentence in the reader's language."""

    code: str
    detail: str


class TakenView(BaseModel):
    """What became of a message. ``notice_ids`` wait for somebody to confirm them unless ``outcome`` says otherwise."""

    outcome: Outcome
    verdict: Verdict
    sender: str
    identifier: str
    sent: str
    notice_ids: list[str]
    refused_areas: list[Said]


class SourceBody(StrictModel):
    """A source to be fetched from."""

    name: Annotated[Line, Field(min_length=1, max_length=120)]
    url: Annotated[Line, Field(min_length=1, max_length=2000)]
    certificates: Annotated[str, Field(max_length=30_000)] = ""
    """PEM. Empty: its messages are not signed, and a person confirms each."""
    automatic: bool = False
    """Its valid messages go out without a person."""


class RefusalView(Said):
    """A message of a source that was not taken."""

    at: datetime
    entry: str


class SourceView(BaseModel):
    """A source and how it fares. ``error`` is what went wrong at the last look."""

    source_id: str
    name: str
    url: str
    automatic: bool
    fingerprints: list[str]
    """SHA-256 of each pinned certificate, hex."""
    created_by_name: str
    created_at: datetime
    looked_at: datetime | None
    ok_at: datetime | None
    error: Said | None
    entries: int
    refusals: list[RefusalView]


class CapApi:
    """The routes under ``/api/v1/alert``."""

    def __init__(self, intake: Intake, sources: Sources, own: OwnNotices, sender: Sender, clock: Clock) -> None:
        self._intake = intake
        self._sources = sources
        self._own = own
        self._sender = sender
        self._clock = clock

    def router(self) -> Routes:
        """Every route of CAP."""
        router = Routes()
        route = router.add_api_route
        route("/cap", self._post, methods=["POST"], name="take_cap", openapi_extra={"requestBody": _BODY})
        route("/cap/sources", self._list, methods=["GET"], name="cap_sources")
        route("/cap/sources", self._add, methods=["POST"], name="add_cap_source", status_code=201)
        source = "/cap/sources/{source_id}"
        route(source, self._remove, methods=["DELETE"], name="remove_cap_source", status_code=204, response_model=None)
        for path, answer, name, kind in (
            ("/notices/{notice_id}/cap.xml", self._xml, "notice_cap", MEDIA_TYPE),
            ("/cap.atom", self._atom, "cap_feed", "application/atom+xml"),
        ):
            route(path, answer, methods=["GET"], name=name, response_class=Response, responses=_gives(kind))
        return router

    async def _post(self, request: Request, caller: Issuer) -> TakenView:
        """Hand in a CAP 1.2 message, as a file that one got: it becomes the caller's request for notices.

        A second person confirms each. Signed messages must be valid by the certificate of a source; unsigned ones are
        taken on the caller's word. The same message again changes nothing.
        """
        if request.headers.get("content-type", "").split(";")[0].strip().lower() not in _XML_TYPES:
            raise AppError("alert.cap-not-xml-type", 415)
        xml = await request.body()
        pinned = await self._sources.trusted()
        origin = Origin(PERSON, caller.name, pinned, unsigned=True, caller=caller)
        return _taken(await self._intake.take(xml, origin), _language(request))

    async def _list(self, request: Request, caller: Annotated[Caller, allows(CAP_SOURCE_READ)]) -> Page[SourceView]:
        """Every source with its last look. For administrators and auditors of the whole territory."""
        language = _language(request)
        return Page(items=[_source(source, fare, language) for source, fare in await self._sources.all(caller)])

    async def _add(self, body: SourceBody, request: Request, caller: Administrator) -> SourceView:
        """Add a source; it is looked at within a minute. For administrators of the whole territory."""
        source = await self._sources.add(caller, body.name, body.url, body.certificates, automatic=body.automatic)
        return _source(source, None, _language(request))

    async def _remove(self, source_id: Id, caller: Administrator) -> Response:
        """Forget a source; notices that it brought stay. For administrators of the whole territory."""
        await self._sources.remove(caller, source_id)
        return Response(status_code=204)

    async def _xml(self, notice_id: Id, caller: Reader) -> Response:
        """A notice that went out as CAP 1.2: its latest word, naming those before it. Exercises and tests for staff."""
        notice = self._own.own(notice_id)
        if notice is None or (notice.last.status != "actual" and not caller.holds(NOTICE_READ)):
            raise NotFound("notice")
        return Response(cap_xml(notice, self._sender), media_type=MEDIA_TYPE, headers=_FRESH)

    async def _atom(self, _: Reader) -> Response:
        """Notices in force as an Atom feed of CAP messages; those called off stay in it until their end."""
        now = self._clock.now()
        feed = cap_atom(self._own.current(now), self._sender, now)
        return Response(feed, media_type="application/atom+xml", headers=_FRESH)


def _gives(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _said(code: str, params: dict[str, str | int], language: str) -> Said:
    title, detail = text(_PACKAGE, language, code, params)
    return Said(code=code, detail=detail or title)


def _taken(taken: Taken, language: str) -> TakenView:
    return TakenView(
        outcome=taken.outcome,
        verdict=taken.verdict,
        sender=taken.key.sender,
        identifier=taken.key.identifier,
        sent=cap_time(taken.key.sent),
        notice_ids=list(taken.notice_ids),
        refused_areas=[_said(refusal.code, dict(refusal.params), language) for refusal in taken.refused_areas],
    )


def _source(source: Source, fare: Fare | None, language: str) -> SourceView:
    return SourceView(
        source_id=source.id,
        name=source.name,
        url=source.url,
        automatic=source.automatic,
        fingerprints=[fingerprint(one) for one in pins(source.certificates)],
        created_by_name=source.created_by_name,
        created_at=source.created_at,
        looked_at=fare.looked_at if fare else None,
        ok_at=fare.ok_at if fare else None,
        error=_said(fare.error, fare.error_params, language) if fare and fare.error else None,
        entries=fare.entries if fare else 0,
        refusals=[
            RefusalView(at=one.at, entry=one.entry, **_said(one.code, one.params, language).model_dump())
            for one in (fare.refusals if fare else ())
        ],
    )
