"""What other services are told of a notice: events, kept in its document until their stream has them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from lantoa_alert.domain.notices import Event, Notice
from lantoa_contracts.catalogue import NOTICE_CANCELLED, NOTICE_ISSUED, NOTICE_UPDATED, EventSpec
from lantoa_contracts.events.alert import NoticeCancelled, NoticeIssued, NoticeUpdated
from lantoa_runtime.acting import current_act

SPECS: Mapping[str, EventSpec] = {spec.name: spec for spec in (NOTICE_ISSUED, NOTICE_UPDATED, NOTICE_CANCELLED)}


def with_events(before: Notice, after: Notice, now: datetime) -> Notice:
    """The notice with the event that its step is."""
    had, has = before.issued, after.issued
    if after.cancelled and not before.cancelled:
        gone = NoticeCancelled(
            notice_id=after.id, ver=has.ver if has else 0, cancelled_by=after.cancelled.by, at=after.cancelled.at
        )
        return _added(before, after, NOTICE_CANCELLED, gone, now)
    if has is None or not has.confirmed or (had is not None and had.ver == has.ver):
        return after
    model, spec = (NoticeIssued, NOTICE_ISSUED) if had is None else (NoticeUpdated, NOTICE_UPDATED)
    event = model(
        notice_id=after.id,
        ver=has.ver,
        status=has.message.status,
        severity=has.message.severity,
        headline=has.message.headline,
        scopes=has.message.scopes,
        source=after.source,
        requested_by=has.requested.by,
        confirmed_by=has.confirmed.by,
        issued_at=has.confirmed.at,
        expires_at=has.expires_at or has.confirmed.at,
    )
    return _added(before, after, spec, event, now)


def _added(before: Notice, after: Notice, spec: EventSpec, event: BaseModel, now: datetime) -> Notice:
    told = Event(spec.name, event.model_dump_json(), now, current_act(lambda: _state(before), lambda: _state(after)))
    return replace(after, events=(*after.events, told))


def _state(notice: Notice) -> dict[str, Any]:
    """What a notice is, without what still waits to be told of it."""
    return asdict(replace(notice, rev=0, events=()))
