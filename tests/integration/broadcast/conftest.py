"""A province with two communes, stations with keys of their own, and the events that their owners would send."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lantoa_broadcast.main import build
from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.stores import INDEXES
from lantoa_calendar.periods import ZONE
from lantoa_contracts import catalogue
from lantoa_contracts.base import BlobRef, DeviceKind, DeviceLink, SignedDocument
from lantoa_contracts.device import AiredProof, RadioRundown
from lantoa_contracts.events.broadcast import AiringConfirmed, RundownIssued
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn, Rendition
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import Grant
from lantoa_signing import nkey
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService


def to_noon() -> float:
    """Seconds from now to noon here: no slot of a test's grid passes while the test runs."""
    now = datetime.now(UTC).astimezone(ZONE)
    return (now.replace(hour=12, minute=0, second=0, microsecond=0) - now).total_seconds()


@dataclass
class Station:
    """A station's identity."""

    seed: str
    public: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.public = nkey.public_of(self.seed)
        self.id = nkey.device_id(self.public)


@dataclass
class Province:
    """The service, what surrounds it, and ids that no other test uses (the streams remember event ids)."""

    running: Running
    events: EventProbe
    root: str
    commune: str
    neighbour: str
    _approvals: int = 0

    @staticmethod
    def new_station() -> Station:
        return Station(nkey.new_seed(secrets.token_bytes(32)))

    def caller(self, role: str, unit_id: str | None = None) -> Caller:
        return Caller("person-9", "Thạch Thị Sa", (Grant(role, unit_id or self.commune),))

    # -- what the owners of other things say ------------------------------------------------------------------------

    async def unit(self, unit_id: str, path: Sequence[str], ver: int = 1) -> None:
        await self.events.publish(
            catalogue.UNIT_CHANGED,
            UnitChanged(
                unit_id=unit_id,
                ver=ver,
                code="29236",
                name="Xã Châu Thành",
                kind="commune",
                path=tuple(path),
                valid_from=None,
                valid_to=None,
            ),
        )

    async def claim(
        self, station: Station, unit_id: str, ver: int = 2, kind: DeviceKind = "radio", link: DeviceLink = "nats"
    ) -> None:
        await self.events.publish(
            catalogue.DEVICE_CLAIMED,
            DeviceClaimed(
                device_id=station.id,
                ver=ver,
                kind=kind,
                name="Loa ấp 1",
                unit_id=unit_id,
                public_key=station.public if link == "nats" else "",
                claimed_by="person-1",
                at=self.now,
                link=link,
            ),
        )

    async def move(self, station: Station, unit_id: str, ver: int = 3) -> None:
        await self.events.publish(
            catalogue.DEVICE_MOVED,
            DeviceMoved(device_id=station.id, ver=ver, unit_id=unit_id, previous_unit_id=self.commune, at=self.now),
        )

    async def revoke(self, station: Station, ver: int = 4) -> None:
        await self.events.publish(catalogue.DEVICE_REVOKED, DeviceRevoked(device_id=station.id, ver=ver, at=self.now))

    def approved(self, title: str, unit_id: str | None = None, **changes: Any) -> ItemApproved:
        self._approvals += 1  # Each is later than the one before, however fast they follow.
        audio = BlobRef(sha256=hashlib.sha256(title.encode()).hexdigest(), bytes=4000, media_type="audio/ogg")
        return ItemApproved.model_validate(
            {
                "item_id": f"i-{secrets.token_hex(6)}",
                "ver": 4,
                "revision": 1,
                "approval_sha256": "c" * 64,
                "title": title,
                "priority": "normal",
                "unit_id": unit_id or self.commune,
                "tasks": ("08", "05"),
                "topic": "nong-nghiep",
                "language": "vi",
                "renditions": (Rendition(kind="audio", blob=audio, seconds=12.0, lufs=-16.0, voice="vi"),),
                "author_id": "person-1",
                "approver_id": "person-2",
                "approved_at": self.now + timedelta(milliseconds=self._approvals),
                **changes,
            }
        )

    async def approve(self, title: str, unit_id: str | None = None, **changes: Any) -> ItemApproved:
        event = self.approved(title, unit_id, **changes)
        await self.events.publish(catalogue.ITEM_APPROVED, event)
        return event

    async def withdraw(self, item: ItemApproved) -> None:
        await self.events.publish(
            catalogue.ITEM_WITHDRAWN,
            ItemWithdrawn(
                item_id=item.item_id,
                ver=item.ver + 1,
                revision=item.revision,
                unit_id=item.unit_id,
                reason="withdrawn",
                at=self.now,
            ),
        )

    # -- what a station says ----------------------------------------------------------------------------------------

    async def prove(self, station: Station, proof: AiredProof | SignedDocument) -> None:
        if isinstance(proof, AiredProof):
            proof = nkey.sign_with_seed(station.seed, proof.model_dump_json())
        await self.events.publish_device(catalogue.DEVICE_AIRED, station.id, proof.model_dump_json().encode())

    def proof(
        self, issued: RundownIssued, rundown: RadioRundown, title: str, attempt: int = 1, **changes: Any
    ) -> AiredProof:
        session, entry = next(
            (session, entry) for session in rundown.sessions for entry in session.entries if entry.title == title
        )
        return AiredProof.model_validate(
            {
                "device_id": rundown.device_id,
                "local_id": f"{entry.entry_id}.{attempt}",
                "outcome": "aired",
                "session_id": session.session_id,
                "entry_id": entry.entry_id,
                "item_id": entry.item_id,
                "revision": entry.revision,
                "rundown_sha256": issued.rundown.sha256,
                "audio_sha256": entry.media.sha256,
                "planned_at": session.starts_at,
                "started_at": session.starts_at,
                "ended_at": session.starts_at + timedelta(seconds=entry.seconds),
                "seconds": entry.seconds,
                **changes,
            }
        )

    # -- what came of it --------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.running.service.clock.now()

    async def issued(self, station: Station) -> list[RundownIssued]:
        found = [event for event in await self.events.all(catalogue.RUNDOWN_ISSUED) if event.device_id == station.id]
        return sorted(found, key=lambda event: event.ver)

    async def rundown(self, issued: RundownIssued) -> RadioRundown:
        return RadioRundown.model_validate_json(await self.running.service.blobs.get(issued.rundown.sha256))

    async def told(self, station: Station, *expected: str) -> tuple[RundownIssued, RadioRundown]:
        """The station's newest rundown, as soon as it plays exactly these titles in this order."""

        async def found() -> tuple[RundownIssued, RadioRundown] | None:
            every = await self.issued(station)
            if not every:
                return None
            rundown = await self.rundown(every[-1])
            return (every[-1], rundown) if self.titles(rundown) == list(expected) else None

        newest: Any = await eventually(found)
        told: tuple[RundownIssued, RadioRundown] = newest
        return told

    @staticmethod
    def titles(rundown: RadioRundown) -> list[str]:
        """What a rundown plays, in order."""
        return [entry.title for session in rundown.sessions for entry in session.entries]

    async def sessions(self, unit_id: str | None = None) -> list[dict[str, Any]]:
        """Sessions as stored, by start."""
        collection = self.running.service.db["sessions"]
        return await collection.find({"unit_id": unit_id or self.commune}, sort=[("starts_at", 1)])

    async def confirmed(self) -> list[AiringConfirmed]:
        return await self.events.all(catalogue.AIRING_CONFIRMED)

    async def handled(self, spec: catalogue.EventSpec) -> None:
        """Everything of a kind that was published is answered: acknowledged or dead."""
        await self.events.handled(spec, "broadcast")


@pytest.fixture
async def province(start_service: StartService, events: EventProbe, request: pytest.FixtureRequest) -> Province:
    """Broadcast running, the province's units known; settings may be given as the fixture's parameter."""
    settings = {"clock_shift_seconds": to_noon(), **getattr(request, "param", {})}
    running = await start_service("broadcast", BroadcastSettings, build, INDEXES, **settings)
    mark = secrets.token_hex(4)
    made = Province(running, events, f"u-84-{mark}", f"u-29236-{mark}", f"u-29240-{mark}")
    await made.unit(made.root, [made.root])
    await made.unit(made.commune, [made.root, made.commune])
    await made.unit(made.neighbour, [made.root, made.neighbour])
    units = running.service.db["units"]

    async def known() -> bool:
        return await units.count({}) == 3

    await eventually(known)
    return made
