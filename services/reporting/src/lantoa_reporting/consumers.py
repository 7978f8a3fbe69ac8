"""Events in: confirmed airings and displays become facts, units become names and scopes."""

from prometheus_client import Gauge

from lantoa_contracts import catalogue
from lantoa_contracts.events.broadcast import AiringConfirmed
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.signboard import DisplayConfirmed
from lantoa_reporting.domain import Channel, Fact, Signed
from lantoa_reporting.usecases.evidence import take_up
from lantoa_reporting.usecases.ports import Evidence, Units
from lantoa_runtime.bus import Meta
from lantoa_runtime.service import Service
from lantoa_runtime.settings import RuntimeSettings

LAST_FACT = Gauge("lantoa_reporting_last_fact_timestamp_seconds", "When the last fact was taken up", ["channel"])


def fact_of(event: AiringConfirmed | DisplayConfirmed) -> Fact:
    """The fact that an event confirms."""
    channel: Channel
    if isinstance(event, AiringConfirmed):
        channel, fact_id, media, session = "radio", f"airing:{event.airing_id}", event.audio_sha256, event.session_id
    else:
        channel, fact_id, media, session = "board", f"display:{event.display_id}", event.slide_sha256, None
    return Fact(
        fact_id=fact_id,
        channel=channel,
        unit_id=event.unit_id,
        device_id=event.device_id,
        session_id=session,
        entry_id=event.entry_id,
        item_id=event.item_id,
        revision=event.revision,
        title=event.title,
        tasks=event.tasks,
        topic=event.topic,
        media_sha256=media,
        started_at=event.started_at,
        ended_at=event.ended_at,
        seconds=event.seconds,
        device_public_key=event.device_public_key,
        proof=Signed(event.proof.kid, event.proof.p, event.proof.sig),
    )


def consume(service: Service[RuntimeSettings], evidence: Evidence, units: Units) -> None:
    """Hang the handlers on the service's bus."""

    async def confirmed(event: AiringConfirmed | DisplayConfirmed) -> None:
        fact = fact_of(event)
        await take_up(evidence, fact)
        LAST_FACT.labels(fact.channel).set(service.clock.now().timestamp())

    @service.bus.on(catalogue.AIRING_CONFIRMED)
    async def airing_confirmed(event: AiringConfirmed, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.DISPLAY_CONFIRMED)
    async def display_confirmed(event: DisplayConfirmed, _: Meta) -> None:
        await confirmed(event)

    @service.bus.on(catalogue.UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        fields = event.model_dump(mode="json", exclude={"unit_id", "ver", "successor_ids"})
        await units.apply(event.unit_id, event.ver, fields)
