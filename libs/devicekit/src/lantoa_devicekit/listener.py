"""Alerts at a device: verified, kept, told to the program, acknowledged. They need NATS and the disk, and no more."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal

import structlog
from pydantic import ValidationError

from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.device import Ack, AlertNotice, AlertOrder
from lantoa_devicekit.alarms import Alarms
from lantoa_devicekit.backoff import jitter
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.documents import Reason, check_order
from lantoa_devicekit.enrolment import Enroller
from lantoa_devicekit.journal import Journal
from lantoa_devicekit.link import Link, LinkDown, Received
from lantoa_devicekit.notices import ActiveNotice, in_force, next_expiry, ref_of
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.sounds import SoundRefused, Sounds

log = structlog.get_logger("lantoa.alerts")

OnAlert = Callable[[tuple[ActiveNotice, ...]], None]
Stage = Literal["verified", "playing", "finished", "failed"]

_LOOK_AGAIN_S = 1.0
"""The machine's clock may be set while a notice waits for its end, so no wait is longer."""
_BROADCAST_S = 1.0
"""So long the parts of a sound may take by broadcast before the device asks the bucket for those it missed."""


class Listener:
    """The alerts of one device. ``on_alert`` is called whenever what is in force, or here of it, has changed."""

    def __init__(
        self,
        settings: DeviceSettings,
        clock: DeviceClock,
        journal: Journal,
        link: Link,
        enroller: Enroller,
        alarms: Alarms,
        on_alert: OnAlert,
        ack: Callable[[Ack], Awaitable[bool]],
        acked: Callable[[str], Awaitable[bool]],
        no_room: Callable[[str], Awaitable[None]],
    ) -> None:
        """``ack`` makes an acknowledgement durable and says whether it is new, ``acked`` whether a local id was."""
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._link = link
        self._enroller = enroller
        self._alarms = alarms
        self._on_alert = on_alert
        self._ack = ack
        self._acked = acked
        self._sounds = Sounds(settings.data, no_room)
        self._highest: dict[str, int] = {}
        self._orders: dict[str, AlertOrder] = {}
        self._scopes: frozenset[str] = frozenset()
        self._versions: dict[str, int] = {}
        self._finished: set[str] = set()
        self._silent = False
        self._told: tuple[ActiveNotice, ...] = ()
        self._changed = asyncio.Event()
        self._missing = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    async def load(self) -> None:
        """Take up the orders kept on disk. They were verified when they were kept."""
        for scope, (seq, document) in (await self._journal.orders()).items():
            self._highest[scope] = seq
            with contextlib.suppress(ValidationError):
                self._orders[scope] = AlertOrder.model_validate_json(SignedDocument.model_validate_json(document).p)
        self._note_versions()
        for notice in self._notices():
            ref = ref_of(notice)
            if await self._acked(f"{ref}.finished") or await self._acked(f"{ref}.failed"):
                self._finished.add(ref)

    def hear(self, scopes: Iterable[str], *, revoked: bool) -> None:
        """Obey these scopes from now on, and no others; a device that lost its rights obeys none."""
        self._scopes = frozenset(scopes)
        self._silent = revoked
        self._link.listen(self._scopes)
        self._changed.set()

    def look(self) -> None:
        """Look again what is in force: the clock was set."""
        self._changed.set()

    @property
    def active(self) -> tuple[ActiveNotice, ...]:
        """What is in force, as last told to the program."""
        return self._told

    def notice(self, ref: str) -> AlertNotice | None:
        """A notice of an order that is kept, in force or not."""
        return next((each for each in self._notices() if ref_of(each) == ref), None)

    async def run(self) -> None:
        """Tell the program what changes by itself (a notice ends, a sound has come); for ever."""
        async with asyncio.TaskGroup() as group:
            self._tasks = group
            group.create_task(self._fetch())
            while True:
                self._changed.clear()
                notices = self._in_force()
                await self._sounds.want(self._sounds_of(notices))
                notices = self._in_force()  # While the disk was looked at, an order may have come and been told.
                self._tell(notices)
                if self._sounds.missing():
                    self._missing.set()
                end = next_expiry(notices)
                wait = None if end is None else min((end - self._clock.now()).total_seconds(), _LOOK_AGAIN_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()

    # ---- what the link brings

    async def received(self, message: Received) -> None:
        """Judge an order or take a part of a sound."""
        if message.channel == "sound":
            *_, sha256, n = message.subject.split(".")
            with contextlib.suppress(ValueError):
                await self._part(sha256, int(n), message.data)
            return
        refused = await self._judge(message)
        if refused is Reason.UNKNOWN_KEY and self._tasks is not None:
            # The gateway may be slow or gone: the next alert must not wait for it.
            self._tasks.create_task(self._ask_for_keys(message))
        elif refused is not None and refused is not Reason.KNOWN:
            await self._alarms.refused("alert", refused)

    async def _ask_for_keys(self, message: Received) -> None:
        refused: Reason | None = Reason.UNKNOWN_KEY
        if await self._enroller.refresh():
            refused = await self._judge(message)
        if refused is not None and refused is not Reason.KNOWN:
            await self._alarms.refused("alert", refused)

    async def _judge(self, message: Received) -> Reason | None:
        highest = {scope: self._highest.get(scope, 0) for scope in self._scopes}
        stored = message.channel == "stored_alert"
        order = check_order(message.data, self._enroller.keys, highest, self._clock.now(), stored=stored)
        if isinstance(order, Reason):
            # What lies in the bucket was overtaken by what we heard: no wonder and no attack.
            return Reason.KNOWN if stored and order is Reason.OLD else order
        self._highest[order.aud] = order.seq
        self._orders[order.aud] = order
        self._note_versions()
        self._tell(self._in_force())  # First of all; what is written down can wait so long.
        self._changed.set()
        log.info("alert_order", scope=order.aud, seq=order.seq, notices=[ref_of(each) for each in order.notices])
        for notice in order.notices:
            if notice.expires_at > self._clock.now():
                await self.stage(notice, "verified")
        await self._journal.save_order(order.aud, order.seq, message.data)
        return None

    async def _part(self, sha256: str, n: int, data: bytes) -> None:
        try:
            whole = await self._sounds.heard(sha256, n, data)
        except OSError as error:
            await self._alarms.raise_("disk_full", str(error))
            return
        if whole:
            self._changed.set()

    async def _fetch(self) -> None:
        """Complete from the bucket what the broadcasts left out."""
        failures = 0
        while True:
            await self._missing.wait()
            self._missing.clear()
            await asyncio.sleep(_BROADCAST_S + jitter(self._settings.alert_jitter_s))
            for sound in self._sounds.missing():
                with contextlib.suppress(LinkDown):
                    await self._complete(sound)
            if self._sounds.missing():
                failures += 1
                await asyncio.sleep(min(2.0**failures, 60.0) + jitter(self._settings.alert_jitter_s))
                self._missing.set()
            else:
                failures = 0

    async def _complete(self, sound: BlobRef) -> None:
        for scope in [order.aud for order in self._mine() if sound in self._sounds_of(order.notices)]:
            try:
                if await self._sounds.fetch(sound, scope, self._link.part):
                    self._changed.set()
                    return
            except SoundRefused:
                await self._alarms.raise_("download_refused", f"{sound.sha256}: the parts do not make this sound")
            except OSError as error:
                await self._alarms.raise_("disk_full", str(error))

    # ---- what the program tells

    async def stage(self, notice: AlertNotice, stage: Stage, detail: str = "") -> None:
        """Acknowledge how far a notice has come here; once for each stage, however often it is told."""
        ref = ref_of(notice)
        local_id = f"{ref}.{stage}"
        new = await self._ack(Ack(local_id=local_id, ref=ref, stage=stage, at=self._clock.now(), detail=detail[:400]))
        if new:
            log.info("alert_stage", ref=ref, stage=stage, detail=detail)
        if stage in ("finished", "failed"):
            self._finished.add(ref)
            self._changed.set()

    # ---- in force

    def _mine(self) -> list[AlertOrder]:
        return [order for scope, order in self._orders.items() if scope in self._scopes]

    def _notices(self) -> list[AlertNotice]:
        return [notice for order in self._orders.values() for notice in order.notices]

    def _note_versions(self) -> None:
        """Of every notice that some order still names, the highest version ever seen."""
        seen: dict[str, int] = {}
        for notice in self._notices():
            before = max(seen.get(notice.notice_id, 0), self._versions.get(notice.notice_id, 0))
            seen[notice.notice_id] = max(before, notice.ver)
        self._versions = seen

    def _in_force(self) -> list[AlertNotice]:
        return [] if self._silent else in_force(self._mine(), self._clock.now(), self._versions)

    @staticmethod
    def _sounds_of(notices: Iterable[AlertNotice]) -> list[BlobRef]:
        return [notice.sound for notice in notices if notice.sound is not None]

    def _tell(self, notices: list[AlertNotice]) -> None:
        active = tuple(
            ActiveNotice(
                notice,
                self._sounds.path(notice.sound.sha256) if notice.sound else None,
                ref_of(notice) in self._finished,
            )
            for notice in notices
        )
        if active != self._told:
            self._told = active
            self._on_alert(active)
