"""One simulated MQTT 3.1.1 receiver on a real MQTT client: a name, a token, no keys, so it can only believe."""

import asyncio
import json
import random
from collections.abc import Coroutine
from datetime import datetime

import aiomqtt
from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import Ack, AlertNotice, AlertOrder, Desired, Heartbeat, Reported
from lantoa_devicekit.backoff import answer_after_s, wait_s
from lantoa_devicekit.clock import DeviceClock
from lantoa_testing.simulator.pace import Pace, Tally, Who

_REFUSED = 128
"""SUBACK codes from here on are refusals, which aiomqtt hands back as if nothing were wrong."""
_random = random.SystemRandom()
_CLOCK = DeviceClock()


class Refused(Exception):
    """The server did not grant a subscription."""


class SimulatedReceiver:
    """Subscribes at QoS 0, publishes what must not be lost at QoS 1, asks for its state when it has connected."""

    def __init__(self, who: Who, host: str, port: int, pace: Pace, tally: Tally) -> None:
        self.who = who
        self._host = host
        self._port = port
        self._pace = pace
        self._tally = tally
        self._client: aiomqtt.Client | None = None
        self._serving: asyncio.Task[None] | None = None
        self._desired: Desired | None = None
        self._scopes: tuple[str, ...] = ()
        self._highest: dict[str, int] = {}
        self._heard: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._synced = False
        self._served = False

    @property
    def connected(self) -> bool:
        """Whether it has signed in and asked for its state."""
        return self._client is not None

    def drop(self) -> None:
        """Lose the network; it comes back after its own wait."""
        if self._serving is not None:
            self._serving.cancel()

    async def run(self) -> None:
        """Connect, serve, come back; for ever."""
        failures = 0
        await asyncio.sleep(_random.uniform(0, self._pace.first_within_s))
        while True:
            self._served = False
            self._serving = asyncio.create_task(self._session())
            try:
                await asyncio.wait((self._serving,))
            finally:
                self._serving.cancel()
                await asyncio.wait((self._serving,))
            error = None if self._serving.cancelled() else self._serving.exception()
            if error is not None and not isinstance(error, (aiomqtt.MqttError, Refused, OSError)):
                raise error
            self._tally.lost[str(error or "dropped")] += 1
            failures = 0 if self._served else failures + 1
            await asyncio.sleep(wait_s(failures, self._pace.reconnect_min_s, self._pace.reconnect_max_s))

    async def _session(self) -> None:
        own = self.who.device_id
        async with aiomqtt.Client(
            self._host,
            self._port,
            username=own,
            password=self.who.secret,
            identifier=own,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=self._pace.connect_s,
        ) as client:
            self._scopes = ()
            for what in ("desired", "cmd", "alert"):
                await self._subscribe(client, f"dev/dn/{own}/{what}")
            await client.publish(f"dev/rpc/{own}/snapshot")
            self._client = client
            self._served = True
            self._tally.connected += 1
            beating = asyncio.create_task(self._beat(client))
            try:
                async for message in client.messages:
                    await self._take(client, str(message.topic), bytes(message.payload or b""))
            finally:
                beating.cancel()
                self._client = None
                self._tally.connected -= 1
                self._sync(False)

    async def _subscribe(self, client: aiomqtt.Client, topic: str) -> None:
        codes = await client.subscribe(topic, qos=0)
        if any((code if isinstance(code, int) else code.value) >= _REFUSED for code in codes):
            raise Refused(topic)

    async def _beat(self, client: aiomqtt.Client) -> None:
        while True:
            seq = self._desired.seq if self._desired else 0
            beat = Heartbeat(at=_now(), version="simulated", state="idle", desired_seq=seq)
            await client.publish(f"dev/up/{self.who.device_id}/hb", beat.model_dump_json())
            await asyncio.sleep(self._pace.heartbeat_s)

    async def _take(self, client: aiomqtt.Client, topic: str, raw: bytes) -> None:
        try:
            text = SignedDocument.model_validate_json(raw).p
            if topic.endswith("/desired"):
                await self._obey_state(client, Desired.model_validate_json(text))
            elif topic.endswith("/alert"):
                self._obey_order(AlertOrder.model_validate_json(text))
            elif topic.endswith("/cmd"):
                await self._acknowledge(json.loads(text)["cmd_id"], "received")
        except (ValidationError, ValueError, KeyError):
            self._tally.refused["malformed"] += 1

    async def _obey_state(self, client: aiomqtt.Client, desired: Desired) -> None:
        own = self.who.device_id
        if self._desired is None or desired.seq > self._desired.seq:
            self._desired = desired
        for scope in set(self._scopes) - set(desired.alert_scopes):
            await client.unsubscribe(f"dev/bc/{scope.replace('.', '/')}/alert")
        for scope in desired.alert_scopes:
            if scope not in self._scopes:
                await self._subscribe(client, f"dev/bc/{scope.replace('.', '/')}/alert")
        if self._scopes != desired.alert_scopes:
            self._scopes = desired.alert_scopes
            await client.publish(f"dev/rpc/{own}/alerts")
        report = Reported(at=_now(), desired_seq=desired.seq, rundown_ver=0, media_ready=0, media_wanted=0)
        await client.publish(f"dev/up/{own}/reported", report.model_dump_json(), qos=1)
        self._sync(True)

    def _obey_order(self, order: AlertOrder) -> None:
        if order.seq <= self._highest.get(order.aud, 0):
            self._tally.copies += 1
            return
        self._highest[order.aud] = order.seq
        if self._tally.on_verified is not None:
            self._tally.on_verified(self.who.device_id, order)
        for notice in order.notices:
            ref = f"{notice.notice_id}.{notice.ver}"
            if ref not in self._heard:
                self._heard.add(ref)
                self._task(self._play(notice, ref))

    async def _play(self, notice: AlertNotice, ref: str) -> None:
        await asyncio.sleep(answer_after_s(self._pace.ack_within_s))
        await self._acknowledge(ref, "received")
        if notice.status == "actual":
            await self._acknowledge(ref, "playing")
            await asyncio.sleep(self._pace.play_s if self._pace.play_s is not None else notice.repeat * notice.gap_s)
            await self._acknowledge(ref, "finished")

    async def _acknowledge(self, ref: str, stage: str) -> None:
        ack = Ack.model_validate({"local_id": f"{ref}.{stage}", "ref": ref, "stage": stage, "at": _now()})
        if self._client is not None:
            await self._client.publish(f"dev/up/{self.who.device_id}/ack", ack.model_dump_json(), qos=1)
            if ref.startswith("ntc-"):
                self._tally.alerts[stage] += 1

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _sync(self, synced: bool) -> None:
        self._tally.in_sync += synced - self._synced
        self._synced = synced


def _now() -> datetime:
    return _CLOCK.wall()
