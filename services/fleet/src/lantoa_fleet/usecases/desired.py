"""Sign what a device is to do and bring it into the bucket. MongoDB is the truth, the bucket follows."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.device import Desired
from lantoa_contracts.events.broadcast import RundownIssued
from lantoa_fleet.domain.devices import DESIRED_LIFETIME, RESIGN_BEFORE, desired_of, says_the_same
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import NotReady, Unavailable
from lantoa_runtime.mongo import Aggregates, Change, Document
from lantoa_signing.documents import SigningKey

log = structlog.get_logger()

_BATCH = 200
_MOST_BATCHES = 50
"""Of one turn; what is left then waits for the next."""
_AT_ONCE = 16
_MOST_RACES = 5


@dataclass(frozen=True)
class Stored:
    """What the bucket holds for a device: the stream's sequence and the signed document as bytes."""

    sequence: int
    body: bytes


class Bucket(Protocol):
    """The bucket of desired states."""

    async def last(self, device_id: str) -> Stored | None:
        """What is in it for a device."""

    async def put(self, device_id: str, body: bytes, over: int) -> bool:
        """Store over the document with that sequence (0 for none); ``False`` when another one is there."""


def _opened(stored: Stored | None) -> Desired | None:
    """The state inside what is stored. Only fleet may write there, so the signature need not be checked again."""
    if stored is None:
        return None
    try:
        return Desired.model_validate_json(SignedDocument.model_validate_json(stored.body).p)
    except ValidationError:
        log.error("the bucket holds something that is no desired state", sequence=stored.sequence)
        return None


class DesiredWriter:
    """Keeps each device's signed desired state in the bucket equal to its document."""

    def __init__(self, devices: Aggregates, bucket: Bucket, key: SigningKey, clock: Clock) -> None:
        self._devices = devices
        self._bucket = bucket
        self._key = key
        self._clock = clock
        self._held = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While somebody waits for many documents to be written, the reconciler lets them pass."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def issue(self, spec: EventSpec, event: RundownIssued) -> None:
        """Take up a rundown for the section that the event's owner fills; an older or known one changes nothing.

        Raises:
            NotReady: the device is not known yet.
        """
        section = "board" if spec.owner == "signboard" else "radio"
        device = await self._devices.change(event.device_id, lambda found: _with_rundown(found, section, event))
        if device and device.get("kv_due"):
            await self.write_soon(event.device_id)

    async def write_soon(self, device_id: str) -> bool:
        """Write now, or leave it to :meth:`reconcile` when NATS is away: the document already says that it is due."""
        try:
            await self.write(device_id)
        except Exception as error:  # noqa: BLE001 - whatever kept it from the bucket, the reconciler tries again
            log.warning("desired state is written later", error=repr(error))
            return False
        return True

    async def write(self, device_id: str) -> None:
        """Bring the bucket up to the device's document. Safe to repeat and to run in two places at once.

        Raises:
            Unavailable: others kept writing at the same time.
            NatsError, MongoError: not written, or not known to be.
        """
        for _ in range(_MOST_RACES):
            device = await self._devices.load(device_id)
            if device is None or device["state"] != "accepted":
                return
            stored = await self._bucket.last(device_id)
            if await self._settle(device, stored, _opened(stored)):
                return
        raise Unavailable("desired")

    async def _settle(self, device: Document, stored: Stored | None, known: Desired | None) -> bool:
        now = self._clock.now()
        wanted = desired_of(device, now)
        if known and says_the_same(known, wanted) and known.exp - now > RESIGN_BEFORE:
            return await self._mark(device, known)
        if known and known.seq >= wanted.seq and not says_the_same(known, wanted):
            # The document is older than the bucket, as after a restored backup: devices take nothing but a higher seq.
            log.error("bucket is ahead of the document", device_id=device["_id"], seq=wanted.seq, stored=known.seq)
            raised = {"$set": {"seq": known.seq + 1, "kv_due": True}}
            await self._devices.collection.update_one({"_id": device["_id"], "seq": wanted.seq}, raised)
            return False
        body = self._key.sign(wanted.model_dump_json()).model_dump_json().encode()
        if not await self._bucket.put(device["_id"], body, over=stored.sequence if stored else 0):
            return False
        return await self._mark(device, wanted)

    async def _mark(self, device: Document, written: Desired) -> bool:
        """Note what the bucket holds; ``False`` when the document has moved on since."""
        done = {"$set": {"kv_seq": written.seq, "kv_exp": written.exp}, "$unset": {"kv_due": ""}}
        guard = {"_id": device["_id"], "seq": written.seq, "state": "accepted"}
        return (await self._devices.collection.update_one(guard, done)).matched == 1

    async def reconcile(self) -> None:
        """Write what a crash, an outage or an import left unwritten and renew what is about to expire."""
        for _ in range(_MOST_BATCHES):
            if self._held or not await self._reconcile_some():
                return

    async def _reconcile_some(self) -> bool:
        """A batch; whether all of a full one went well, so that another is worth trying now."""
        due = await self._devices.collection.find({"kv_due": True}, {"_id": 1}, limit=_BATCH)
        soon = self._clock.now() + RESIGN_BEFORE
        # A closed range: the embedded server scans everything for an open one.
        expiring = {"kv_exp": {"$gte": soon - 400 * DESIRED_LIFETIME, "$lt": soon}}
        due += await self._devices.collection.find(expiring, {"_id": 1}, limit=_BATCH)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(device_id: str) -> bool:
            async with gate:
                return await self.write_soon(device_id)

        written = await asyncio.gather(*(one(device_id) for device_id in {document["_id"] for document in due}))
        return len(due) >= _BATCH and all(written)

    async def signed(self, device_id: str) -> bytes | None:
        """The signed document as it stands in the bucket, for receivers that cannot read the bucket themselves."""
        stored = await self._bucket.last(device_id)
        return stored.body if stored else None


def _with_rundown(device: Document | None, section: str, event: RundownIssued) -> Change | None:
    if device is None or device["state"] == "pending":
        raise NotReady("device")
    known = device[section]
    if device["state"] != "accepted" or (known and event.ver <= known["ver"]):
        return None
    rundown: dict[str, Any] = {
        "ver": event.ver,
        "rundown": event.rundown.model_dump(),
        "media": sorted({blob.sha256 for blob in event.media}),
        "windows": [[int(one.starts_at.timestamp()), int(one.ends_at.timestamp())] for one in event.sessions],
    }
    return Change({section: rundown, "seq": device["seq"] + 1, "kv_due": True})
