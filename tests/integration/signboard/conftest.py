"""A province with two communes, boards with keys of their own, and the events that their owners would send."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from lantoa_contracts import catalogue
from lantoa_contracts.base import BlobRef, DeviceKind, DeviceLink, SignedDocument
from lantoa_contracts.device import BoardRundown, DisplayedProof
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn, Rendition
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_contracts.events.signboard import BoardRundownIssued, DisplayConfirmed
from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import Grant
from lantoa_signboard.main import build
from lantoa_signboard.settings import SignboardSettings
from lantoa_signboard.usecases.stores import INDEXES
from lantoa_signing import nkey
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService


@dataclass
class Board:
    """A board's identity."""

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

    @staticmethod
    def new_board() -> Board:
        return Board(nkey.new_seed(secrets.token_bytes(32)))

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
        self, board: Board, unit_id: str, ver: int = 2, kind: DeviceKind = "board", link: DeviceLink = "nats"
    ) -> None:
        await self.events.publish(
            catalogue.DEVICE_CLAIMED,
            DeviceClaimed(
                device_id=board.id,
                ver=ver,
                kind=kind,
                name="Bảng tin chợ",
                unit_id=unit_id,
                public_key=board.public if link == "nats" else "",
                claimed_by="person-1",
                at=self.now,
                link=link,
            ),
        )

    async def move(self, board: Board, unit_id: str, ver: int = 3) -> None:
        await self.events.publish(
            catalogue.DEVICE_MOVED,
            DeviceMoved(device_id=board.id, ver=ver, unit_id=unit_id, previous_unit_id=self.commune, at=self.now),
        )

    async def revoke(self, board: Board, ver: int = 4) -> None:
        await self.events.publish(catalogue.DEVICE_REVOKED, DeviceRevoked(device_id=board.id, ver=ver, at=self.now))

    def approved(self, title: str, unit_id: str | None = None, **changes: Any) -> ItemApproved:
        slide = BlobRef(sha256=hashlib.sha256(title.encode()).hexdigest(), bytes=4000, media_type="image/svg+xml")
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
                "renditions": (Rendition(kind="board", blob=slide),),
                "author_id": "person-1",
                "approver_id": "person-2",
                "approved_at": self.now,
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

    # -- what a board says ----------------------------------------------------------------------------------------

    async def prove(self, board: Board, proof: DisplayedProof | SignedDocument) -> None:
        if isinstance(proof, DisplayedProof):
            proof = nkey.sign_with_seed(board.seed, proof.model_dump_json())
        await self.events.publish_device(catalogue.DEVICE_DISPLAYED, board.id, proof.model_dump_json().encode())

    def proof(self, issued: BoardRundownIssued, rundown: BoardRundown, title: str, **changes: Any) -> DisplayedProof:
        entry = next(entry for entry in rundown.entries if entry.title == title)
        return DisplayedProof.model_validate(
            {
                "device_id": rundown.device_id,
                "local_id": f"{entry.entry_id}.1",
                "entry_id": entry.entry_id,
                "item_id": entry.item_id,
                "revision": entry.revision,
                "rundown_sha256": issued.rundown.sha256,
                "slide_sha256": entry.media.sha256,
                "started_at": entry.valid_from,
                "ended_at": entry.valid_from + timedelta(seconds=entry.seconds),
                "seconds": entry.seconds,
                **changes,
            }
        )

    # -- what came of it --------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.running.service.clock.now()

    async def issued(self, board: Board) -> list[BoardRundownIssued]:
        found = [
            event for event in await self.events.all(catalogue.BOARD_RUNDOWN_ISSUED) if event.device_id == board.id
        ]
        return sorted(found, key=lambda event: event.ver)

    async def rundown(self, issued: BoardRundownIssued) -> BoardRundown:
        return BoardRundown.model_validate_json(await self.running.service.blobs.get(issued.rundown.sha256))

    async def told(self, board: Board, *expected: str) -> tuple[BoardRundownIssued, BoardRundown]:
        """The board's newest rundown, as soon as it shows exactly these titles in this order."""

        async def found() -> tuple[BoardRundownIssued, BoardRundown] | None:
            every = await self.issued(board)
            if not every:
                return None
            rundown = await self.rundown(every[-1])
            return (every[-1], rundown) if self.titles(rundown) == list(expected) else None

        newest: Any = await eventually(found)
        told: tuple[BoardRundownIssued, BoardRundown] = newest
        return told

    @staticmethod
    def titles(rundown: BoardRundown) -> list[str]:
        """What a rundown shows, in order."""
        return [entry.title for entry in rundown.entries]

    async def confirmed(self) -> list[DisplayConfirmed]:
        return await self.events.all(catalogue.DISPLAY_CONFIRMED)

    async def handled(self, spec: catalogue.EventSpec) -> None:
        """Everything of a kind that was published is answered: acknowledged or dead."""
        await self.events.handled(spec, "signboard")


@pytest.fixture
async def province(start_service: StartService, events: EventProbe) -> Province:
    """Signboard running, the province's units known."""
    running = await start_service("signboard", SignboardSettings, build, INDEXES)
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
