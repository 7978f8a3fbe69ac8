"""Events in: what was confirmed or accepted becomes facts, units become names, scopes and successions."""

from typing import Any

from prometheus_client import Gauge

from lantoa_contracts import catalogue
from lantoa_contracts.events.broadcast import AiringConfirmed
from lantoa_contracts.events.content import PostConfirmed, PostUnconfirmed
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.signboard import DisplayConfirmed
from lantoa_reporting.domain import DeviceWord, Fact, PageSeen, SealedAttempt
from lantoa_reporting.usecases.evidence import take_back, take_up
from lantoa_reporting.usecases.ports import Evidence, Units
from lantoa_runtime.bus import Meta
from lantoa_runtime.service import Service
from lantoa_runtime.settings import RuntimeSettings

LAST_FACT = Gauge("lantoa_reporting_last_fact_timestamp_seconds", "When the last fact was taken up", ["channel"])

Confirmation = AiringConfirmed | DisplayConfirmed | PostConfirmed | AttemptAccepted


def post_fact_id(event: PostConfirmed | PostUnconfirmed) -> str:
    """The id of a post's fact."""
    return f"post:{event.post_id}"


def fact_of(event: Confirmation) -> Fact:
    """The fact that an event confirms."""
    match event:
        case AiringConfirmed():
            return _aired(event)
        case DisplayConfirmed():
            return _displayed(event)
        case PostConfirmed():
            return _posted(event)
        case AttemptAccepted():
            return _attempted(event)


def _shared(event: Confirmation) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("unit_id", "title", "tasks", "topic")}


def _by_device(event: AiringConfirmed | DisplayConfirmed) -> dict[str, Any]:
    names = ("device_id", "item_id", "revision", "priority", "started_at", "ended_at", "seconds")
    return {**_shared(event), **{name: getattr(event, name) for name in names}}


def _word(event: AiringConfirmed | DisplayConfirmed, session_id: str | None, media_sha256: str) -> DeviceWord:
    return DeviceWord(
        kid=event.proof.kid,
        p=event.proof.p,
        sig=event.proof.sig,
        device_public_key=event.device_public_key,
        session_id=session_id,
        entry_id=event.entry_id,
        media_sha256=media_sha256,
    )


def _aired(event: AiringConfirmed) -> Fact:
    proof = _word(event, event.session_id, event.audio_sha256)
    return Fact(fact_id=f"airing:{event.airing_id}", channel="radio", **_by_device(event), proof=proof)


def _displayed(event: DisplayConfirmed) -> Fact:
    proof = _word(event, None, event.slide_sha256)
    return Fact(fact_id=f"display:{event.display_id}", channel="board", **_by_device(event), proof=proof)


def _posted(event: PostConfirmed) -> Fact:
    return Fact(
        fact_id=post_fact_id(event),
        channel="web",
        ver=event.ver,
        **_shared(event),
        device_id=None,
        item_id=event.item_id,
        revision=event.revision,
        priority=event.priority,
        started_at=event.published_at,
        ended_at=event.published_at,
        seconds=0.0,
        proof=PageSeen(
            post_id=event.post_id,
            url=event.url,
            approval_sha256=event.approval_sha256,
            page_sha256=event.page_sha256,
            confirmed_at=event.confirmed_at,
        ),
    )


def _attempted(event: AttemptAccepted) -> Fact:
    return Fact(
        fact_id=f"attempt:{event.attempt_id}",
        channel="contest",
        **_shared(event),
        device_id=None,
        item_id=None,
        contest_id=event.contest_id,
        revision=None,
        priority="normal",
        started_at=event.started_at,
        ended_at=event.submitted_at,
        seconds=(event.submitted_at - event.started_at).total_seconds(),
        proof=SealedAttempt(event.model_dump(mode="json")),
    )


def consume(service: Service[RuntimeSettings], evidence: Evidence, units: Units) -> None:
    """Hang the handlers on the service's bus."""

    async def confirmed(event: Confirmation) -> None:
        fact = fact_of(event)
        await take_up(evidence, fact)
        LAST_FACT.labels(fact.channel).set(service.clock.now().timestamp())

    @service.bus.on(catalogue.AIRING_CONFIRMED)
    async def airing_confirmed(event: AiringConfirmed, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.DISPLAY_CONFIRMED)
    async def display_confirmed(event: DisplayConfirmed, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.POST_CONFIRMED)
    async def post_confirmed(event: PostConfirmed, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.POST_UNCONFIRMED)
    async def post_unconfirmed(event: PostUnconfirmed, _: Meta) -> None:
        await take_back(evidence, post_fact_id(event), event.ver)

    @service.bus.on(catalogue.ATTEMPT_ACCEPTED)
    async def attempt_accepted(event: AttemptAccepted, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        fields = event.model_dump(mode="json", exclude={"unit_id", "ver"})
        await units.apply(event.unit_id, event.ver, fields)
