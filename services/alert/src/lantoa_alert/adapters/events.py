"""The event stream."""

from datetime import datetime

from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import Act, Envelope
from lantoa_runtime.bus import Bus


class EventStream:
    """Publishes alert's events."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def tell(self, spec: EventSpec, event_id: str, body: bytes, at: datetime, act: Act | None = None) -> None:
        """Publish an event and return when the stream has it; the same id again is one event.

        Raises:
            Unavailable, NatsError: it has not, or it is not known.
        """
        envelope = Envelope(event_id, spec.type, f"lantoa/{self._bus.service}", at, act=act)
        await self._bus.publish(spec.subject, body, envelope.headers())
