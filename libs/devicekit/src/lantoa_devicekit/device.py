"""A device: everything but what it does with its rundown."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Self

import aiohttp
import structlog
from pydantic import ValidationError

from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.device import (
    AiredProof,
    Alarm,
    BoardRundown,
    Desired,
    DisplayedProof,
    Heartbeat,
    ManifestAnswer,
    ManifestRequest,
    RadioRundown,
    Reported,
    RundownEntry,
)
from lantoa_devicekit.alarms import AlarmCode, AlarmLimiter
from lantoa_devicekit.backoff import jitter
from lantoa_devicekit.cache import MediaCache
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.documents import Reason, check_command, check_desired
from lantoa_devicekit.enrolment import Enroller, EnrolmentState
from lantoa_devicekit.identity import load_identity
from lantoa_devicekit.journal import Journal
from lantoa_devicekit.link import Channel, Hooks, Link, LinkDown
from lantoa_devicekit.outbox import Outbox
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.store import AttemptRow

log = structlog.get_logger("lantoa.device")

Rundown = RadioRundown | BoardRundown
Activity = Literal["starting", "idle", "playing", "showing"]

CLOCK_OFF_MS = 60_000
_ASK_ADDRESSES_AFTER = 3
_STOP_S = 1.0


@dataclass(frozen=True)
class Order:
    """What the device is to obey now: a verified rundown and the media that are already here, by sha256."""

    desired: Desired
    rundown: Rundown | None
    """None when the platform has nothing for a device of this kind (yet, or any more)."""
    rundown_sha256: str
    media: Mapping[str, Path]
    revoked: bool = False
    """The device lost its rights: fall silent now, not after what is playing."""


class Device:
    """Connects, verifies, fetches, reports and proves on behalf of a program (station, player).

    ``on_order`` is called on the event loop, at once when a kept rundown is found at start, when a new one has been
    verified, and again as its media arrive. It must not block: take the order and wake your own loop.
    """

    def __init__(self, settings: DeviceSettings, on_order: Callable[[Order], None]) -> None:
        self.settings = settings
        self.identity = load_identity(settings.data, os.urandom(32))
        self.clock = DeviceClock()
        self._on_order = on_order
        self._activity: tuple[Activity, str | None] = ("starting", None)
        self._limiter = AlarmLimiter()
        self._highest = 0
        self._taking_up: asyncio.Task[None] | None = None
        self._taken_up: tuple[int, int, int, int] | None = None
        self._report_due = asyncio.Event()
        self._order: Order | None = None
        self._obeyed: Desired | None = None

    # ---- life

    async def start(self) -> None:
        """Open the journal, take up what is kept on disk, and begin to work in the background.

        Raises:
            OSError, sqlite3.Error: the data folder is unusable.
        """
        identity, settings = self.identity, self.settings
        self._journal = Journal(settings.data, self._disk_full)
        await self._journal.open(self._now_s())
        self.clock.offset_ms = await self._journal.offset()
        self._http = aiohttp.ClientSession()
        self._enroller = Enroller(settings, identity, self.clock, self._http, self._enrolment_changed)
        self._enroller.load()
        hooks = Hooks(self._addresses, self._received, self._connected, self._measured, self._refused)
        self._link = Link(settings, identity.device_id, identity.seed, self.clock, hooks)
        self._outbox = Outbox(self._journal, self._link)
        self._cache = MediaCache(settings, self._http, self._manifest, self._media_base, self.alarm)
        desired = None
        kept = await self._journal.desired()
        if kept is not None:
            self._highest = kept[0]
            # It was verified when it was kept; that it may have expired since does not silence a device in an outage.
            desired = Desired.model_validate_json(SignedDocument.model_validate_json(kept[1]).p)
        log.info("device", device_id=identity.device_id, kind=settings.kind, seq=self._highest)
        self._work = asyncio.create_task(self._run(desired))

    async def join(self) -> None:
        """Wait for the background work. It only ends by :meth:`stop` or by a fault, which is raised."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(self._work)

    async def stop(self) -> None:
        """Give waiting proofs a last second, then end everything."""
        if self.connected:
            with contextlib.suppress(TimeoutError):
                self._outbox.wake()
                async with asyncio.timeout(_STOP_S):
                    await self._outbox.drained()
        self._work.cancel()
        await asyncio.wait([self._work])
        await self._http.close()
        await self._journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _run(self, kept: Desired | None) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._journal.tend())
            if kept is not None:
                self._obey(kept)
            await self._enroller.until_accepted()
            group.create_task(self._link.run())
            group.create_task(self._outbox.run())
            group.create_task(self._beat())
            group.create_task(self._report())

    # ---- for the program

    @property
    def connected(self) -> bool:
        """Whether the platform's snapshot came back on the present connection."""
        return self._link.up.is_set()

    @property
    def enrolment(self) -> EnrolmentState:
        """Whether a technician has claimed this device."""
        return self._enroller.state

    @property
    def claim_code(self) -> str | None:
        """What to show to the technician while nobody has claimed this device."""
        return self._enroller.claim_code

    def show(self, activity: Activity, now: str | None = None) -> None:
        """Say what the device does; the next heartbeat tells it. ``now`` is the title of what plays or shows."""
        self._activity = (activity, now)

    async def prove(self, proof: AiredProof | DisplayedProof) -> bool:
        """Sign a proof, write it durably, send it until acknowledged; False when its ``local_id`` was proved before.

        While the disk is full it is kept in memory and sent from there.
        """
        subject, local_id, payload = self._signed(proof)
        new = await self._journal.post(subject, local_id, payload, self._now_s())
        self._outbox.wake()
        return new

    async def proved(self, kind: Literal["aired", "displayed"], local_id: str) -> bool:
        """Whether such a proof was ever made here, sent or not."""
        return await self._journal.posted(self._up(kind), local_id)

    async def attempts(self) -> list[AttemptRow]:
        """The journal of attempts."""
        return await self._journal.attempts()

    async def begin(self, attempt: int, cut: AiredProof) -> None:
        """Write durably that an attempt starts, with the proof to send if the device dies now. Call it first.

        Raises:
            sqlite3.IntegrityError: this attempt was begun before.
        """
        await self._journal.begin(cut.entry_id, attempt, cut.model_dump_json(), self._now_s())

    async def finish(self, attempt: int, proof: AiredProof) -> None:
        """Close a begun attempt and prove it, in one write. A second call for the same attempt does nothing."""
        await self._journal.finish(proof.entry_id, attempt, proof.outcome, self._signed(proof), self._now_s())
        self._outbox.wake()

    async def alarm(self, code: AlarmCode, detail: str) -> None:
        """Raise an alarm, at most one an hour of each code, with a count of those held back."""
        log.warning("alarm", code=code, detail=detail)
        count = self._limiter.note(code, asyncio.get_running_loop().time())
        if count is None:
            return
        at = self.clock.now()
        local_id = f"{code}.{int(at.timestamp() * 1000)}"
        alarm = Alarm(local_id=local_id, code=code, at=at, count=count, detail=detail[:400])
        payload = alarm.model_dump_json().encode()
        await self._journal.post(self._up("alarm"), local_id, payload, self._now_s())
        self._outbox.wake()

    async def damaged(self, sha256: str) -> bool:
        """Whether a file of the order is damaged: then the order comes again without it, and with it once fetched."""
        if await self._cache.intact(sha256):
            return False
        order, told = self._order, self._taken_up
        if order is None or told is None or sha256 not in order.media:
            return True  # It is on its way already.
        media = {name: path for name, path in order.media.items() if name != sha256}
        self._deliver(replace(order, media=media), told[1], told[3])
        await self.alarm("playback_failed", f"{sha256}: damaged on disk, fetched anew")
        self._obey(order.desired)
        return True

    # ---- what the link tells

    async def _disk_full(self, error: str) -> None:
        await asyncio.to_thread(self._cache.make_room)
        await self.alarm("disk_full", error)

    async def _refused(self) -> None:
        """NATS does not let us in."""
        await self._enroller.refresh(at_once=True)

    def _enrolment_changed(self) -> None:
        if self._obeyed is not None:
            self._obey(self._obeyed)

    async def _addresses(self, failures: int) -> Sequence[str]:
        revoked = self._enroller.state == "revoked"
        if revoked or failures >= _ASK_ADDRESSES_AFTER:
            await self._enroller.refresh(at_once=revoked)
        accepted = self._enroller.accepted
        return accepted.nats_urls if accepted else ()

    async def _connected(self) -> None:
        self._outbox.wake()
        self._report_due.set()
        await self._send_beat()

    async def _measured(self, offset_ms: int) -> None:
        self.clock.offset_ms = offset_ms
        await self._journal.save_offset(offset_ms)
        if abs(offset_ms) > CLOCK_OFF_MS:
            await self.alarm("clock_off", f"{offset_ms} ms")

    async def _received(self, channel: Channel, raw: bytes) -> None:
        refused = await self._judge(channel, raw)
        if refused is Reason.UNKNOWN_KEY and await self._enroller.refresh():
            refused = await self._judge(channel, raw)
        if refused is not None and refused is not Reason.KNOWN:
            await self.alarm("signature_refused", f"{channel}: {refused}")

    async def _judge(self, channel: Channel, raw: bytes) -> Reason | None:
        now, device_id = self.clock.now(), self.identity.device_id
        if channel == "cmd":
            reason = check_command(raw, self._enroller.keys, device_id, now)
            if reason is None:
                log.info("command_not_known")
            return reason
        verdict = check_desired(raw, self._enroller.keys, device_id, self._highest, now)
        if isinstance(verdict, Reason):
            return verdict
        await self._journal.save_desired(verdict.seq, raw)
        self._highest = verdict.seq
        self._obey(verdict)
        log.info("desired", seq=verdict.seq)
        return None

    # ---- obeying

    def _obey(self, desired: Desired) -> None:
        self._obeyed = desired
        if self._taking_up is not None:
            self._taking_up.cancel()
        self._taking_up = self._group.create_task(self._take_up(desired))

    async def _take_up(self, desired: Desired) -> None:
        ref = desired.radio if self.settings.kind == "radio" else desired.board
        if self._enroller.state == "revoked":
            self._deliver(Order(desired, None, "", {}, revoked=True), 0, 0)
            return
        if ref is None:
            self._deliver(Order(desired, None, "", {}), 0, 0)
            return
        if not await self._cache.has(ref.rundown):
            await asyncio.sleep(jitter(self.settings.jitter_s))
        path = await self._cache.get(ref.rundown)
        try:
            rundown = self._parse(await asyncio.to_thread(path.read_bytes))
        except (ValidationError, ValueError) as error:
            await self.alarm("download_refused", f"rundown {ref.rundown.sha256}: {error}")
            return
        media = {entry.media.sha256: entry.media for entry in entries_of(rundown)}
        self._cache.need([ref.rundown.sha256, *media])
        here = {sha256: self._cache.path(sha256) for sha256, blob in media.items() if await self._cache.has(blob)}

        def deliver() -> None:
            self._deliver(Order(desired, rundown, ref.rundown.sha256, dict(here)), ref.ver, len(media))

        async def fetch(blob: BlobRef) -> None:
            here[blob.sha256] = await self._cache.get(blob)
            deliver()

        deliver()
        async with asyncio.TaskGroup() as downloads:
            for blob in [blob for sha256, blob in media.items() if sha256 not in here]:
                downloads.create_task(fetch(blob))
        await asyncio.to_thread(self._cache.tidy)

    def _parse(self, data: bytes) -> Rundown:
        model = RadioRundown if self.settings.kind == "radio" else BoardRundown
        rundown: Rundown = model.model_validate_json(data)
        if rundown.device_id != self.identity.device_id:
            raise ValueError("made for another device")
        return rundown

    def _deliver(self, order: Order, ver: int, wanted: int) -> None:
        self._order = order
        self._taken_up = (order.desired.seq, ver, len(order.media), wanted)
        self._report_due.set()
        self._on_order(order)

    async def _manifest(self, sha256s: Sequence[str]) -> ManifestAnswer:
        await self._link.up.wait()
        answer = await self._link.ask("manifest", ManifestRequest(sha256=tuple(sha256s)).model_dump_json().encode())
        try:
            return ManifestAnswer.model_validate_json(answer)
        except ValidationError as error:
            raise LinkDown("no manifest in the answer") from error

    def _media_base(self) -> str:
        accepted = self._enroller.accepted
        return accepted.media_base if accepted else self.settings.gateway

    # ---- telling

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.settings.heartbeat_s)
            await self._send_beat()

    async def _send_beat(self) -> None:
        state, now = self._activity
        beat = Heartbeat(
            at=self.clock.now(),
            version=version("lantoa-devicekit"),
            state=state,
            desired_seq=self._highest,
            now=now,
            disk_free_mb=shutil.disk_usage(self.settings.data).free // 1_000_000,
            clock_offset_ms=self.clock.offset_ms,
        )
        with contextlib.suppress(LinkDown):
            await self._link.tell(self._up("hb"), beat.model_dump_json().encode())

    async def _report(self) -> None:
        while True:
            await self._report_due.wait()
            self._report_due.clear()
            if self._taken_up is None:
                continue
            seq, ver, ready, wanted = self._taken_up
            reported = Reported(
                at=self.clock.now(), desired_seq=seq, rundown_ver=ver, media_ready=ready, media_wanted=wanted
            )
            try:
                await self._link.publish(self._up("reported"), reported.model_dump_json().encode())
            except LinkDown as error:
                # Told again after the next connect, when the snapshot is back.
                log.info("not_reported", error=str(error))

    def _signed(self, proof: AiredProof | DisplayedProof) -> tuple[str, str, bytes]:
        document = self.identity.sign(proof.model_dump_json())
        return self._up(proof.kind), proof.local_id, document.model_dump_json().encode()

    def _up(self, what: str) -> str:
        return f"dev.up.{self.identity.device_id}.{what}"

    def _now_s(self) -> float:
        return self.clock.wall().timestamp()


def entries_of(rundown: Rundown) -> list[RundownEntry]:
    """Every entry, in the order in which the media are needed."""
    if isinstance(rundown, BoardRundown):
        return list(rundown.entries)
    sessions = sorted(rundown.sessions, key=lambda session: session.starts_at)
    return [entry for session in sessions for entry in session.entries]
