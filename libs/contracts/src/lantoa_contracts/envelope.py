"""The envelope: CloudEvents attributes as NATS headers (CloudEvents 1.0 binary mode, prefix ``ce-``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ID, TYPE, SOURCE, TIME = "ce-id", "ce-type", "ce-source", "ce-time"
SPEC_VERSION = "ce-specversion"
TRACEPARENT = "traceparent"
MSG_ID = "Nats-Msg-Id"
ACT_HEADERS = ACTOR, ORIGIN, BEFORE, AFTER = "lt-actor", "lt-origin", "lt-before", "lt-after"


@dataclass(frozen=True)
class Act:
    """Somebody of the staff did it: who by id, from which address, and the document's hashes before and after.

    ``before`` is empty for what was not there, ``origin`` where it is not known. Names are looked up by who reads.
    """

    actor: str
    origin: str = ""
    before: str = ""
    after: str = ""

    def headers(self) -> dict[str, str]:
        """NATS headers; what is empty has none."""
        told = {ACTOR: self.actor, ORIGIN: self.origin, BEFORE: self.before, AFTER: self.after}
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Act | None":
        """Read back what :meth:`headers` wrote; ``None`` for what nobody of the staff did."""
        actor = headers.get(ACTOR)
        return cls(actor, *(headers.get(name, "") for name in (ORIGIN, BEFORE, AFTER))) if actor else None


@dataclass(frozen=True)
class Envelope:
    """Who said what and when. ``id`` is ``<aggregate id>:<ver>[:<n>]``, equal however often it is published."""

    id: str
    type: str
    source: str
    time: datetime
    traceparent: str | None = None
    act: Act | None = None

    def headers(self) -> dict[str, str]:
        """NATS headers, with type and event id as de-duplication id."""
        headers = {
            # Ids are unique within their type; EVT holds all types, and several services know the same device.
            MSG_ID: f"{self.type}:{self.id}",
            SPEC_VERSION: "1.0",
            ID: self.id,
            TYPE: self.type,
            SOURCE: self.source,
            TIME: self.time.isoformat(),
        }
        if self.traceparent:
            headers[TRACEPARENT] = self.traceparent
        return headers | self.act.headers() if self.act else headers

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Envelope":
        """Read back what :meth:`headers` wrote.

        Raises:
            KeyError, ValueError: an attribute is missing or not a time.
        """
        return cls(
            id=headers[ID],
            type=headers[TYPE],
            source=headers[SOURCE],
            time=datetime.fromisoformat(headers[TIME]),
            traceparent=headers.get(TRACEPARENT),
            act=Act.from_headers(headers),
        )
