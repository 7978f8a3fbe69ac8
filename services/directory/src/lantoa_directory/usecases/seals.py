"""Signed lists of the chains' heads: what pins the audit outside its database."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import AUDIT_SEALED
from lantoa_contracts.events.directory import AuditSealed
from lantoa_directory import telemetry
from lantoa_directory.domain.audit import at_text, to_the_millisecond
from lantoa_directory.usecases.audit import Audit
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Document, DuplicateKey, Outgoing
from lantoa_signing.chain import GENESIS, Head, Seal, seal_text
from lantoa_signing.documents import SigningKey

MOST_HEADS = 300
"""Heads in one seal: it stays well below what a signed document may hold."""
_BATCH = 200


class Seals:
    """Makes a seal at every interval and tells of it, so that the event stream keeps a copy.

    Without a key nothing is sealed, and the metric says since when.
    """

    def __init__(
        self, seals: Aggregates, audit: Audit, key: SigningKey | None, interval: timedelta, clock: Clock
    ) -> None:
        self._seals = seals
        self._audit = audit
        self._key = key
        self._interval = interval
        self._clock = clock
        self._started = clock.now()

    async def last(self) -> Document | None:
        """The newest seal."""
        found = await self._seals.collection.find({}, sort=[("number", -1)], limit=1)
        return found[0] if found else None

    async def turn(self) -> None:
        """Seal what has moved when it is time; a job. An empty seal says that nothing has."""
        last, now = await self.last(), self._clock.now()
        since: datetime = last["at"] if last else self._started
        telemetry.AUDIT_SEAL_AGE.set(max(0.0, (now - since).total_seconds()))
        if self._key is None or (last and now - since < self._interval):
            return
        while True:
            heads = await self._audit.moved(MOST_HEADS)
            if not await self.seal(last, heads):
                return  # Another replica was faster.
            if len(heads) < MOST_HEADS:
                return
            last = await self.last()

    async def seal(self, last: Document | None, heads: list[Head]) -> bool:
        """Sign these heads as the seal after ``last``; ``False`` when there is one already."""
        if self._key is None:
            return False
        at = to_the_millisecond(self._clock.now())
        number, prev = (last["number"] + 1, last["hash"]) if last else (1, GENESIS)
        text = seal_text(number, at_text(at), prev, heads)
        signed = self._key.sign(text)
        sealed = Seal(number, at_text(at), prev, tuple(heads), text)
        fields: dict[str, Any] = {"number": number, "at": at, "hash": sealed.hash, "seal": signed.model_dump()}
        event = AuditSealed(number=number, ver=1, seal=signed)
        try:
            # The number is unique; the hash tells a seal from one under the same number before a restore.
            await self._seals.insert(f"{number:08}-{sealed.hash[:16]}", fields, [Outgoing(AUDIT_SEALED, event)])
        except DuplicateKey:
            return False
        await self._audit.sealed(heads)
        telemetry.AUDIT_SEAL_AGE.set(0.0)
        return True

    async def all(self) -> AsyncIterator[SignedDocument]:
        """Every seal in its order."""
        after = 0
        while found := await self._seals.collection.find(
            {"number": {"$gt": after}}, sort=[("number", 1)], limit=_BATCH
        ):
            for document in found:
                yield SignedDocument(**document["seal"])
            after = found[-1]["number"]
