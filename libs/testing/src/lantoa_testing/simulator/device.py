"""One simulated radio or board on NATS: the device's whole protocol, without a disk, a speaker or a screen."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import Ack, AlertNotice, AlertOrder, Command, Desired, Heartbeat, Reported
from lantoa_devicekit.backoff import answer_after_s, wait_s
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.documents import Reason, check_command, check_desired, check_order
from lantoa_signing.documents import KeySet
from lantoa_testing.simulator.pace import Pace, Tally, Who
from lantoa_testing.simulator.wire import Message, Wire, WireError

_DIRECT = "$JS.API.DIRECT.GET"
_SIGNAL_S = 8.0
"""About as long as the attention signal sounds."""
_SIMULATED = frozenset({"volume", "restart", "test_tone", "diagnose"})
_random = random.Random()  # noqa: S311 - spreads devices over time, no more; a secret source costs a system call a turn
_CLOCK = DeviceClock()


@dataclass(frozen=True)
class Trust:
    """What enrolment told a device: the keys its pinned root vouches for, and where NATS is."""

    keys: KeySet
    nats_urls: tuple[str, ...]


class SimulatedDevice:
    """Connects, verifies for itself, obeys, reports and acknowledges. ``run`` lives until it is cancelled.

    What it has obeyed it remembers over reconnects, as a real device does on its disk; a new object is a new disk.
    """

    def __init__(self, who: Who, trust: Trust, pace: Pace, tally: Tally) -> None:
        self.who = who
        self._trust = trust
        self.pace = pace
        self._tally = tally
        self._wire: Wire | None = None
        self._desired: Desired | None = None
        self.scopes: tuple[str, ...] = ()
        """Scopes whose alerts it hears on the present connection."""
        self._highest: dict[str, int] = {}
        self._orders: dict[str, bytes] = {}
        self._heard: set[str] = set()
        self._done: dict[str, Ack] = {}
        self._outbox: dict[str, bytes] = {}
        self._volume = 70
        self._boots = 1
        self._synced = False
        self.connected_at = 0.0
        """``time.monotonic`` when the server last let it in."""
        self.up_at = 0.0
        """``time.monotonic`` when its snapshot last came back."""

    @property
    def connected(self) -> bool:
        """Whether its snapshot came back on the present connection."""
        return self._wire is not None and not self._wire.closed.is_set()

    @property
    def waiting(self) -> int:
        """Acknowledgements that no stream has stored yet."""
        return len(self._outbox)

    def drop(self) -> None:
        """Lose the network; it comes back after its own wait."""
        if self._wire is not None:
            self._wire.close()

    async def run(self) -> None:
        """Connect, serve, come back; for ever."""
        failures = 0
        await asyncio.sleep(_random.uniform(0, self.pace.first_within_s))
        while True:
            served = False
            try:
                served = await self._session(self._trust.nats_urls)
            except (WireError, OSError) as error:
                self._tally.lost[str(error)] += 1
            failures = 0 if served else failures + 1
            await asyncio.sleep(wait_s(failures, self.pace.reconnect_min_s, self.pace.reconnect_max_s))

    # ---- a connection's life

    async def _session(self, urls: Sequence[str]) -> bool:
        own = self.who.device_id
        wire = await self._connect(urls)
        try:
            self.connected_at = time.monotonic()
            self.scopes = ()
            wire.subscribe(f"dev.dn.{own}.desired", lambda message: self._on_desired(wire, message.data))
            wire.subscribe(f"dev.dn.{own}.cmd", lambda message: self._on_command(message.data))
            wire.subscribe(f"dev.dn.{own}.alert", lambda message: self._on_direct_order(message.data))
            await self._reconcile(wire)
            self._wire = wire
            self.up_at = time.monotonic()
            self._tally.connected += 1
            try:
                await self._serve(wire)
            finally:
                self._tally.connected -= 1
                self._sync(False)
        finally:
            self._wire = None
            wire.close()
        self._tally.lost[wire.error] += 1
        return True

    async def _connect(self, urls: Sequence[str]) -> Wire:
        """The first server that lets us in, in an order of our own.

        Raises:
            WireError: none did.
        """
        own, error = self.who.device_id, WireError("no address")
        for address in map(urlsplit, _random.sample(urls, len(urls))):
            host, port = address.hostname or "", address.port or 4222
            try:
                return await Wire.connect(host, port, self.who.secret, own, f"_INBOX_{own}", self.pace.connect_s)
            except WireError as refused:
                error = refused
        raise error

    async def _serve(self, wire: Wire) -> None:
        pace, loop = self.pace, asyncio.get_running_loop()
        self._beat(wire)
        self._report(wire)
        self._send_waiting()
        # Each device beats in its own moment of the minute.
        beat_at = loop.time() + _random.uniform(0, pace.heartbeat_s)
        reconcile_at = loop.time() + _random.uniform(0.5, 1.0) * pace.reconcile_s
        while not wire.closed.is_set():
            try:
                async with asyncio.timeout_at(min(beat_at, reconcile_at)):
                    await wire.closed.wait()
            except TimeoutError:
                now = loop.time()
                if now >= beat_at:
                    self._beat(wire)
                    beat_at = now + pace.heartbeat_s
                if now >= reconcile_at:
                    await self._reconcile(wire)
                    self._send_waiting()
                    if not self._synced:
                        self._report(wire)  # No stream has stored the one before.
                    reconcile_at = now + pace.reconcile_s

    async def _reconcile(self, wire: Wire) -> None:
        """Ask for the clock, read the desired state and the orders of its scopes: the proof that the connection works.

        Raises:
            WireError: it does not.
        """
        own, answer_s = self.who.device_id, self.pace.answer_s
        # Real devices measure their clock by it; ours is the platform's own, so only the question is asked.
        wire.forget(wire.ask(f"dev.rpc.{own}.snapshot", b"{}", _nothing))
        answer = await wire.request(f"{_DIRECT}.KV_desired.$KV.desired.{own}", b"", answer_s)
        if not answer.status and "KV-Operation" not in answer.headers:
            self._on_desired(wire, answer.data)
        self._listen(wire)
        wire.publish(f"dev.rpc.{own}.alerts", b"")
        await asyncio.gather(*(self._read_order(wire, scope) for scope in self.scopes))

    def _listen(self, wire: Wire) -> None:
        """Hear the scopes of the desired state, and no others."""
        wanted = self._desired.alert_scopes if self._desired else ()
        for scope in set(self.scopes) - set(wanted):
            wire.unsubscribe(f"dev.bc.{scope}.>")
        for scope in wanted:
            if scope not in self.scopes:
                wire.subscribe(f"dev.bc.{scope}.>", self._hearing(scope))
        self.scopes = wanted

    def _hearing(self, scope: str) -> Callable[[Message], None]:
        return lambda message: self.on_broadcast(scope, message)

    def on_broadcast(self, scope: str, message: Message) -> None:
        """Something came to a scope: its order, or a part of a sound, which is let go: only the signal sounds here."""
        if message.subject.endswith(".alert"):
            self._on_order(scope, message.data)

    async def _read_order(self, wire: Wire, scope: str) -> None:
        answer = await wire.request(f"{_DIRECT}.KV_alert.$KV.alert.{scope}.alert", b"", self.pace.answer_s)
        if not answer.status and "KV-Operation" not in answer.headers:
            self._on_order(scope, answer.data, stored=True)

    # ---- what it is told

    def _on_desired(self, wire: Wire, raw: bytes) -> None:
        known = self._desired.seq if self._desired else 0
        verdict = check_desired(raw, self._trust.keys, self.who.device_id, known, _now())
        if isinstance(verdict, Reason):
            self._refuse(verdict)
            return
        self._desired = verdict
        self._sync(False)
        if self.connected:
            self._listen(wire)
            self._report(wire)

    def _on_order(self, scope: str, raw: bytes, *, stored: bool = False) -> None:
        if raw == self._orders.get(scope):
            self._tally.copies += 1  # Byte for byte what this device has verified itself.
            return
        # Only of the scope that it came to: that is what the subject it was heard on says.
        order = check_order(raw, self._trust.keys, {scope: self._highest.get(scope, 0)}, _now(), stored=stored)
        if isinstance(order, Reason):
            self._refuse(order)
            return
        if self._tally.on_verified is not None:
            self._tally.on_verified(self.who.device_id, order)
        self._highest[scope], self._orders[scope] = order.seq, raw
        for notice in order.notices:
            self._obey(notice)

    def _on_direct_order(self, raw: bytes) -> None:
        """A copy sent to this device alone; which scope it is for stands inside."""
        try:
            scope = AlertOrder.model_validate_json(SignedDocument.model_validate_json(raw).p).aud
        except ValidationError:
            self._refuse(Reason.MALFORMED)
            return
        if scope in self.scopes:
            self._on_order(scope, raw)
        else:
            self._refuse(Reason.AUDIENCE)

    def _obey(self, notice: AlertNotice) -> None:
        ref = f"{notice.notice_id}.{notice.ver}"
        if ref in self._heard or notice.expires_at <= _now():
            return
        self._heard.add(ref)
        answer_in = answer_after_s(self.pace.ack_within_s)
        asyncio.get_running_loop().call_later(answer_in, self._answer, notice, ref, _now())

    def _answer(self, notice: AlertNotice, ref: str, at: datetime) -> None:
        self._acknowledge(Ack(local_id=f"{ref}.verified", ref=ref, stage="verified", at=at))
        if notice.status != "actual":
            return
        self._acknowledge(Ack(local_id=f"{ref}.playing", ref=ref, stage="playing", at=at))
        lasts = self.pace.play_s
        if lasts is None:
            lasts = notice.repeat * (_SIGNAL_S + notice.gap_s) - notice.gap_s
        asyncio.get_running_loop().call_later(lasts, self._finish, ref)

    def _finish(self, ref: str) -> None:
        """The end of playing is acknowledged, unless the notice was called off in the meantime."""
        in_force = {
            f"{notice.notice_id}.{notice.ver}"
            for raw in self._orders.values()
            for notice in AlertOrder.model_validate_json(json.loads(raw)["p"]).notices
        }
        if ref in in_force:
            self._acknowledge(Ack(local_id=f"{ref}.finished", ref=ref, stage="finished", at=_now()))

    def _on_command(self, raw: bytes) -> None:
        command = check_command(raw, self._trust.keys, self.who.device_id, _now())
        if isinstance(command, Reason):
            self._refuse(command)
            return
        again = self._done.get(command.cmd_id)
        if again is not None:
            self._acknowledge(again)
            return
        self._tally.commands += 1
        self._done[command.cmd_id] = ack = self._do(command)
        self._acknowledge(ack)
        if command.name == "restart":
            self._boots += 1
            asyncio.get_running_loop().call_later(1.0, self.drop)

    def _do(self, command: Command) -> Ack:
        ref, known = command.cmd_id, command.name in _SIMULATED
        if command.name == "volume":
            self._volume = int(command.args.get("percent", self._volume))
        return Ack(
            local_id=f"{ref}.{'finished' if known else 'failed'}",
            ref=ref,
            stage="finished" if known else "failed",
            at=_now(),
            detail="" if known else "a simulated device has no files and no screen",
            data={"simulated": True, "boots": self._boots} if command.name == "diagnose" else {},
        )

    def _refuse(self, reason: Reason) -> None:
        if reason is not Reason.KNOWN:
            self._tally.refused[reason.value] += 1

    # ---- what it says

    def _beat(self, wire: Wire) -> None:
        beat = Heartbeat(
            at=_now(),
            version="simulated",
            state="idle",
            desired_seq=self._desired.seq if self._desired else 0,
            volume=self._volume,
            boots=self._boots,
        )
        wire.publish(f"dev.up.{self.who.device_id}.hb", beat.model_dump_json().encode())

    def _report(self, wire: Wire) -> None:
        if self._desired is None:
            return
        section = self._desired.board if self.who.kind == "board" else self._desired.radio
        seq = self._desired.seq
        report = Reported(
            at=_now(), desired_seq=seq, rundown_ver=section.ver if section else 0, media_ready=0, media_wanted=0
        )

        def stored(message: Message) -> None:
            if _is_stored(message) and self._desired is not None and self._desired.seq == seq and self.connected:
                self._sync(True)

        wire.ask(f"dev.up.{self.who.device_id}.reported", report.model_dump_json().encode(), stored)

    def _sync(self, synced: bool) -> None:
        self._tally.in_sync += synced - self._synced
        self._synced = synced

    def _acknowledge(self, ack: Ack) -> None:
        """Sent until the stream has stored it, as everything that a device must not lose."""
        self._outbox[ack.local_id] = ack.model_dump_json().encode()
        self._send(ack.local_id)

    def _send_waiting(self) -> None:
        for local_id in list(self._outbox):
            self._send(local_id)

    def _send(self, local_id: str) -> None:
        wire = self._wire
        if wire is None:
            return

        def stored(message: Message) -> None:
            if _is_stored(message) and self._outbox.pop(local_id, None) is not None and local_id.startswith("ntc-"):
                self._tally.alerts[local_id.rpartition(".")[2]] += 1

        wire.ask(f"dev.up.{self.who.device_id}.ack", self._outbox[local_id], stored)


def _now() -> datetime:
    return _CLOCK.wall()


def _nothing(_: Message) -> None:
    pass


def _is_stored(answer: Message) -> bool:
    """Whether an answer is a stream's PubAck. It is not signed: a device deletes nothing on it but its own repeats."""
    if answer.status:
        return False
    try:
        return "seq" in json.loads(answer.data)
    except ValueError:
        return False
