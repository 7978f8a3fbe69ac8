"""Notices as JSON, under ``/api/v1/alert``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Query, Request, Response

from lantoa_alert.api.models import (
    SILENT_IN_REPORT,
    Confirmation,
    MessageIn,
    NoticeOut,
    ReachOut,
    Refusal,
    ReportOut,
    SilentDevice,
    VersionOut,
    VersionReport,
    act_view,
    reach_fields,
    silent_view,
    version_view,
)
from lantoa_alert.domain.notices import Notice, Version
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.access import refused
from lantoa_alert.usecases.ledgers import Ledgers, Open
from lantoa_alert.usecases.notices import Done, Notices
from lantoa_alert.usecases.sounds import SoundDesk
from lantoa_contracts.base import Id
from lantoa_contracts.policy import NOTICE_ISSUE, NOTICE_READ
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, NotFound
from lantoa_runtime.http import Caller, KeyDep, Page, PageLimit, Routes, allows, etag

Cursor = Annotated[Id | None, Query()]
Reader = Annotated[Caller, allows(NOTICE_READ)]
Issuer = Annotated[Caller, allows(NOTICE_ISSUE)]
_SOUND_TYPES = {"audio/wav", "audio/x-wav", "audio/wave", "audio/ogg", "audio/flac"}
_NOW = {"Cache-Control": "no-store"}


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except AppError as error:
        refused(error)
        raise


class View:
    """Notices as the API shows them."""

    def __init__(self, desk: SoundDesk, roster: Roster, clock: Clock) -> None:
        self.desk = desk
        self.roster = roster
        self.clock = clock

    def version(self, notice: Notice, version: Version) -> VersionOut:
        """One wording."""
        return version_view(version, self.desk.state(notice, version), self.roster, self.clock.now())

    def notice(self, notice: Notice, pending: tuple[str, ...] = ()) -> NoticeOut:
        """A notice."""
        now = self.clock.now()
        waiting = notice.waiting(now)
        return NoticeOut(
            id=notice.id,
            rev=notice.rev,
            source=notice.source,
            state=notice.state(now),
            created_at=notice.created_at,
            current=self.version(notice, notice.issued or notice.last),
            waiting=self.version(notice, waiting) if waiting else None,
            cancelled=act_view(notice.cancelled),
            cap=dict(notice.cap),
            pending=list(pending),
        )

    def answer(self, response: Response, done: Done) -> NoticeOut:
        """The answer to a step."""
        response.headers["ETag"] = etag(done.notice.rev)
        response.headers.update(_NOW)
        return self.notice(done.notice, done.pending)


def step_routes(notices: Notices, view: View) -> Routes:
    """What people read of notices and do with them."""
    routes = Routes()

    @routes.get("/notices")
    async def listed(_: Reader, response: Response, limit: PageLimit = 30, cursor: Cursor = None) -> Page[NoticeOut]:
        """Notices, the last asked for first. For all staff."""
        found, following = notices.newest(limit, cursor)
        response.headers.update(_NOW)
        return Page(items=[view.notice(notice) for notice in found], next=following)

    @routes.get("/notices/{notice_id}")
    async def one(notice_id: Id, response: Response, _: Reader) -> NoticeOut:
        """One notice. For all staff."""
        return view.answer(response, Done(notices.get(notice_id)))

    @routes.post("/notices", status_code=201)
    async def request(body: MessageIn, response: Response, caller: Issuer, key: KeyDep) -> NoticeOut:
        """Ask for a notice. Approvers of all its areas, signed in within five minutes; another one confirms it."""
        with _counted():
            done, repeated = await notices.request(caller, key, body.message())
        if repeated:
            response.headers["Idempotent-Replay"] = "true"
        return view.answer(response, done)

    @routes.post("/notices/{notice_id}/confirm")
    async def confirm(notice_id: Id, body: Confirmation, response: Response, caller: Issuer) -> NoticeOut:
        """Confirm the wording that waits: it goes out in this moment. Never who asked for it; signed in just before.

        `pending` names what is not stored yet; devices have been told all the same.
        """
        with _counted():
            return view.answer(response, await notices.confirm(caller, notice_id, body.ver))

    @routes.post("/notices/{notice_id}/refuse")
    async def refuse(notice_id: Id, body: Refusal, response: Response, caller: Issuer) -> NoticeOut:
        """Refuse the wording that waits, or take back one's own."""
        with _counted():
            return view.answer(response, await notices.refuse(caller, notice_id, body.reason))

    @routes.post("/notices/{notice_id}/update")
    async def update(notice_id: Id, body: MessageIn, response: Response, caller: Issuer) -> NoticeOut:
        """Ask for another wording of a notice in force; the present one stays until somebody confirms the new one."""
        with _counted():
            return view.answer(response, await notices.update(caller, notice_id, body.message()))

    @routes.post("/notices/{notice_id}/cancel")
    async def cancel(notice_id: Id, response: Response, caller: Issuer) -> NoticeOut:
        """Call a notice in force off. One person is enough; signed in just before."""
        with _counted():
            return view.answer(response, await notices.cancel(caller, notice_id))

    return routes


