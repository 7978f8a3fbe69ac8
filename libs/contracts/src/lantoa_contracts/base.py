"""The shapes that events and device messages are made of."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""An id of ours: fit for a NATS subject token and an MQTT topic level."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
TaskCode = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-5])$")]
"""A task of the plan's annex, ``01`` to ``15``."""

Priority = Literal["normal", "priority", "emergency"]
"""The three classes of TT 39/2020: thông thường, ưu tiên, khẩn cấp."""

DeviceKind = Literal["radio", "board", "both"]

DeviceLink = Literal["nats", "mqtt"]
"""How a device comes in: with a key of its own, or over MQTT 3.1.1 with a token, and then it cannot sign."""

Language = Literal["vi", "km", "en"]


class Contract(BaseModel):
    """A message as producers write it: unknown fields are refused, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BlobRef(Contract):
    """A stored file by its content: fetched by hash, trusted by hash."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]
    media_type: str


class SignedDocument(Contract):
    """A text and its Ed25519 signature over the text exactly as sent, so no canonical form is needed.

    ``p`` is JSON text, ``kid`` names the key, ``sig`` is base64url without padding over the UTF-8 bytes of ``p``.
    """

    kid: Annotated[str, StringConstraints(max_length=80)]
    p: Annotated[str, StringConstraints(max_length=60_000)]
    sig: Annotated[str, StringConstraints(max_length=120)]


class Event(Contract):
    """An event's body. The envelope (id, type, source, time, trace) travels in headers."""


class AccountEvent(Event):
    """Something about a person; who believes something of them asks anew. It names nobody: readers look ids up."""

    person_id: Id
    ver: int
    unit_id: Id | None
    """The unit in whose audit it stands: of the grant, else the person's body."""
    also: tuple[Id, ...] = ()
    """People who hold roles on loan from this person: what they may do has changed with it."""


class AnyEvent(RootModel[dict[str, Any]]):
    """The body of an event of any kind, for a reader of all of them."""


Timestamp = AwareDatetime
__all__ = [
    "AccountEvent",
    "AnyEvent",
    "BlobRef",
    "Contract",
    "DeviceKind",
    "DeviceLink",
    "Event",
    "Id",
    "Language",
    "Priority",
    "Sha256",
    "SignedDocument",
    "TaskCode",
    "Timestamp",
]
