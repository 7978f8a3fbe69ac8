"""A device: everything but what it does with its rundown and its alerts."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Self

import aiohttp
import structlog
from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import (
    Ack,
    AiredProof,
    Alarm,
    AlertNotice,
    Desired,
    DisplayedProof,
    ManifestAnswer,
    ManifestRequest,
)
from lantoa_devicekit.alarms import AlarmCode, Alarms
from lantoa_devicekit.backoff import answer_after_s
from lantoa_devicekit.cache import MediaCache
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.commands import Commander, Handler, Leaving
from lantoa_devicekit.documents import Reason, check_command, check_desired
from lantoa_devicekit.enrolment import Enroller, EnrolmentState
from lantoa_devicekit.health import WITHIN_S, Health
from lantoa_devicekit.identity import load_identity
from lantoa_devicekit.journal import Journal
from lantoa_devicekit.link import Hooks, Link, LinkDown, Received
from lantoa_devicekit.listener import Listener, OnAlert
from lantoa_devicekit.obedience import Obedience, Order
from lantoa_devicekit.outbox import Outbox
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.store import AttemptRow
from lantoa_devicekit.telling import Activity, Telling
from lantoa_devicekit.tools import Tools
from lantoa_devicekit.updates import Releases

log = structlog.get_logger("lantoa.device")

CLOCK_OFF_MS = 60_000
_ASK_ADDRESSES_AFTER = 3
_STOP_S = 1.0


class Device:
    """Connects, verifies, fetches, reports and proves on behalf of a program (station, player).

    ``on_order`` is called on the event loop, at once when a kept rundown is found at start, when a new one has been
    verified, and again as its media arrive; ``on_alert`` whenever the notices in force have changed, the most severe
    first, before anything about them is written down. Neither may block: take what is told and wake your own loop.
    ``commands`` are what the program can do beyond what every device does, by the command's name.
    """

    def __init__(
        self,
        settings: DeviceSettings,
        on_order: Callable[[Order], None],
        on_alert: OnAlert = lambda _: None,
        commands: Mapping[str, Handler] | None = None,
        clock: DeviceClock | None = None,
    ) -> None:
        self.settings = settings
        self.identity = load_identity(settings.data, os.urandom(32))
        self.clock = clock or DeviceClock()
        self.alarms = Alarms(settings.alarm_every_s, self.clock.now, self._post_alarm)
        self._on_order = on_order
        self._on_alert = on_alert
        self._commands = dict(commands or {})
        self._highest = 0

    # ---- life

    async def start(self) -> None:
        """Open the journal, take up what is kept on disk, and begin to work in the background.

        Raises:
            OSError, sqlite3.Error: the data folder is unusable.
        """
        settings, clock, device_id = self.settings, self.clock, self.identity.device_id
        self._journal = Journal(settings.data, self._disk_full)
        await self._journal.open(self._now_s())
        clock.offset_ms = await self._journal.offset()
        self._http = aiohttp.ClientSession()
        self._enroller = Enroller(settings, self.identity, clock, self._http, self._enrolment_changed)
        self._enroller.load()
        hooks = Hooks(
            self._addresses, self._received, self._alerted, self._connected, self._measured, self._enroller.refused
        )
        self._link = Link(settings, device_id, self.identity.seed, clock, hooks)
        self._outbox = Outbox(self._journal, self._link, urgent=self._up("ack"))
        self._cache = MediaCache(settings, self._http, self._manifest, self._media_base, self.alarms.raise_)
        self._obedience = Obedience(settings, device_id, clock, self._cache, self.alarms, self._on_order)
        self._listener = Listener(
            settings, clock, self._journal, self._link, self._enroller, self.alarms, self._on_alert,
            self._post_ack, self._acked, self._no_room,
        )  # fmt: skip
        self._health = Health(self.alarms)
        releases = Releases(settings.data, self._cache)
        self._telling = Telling(settings, clock, self._link, self._obedience, self._health, releases)
        self._tools = Tools(settings, self._journal, self._http, self._telling, self.alarms, self._enroller, releases)
        handlers = self._tools.handlers() | self._commands
        self._commander = Commander(clock, self._journal, self._outbox, self._up("ack"), handlers)
        await self._tools.load()
        await self._listener.load()
        desired = None
        kept = await self._journal.desired()
        if kept is not None:
            self._highest = self._telling.desired_seq = kept[0]
            # It was verified when it was kept; that it may have expired since does not silence a device in an outage.
            desired = Desired.model_validate_json(SignedDocument.model_validate_json(kept[1]).p)
        log.info("device", device_id=device_id, kind=settings.kind, seq=self._highest)
        self._work = asyncio.create_task(self._run(desired))

    async def join(self) -> None:
        """Wait for the background work. It only ends by :meth:`stop`, by a command to restart, or by a fault, which is
        raised."""
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
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._journal.tend())
                group.create_task(self._listener.run())
                if kept is not None:
                    self._obey(kept)
                await self._health.began(*await self._journal.started(self._now_s(), WITHIN_S))
                await self._enroller.until_accepted()
                await self._commander.resume()
                group.create_task(self._link.run())
                group.create_task(self._outbox.run())
                group.create_task(self._commander.run())
                group.create_task(self._telling.report())
                group.create_task(self._beat())
        except* Leaving:
            log.info("leaving")

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

    @property
    def volume(self) -> int:
        """How loud a loudspeaker is to be, in percent; a board has none and keeps what it was told."""
        return self._tools.volume

    def show(self, activity: Activity, now: str | None = None) -> None:
        """Say what the device does; the next heartbeat tells it. ``now`` is the title of what plays or shows."""
        self._telling.activity = (activity, now)

    async def prove(self, proof: AiredProof | DisplayedProof) -> bool:
        """Sign a proof, write it durably, send it until acknowledged; False when its ``local_id`` was proved before.

        While the disk is full it is kept in memory and sent from there.
        """
        return await self._post(*self._signed(proof))

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

    async def acknowledge(
        self, notice: AlertNotice, stage: Literal["playing", "finished", "failed"], detail: str = ""
    ) -> None:
        """Tell how far a notice has come here; each stage once, however often it is told."""
        await self._listener.stage(notice, stage, detail)

    def notice(self, ref: str) -> AlertNotice | None:
        """A verified notice by its ``<notice_id>.<ver>``, in force or over, while its order is its scope's last."""
        return self._listener.notice(ref)

    async def upload(self, url: str, data: bytes, media_type: str) -> None:
        """Give the platform a file that a command asked for.

        Raises:
            CommandFailed: it was not taken.
        """
        await self._tools.upload(url, data, media_type)

    async def alarm(self, code: AlarmCode, detail: str) -> None:
        """Raise an alarm, at most one an hour of each code, with a count of those held back."""
        await self.alarms.raise_(code, detail)

    async def damaged(self, sha256: str) -> bool:
        """Whether a file of the order is damaged: then the order comes again without it, and with it once fetched."""
        return await self._obedience.damaged(sha256, self._group)

    # ---- what the link tells

    async def _disk_full(self, error: str) -> None:
        await asyncio.to_thread(self._cache.make_room)
        await self.alarm("disk_full", error)

    async def _no_room(self, error: str) -> None:
        """An alert's sound is worth the reserve."""
        self._journal.make_room()
        await self._disk_full(error)

    def _enrolment_changed(self) -> None:
        if self._obedience.obeyed is not None:
            self._obey(self._obedience.obeyed)

    async def _addresses(self, failures: int) -> Sequence[str]:
        revoked = self._enroller.state == "revoked"
        if revoked or failures >= _ASK_ADDRESSES_AFTER:
            await self._enroller.refresh(at_once=revoked)
        accepted = self._enroller.accepted
        return accepted.nats_urls if accepted else ()

    async def _connected(self) -> None:
        self._outbox.wake()
        self._obedience.changed.set()
        await self._telling.beat()

    async def _measured(self, offset_ms: int) -> None:
        self.clock.offset_ms = offset_ms
        self._listener.look()
        await self._journal.save_offset(offset_ms)
        if abs(offset_ms) > CLOCK_OFF_MS:
            await self.alarm("clock_off", f"{offset_ms} ms")

    async def _alerted(self, message: Received) -> None:
        await self._listener.received(message)

    async def _received(self, message: Received) -> None:
        refused = await self._judge(message)
        if refused is Reason.UNKNOWN_KEY and await self._enroller.refresh():
            refused = await self._judge(message)
        if refused is not None and refused is not Reason.KNOWN:
            await self.alarms.refused(message.channel, refused)

    async def _judge(self, message: Received) -> Reason | None:
        now, device_id = self.clock.now(), self.identity.device_id
        if message.channel == "cmd":
            command = check_command(message.data, self._enroller.keys, device_id, now)
            if isinstance(command, Reason):
                return command
            if not await self._commander.take(command):
                self.alarms.refusals["repeated"] += 1
                self._telling.repeats += 1
            return None
        verdict = check_desired(message.data, self._enroller.keys, device_id, self._highest, now)
        if isinstance(verdict, Reason):
            return verdict
        await self._journal.save_desired(verdict.seq, message.data)
        self._highest = self._telling.desired_seq = verdict.seq
        self._obey(verdict)
        log.info("desired", seq=verdict.seq)
        return None

    def _obey(self, desired: Desired) -> None:
        revoked = self._enroller.state == "revoked"
        self._listener.hear(desired.alert_scopes, revoked=revoked)
        self._obedience.obey(desired, self._group, revoked=revoked)

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
            await self._telling.beat()
            await self.alarms.tend()

    async def _post(self, subject: str, local_id: str, payload: bytes, wait_s: float = 0.0) -> bool:
        new = await self._journal.post(subject, local_id, payload, self._now_s())
        asyncio.get_running_loop().call_later(wait_s, self._outbox.wake)
        return new

    async def _post_alarm(self, alarm: Alarm) -> None:
        await self._post(self._up("alarm"), alarm.local_id, alarm.model_dump_json().encode())

    async def _post_ack(self, ack: Ack) -> bool:
        wait_s = answer_after_s(self.settings.alert_jitter_s)
        return await self._post(self._up("ack"), ack.local_id, ack.model_dump_json().encode(), wait_s)

    async def _acked(self, local_id: str) -> bool:
        return await self._journal.posted(self._up("ack"), local_id)

    def _signed(self, proof: AiredProof | DisplayedProof) -> tuple[str, str, bytes]:
        document = self.identity.sign(proof.model_dump_json())
        return self._up(proof.kind), proof.local_id, document.model_dump_json().encode()

    def _up(self, what: str) -> str:
        return f"dev.up.{self.identity.device_id}.{what}"

    def _now_s(self) -> float:
        wall: datetime = self.clock.wall()
        return wall.timestamp()