def sound_routes(notices: Notices, view: View) -> Routes:
    """Recordings in, sounds out."""
    routes = Routes()

    @routes.put(
        "/notices/{notice_id}/sound",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(_SOUND_TYPES)},
            }
        },
    )
    async def record(notice_id: Id, request: Request, response: Response, caller: Issuer) -> NoticeOut:
        """Give the wording that waits a recording instead of the machine's voice: WAV, FLAC or Ogg, a megabyte at most.

        Whoever confirms hears it first; a wording that went out cannot get one.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        with _counted():
            notice = notices.may_prepare(caller, notice_id)
            if kind not in _SOUND_TYPES:
                raise AppError("alert.sound-type", 415)
            changed = await view.desk.record(notice, notice.last.ver, await request.body())
        return view.answer(response, Done(changed))

    @routes.get(
        "/notices/{notice_id}/sound",
        response_class=Response,
        responses={200: {"content": {"audio/ogg": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def hear(notice_id: Id, _: Reader, ver: Annotated[int | None, Query(ge=1, le=10_000)] = None) -> Response:
        """The sound of a wording, of the newest without `ver`."""
        version = _version(notices.get(notice_id), ver)
        if version.sound is None:
            raise NotFound("sound")
        headers = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=3600"}
        return Response(await view.desk.get(version.sound), media_type=version.sound.media_type, headers=headers)

    return routes


def reach_routes(notices: Notices, ledgers: Ledgers, view: View) -> Routes:
    """Who has a notice, and the report after the event."""
    routes = Routes()

    @routes.get("/notices/{notice_id}/reach")
    async def reach(
        notice_id: Id,
        response: Response,
        _: Reader,
        ver: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    ) -> ReachOut:
        """How far a wording has come, unit by unit; the one that went out last without `ver`."""
        notice = notices.get(notice_id)
        opened = await ledgers.of(notice, ver)
        response.headers.update(_NOW)
        return ReachOut.model_validate(reach_fields(opened, notice, view.roster, view.clock.now()))

    @routes.get("/notices/{notice_id}/silent")
    async def silent(
        notice_id: Id,
        response: Response,
        _: Reader,
        unit_id: Annotated[Id | None, Query()] = None,
        limit: PageLimit = 100,
        cursor: Cursor = None,
    ) -> Page[SilentDevice]:
        """Devices that have not answered, by id."""
        opened = await ledgers.of(notices.get(notice_id))
        found = [one for one in opened.ledger.silent(unit_id) if cursor is None or one > cursor]
        response.headers.update(_NOW)
        shown = silent_view(found[:limit], _units(opened), view.roster)
        return Page(items=shown, next=found[limit - 1] if len(found) > limit else None)

    @routes.get("/notices/{notice_id}/report")
    async def report(notice_id: Id, response: Response, _: Reader) -> ReportOut:
        """What happened: who asked and confirmed when, how fast devices had it, who stayed silent."""
        notice = notices.get(notice_id)
        now = view.clock.now()
        found = []
        for version in notice.versions:
            if version.confirmed is None:
                continue
            opened = await ledgers.of(notice, version.ver)
            quiet = opened.ledger.silent()
            found.append(
                VersionReport.model_validate(
                    {
                        **reach_fields(opened, notice, view.roster, now),
                        "ended_at": _ended_at(notice, version),
                        "message": view.version(notice, version),
                        "silent": silent_view(quiet[:SILENT_IN_REPORT], _units(opened), view.roster),
                        "silent_count": len(quiet),
                    }
                )
            )
        response.headers.update(_NOW)
        return ReportOut(notice=view.notice(notice), versions=found)

    return routes


def _version(notice: Notice, ver: int | None) -> Version:
    found = next((one for one in notice.versions if one.ver == ver), None) if ver else notice.last
    if found is None:
        raise NotFound("notice-version")
    return found


def _units(opened: Open) -> dict[str, str]:
    return {device_id: row.unit_id for device_id, row in opened.ledger.rows()}


def _ended_at(notice: Notice, version: Version) -> object:
    """When a wording ends or ended: by itself, by a newer one, or because the notice was called off."""
    ends = [version.expires_at]
    ends += [one.issued_at for one in notice.versions if one.ver > version.ver]
    ends.append(notice.cancelled.at if notice.cancelled else None)
    return min(one for one in ends if one is not None)
