"""An alert to every device: from the issue to each device's own check of the signature, against a bare fan-out."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from bench_rows import Row, compared
from fleet_rig import PROVINCE, Crowd, Rig
from nats.aio.client import Client

from lantoa_runtime.http.auth import Caller, Grant
from lantoa_runtime.topology.keys import ensure_keys
from lantoa_testing.cluster import Cluster
from lantoa_testing.processes import eventually
from lantoa_testing.simulator.pace import Pace

PACE = Pace(connect_s=30.0, answer_s=20.0, play_s=1.0)
AIM = "aim <= 1.5"
_TEXT = "Bão số 8 gió giật cấp 13 đổ bộ trong 2 giờ tới. Bà con khẩn trương vào nhà kiên cố, không ra đường. " * 4
_PATIENCE_S = 150.0
_BASELINE = "dev.bc.all.baseline"


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(values, n=100)[98]


class Issuer:
    """Two approvers who send notices to everybody through the service's API."""

    def __init__(self, rig: Rig, client: Client) -> None:
        self._rig = rig
        self._client = client

    async def ask(self) -> str:
        """Compose a notice; it waits for the second person."""
        body = {
            "status": "actual",
            "severity": "extreme",
            "headline": "Bão khẩn cấp",
            "texts": {"vi": _TEXT},
            "scopes": ["all"],
            "minutes": 60,
            "repeat": 1,
            "gap_s": 0,
            "speak": False,
        }
        return str((await self._rig.call("alert", "POST", "/notices", _approver("one"), body))["id"])

    async def confirm(self, notice_id: str) -> tuple[str, float]:
        """Confirm it; the notice's reference and the moment before anything was done for it."""
        began = time.monotonic()

        async def out() -> bool:
            try:
                await self._rig.call("alert", "POST", f"/notices/{notice_id}/confirm", _approver("two"), {"ver": 1})
            except RuntimeError as error:
                if " 503 " not in str(error):  # Its server died and it is on its way to another.
                    raise
                return False
            return True

        self._out = asyncio.ensure_future(eventually(out, _PATIENCE_S, every=0.1))
        return f"{notice_id}.1", began

    async def end(self, notice_id: str) -> None:
        """Call it off, so that every order of a measurement carries one notice."""
        await self._out
        await self._rig.call("alert", "POST", f"/notices/{notice_id}/cancel", _approver("two"))

    async def last_order(self) -> bytes:
        """The order to everybody that the bucket holds."""
        answer = await self._client.request("$JS.API.DIRECT.GET.KV_alert.$KV.alert.all.alert", b"", timeout=10)
        return bytes(answer.data)


def _approver(name: str) -> Caller:
    return Caller(f"p-{name}", name, (Grant("approver", PROVINCE),), signed_in_at=int(time.time()))


@dataclass
class Shots:
    """Fan-outs to a crowd that is connected. Seconds."""

    rig: Rig
    crowd: Crowd
    client: Client
    issuer: Issuer
    devices: int
    bare_body: bytes = b""
    lost: int = 0
    all_ms: list[str] = field(default_factory=list)
    away_s: list[float] = field(default_factory=list)

    async def bare(self) -> float:
        """p99 of a core publish of an equal body that every device checks the same way, and nothing else."""
        began = time.monotonic()
        await self.client.publish(_BASELINE, self.bare_body)
        await self.client.flush()
        rows = await self._collected("baseline")
        return p99([moment - began for moment, _, _ in rows])

    async def ours(self, disturb: Callable[[], Awaitable[None]] | None = None) -> float:
        """p99 from the issue, or for who was away then from its login, to the check; acknowledgements follow."""
        notice_id = await self.issuer.ask()
        if disturb is not None:
            await disturb()
        what, began = await self.issuer.confirm(notice_id)
        rows = await self._collected(what)
        self.lost += self.devices - len(rows)
        if not rows:
            raise RuntimeError("no device heard of the alert")
        took = [moment - max(began, let_in) for moment, let_in, _ in rows]
        self.away_s += [moment - began for moment, let_in, _ in rows if let_in > began]
        self.all_ms.append("/".join(f"{1000 * value:.0f}" for value in (min(took), median(took), p99(took), max(took))))
        await self.settle()
        self.bare_body = await self.issuer.last_order()
        await self.issuer.end(notice_id)
        await self.settle()
        return p99(took)

    async def settle(self) -> None:
        """Every acknowledgement is stored, every device is back, nothing plays any more."""
        await asyncio.sleep((PACE.play_s or 0) + PACE.ack_within_s + 0.5)
        found = await self.crowd.tell("settle")
        if any(answer["waiting"] or answer["connected"] != answer["in_sync"] for answer in found):
            raise RuntimeError(f"not settled: {found}")

    async def drop(self, share: float) -> None:
        """Cut a share of the connections."""
        await self.crowd.tell("drop", share=share)

    async def _collected(self, what: str) -> list[tuple[float, float, bool]]:
        each = self.devices // 2
        found = await self.crowd.tell("collect", what=what, count=each, patience=_PATIENCE_S)
        return [tuple(row) for answer in found for row in answer["rows"]]

    async def row(self, name: str, rounds: int, note: str, disturb: Callable[[], Awaitable[None]] | None = None) -> Row:
        """A line; fails when a device never learnt of an alert.

        Raises:
            RuntimeError: an alert was lost.
        """
        if not self.bare_body:
            await self.ours()  # A first one, for the bare fan-out to copy and to warm all up.
        self.lost, self.all_ms, self.away_s = 0, [], []
        made = await compared(name, partial(self.ours, disturb), self.bare, rounds, "s", note)
        if self.lost:
            raise RuntimeError(f"{name}: {self.lost} alerts were lost")
        away = f"; who was away had it {max(self.away_s):.1f} s after the issue at the latest" if self.away_s else ""
        extra = f"; first/p50/p99/max ms: {', '.join(self.all_ms)}; lost 0 of {rounds * self.devices}{away}"
        return Row(made.name, made.ours, made.baseline, made.ratio, made.unit, made.note + extra)


async def rows(rig: Rig, crowd: Crowd, devices: int, rounds: int) -> list[Row]:
    """``alert_fanout_p99`` and the same under two kinds of trouble. The crowd is connected and stays so."""
    client = await rig.connect()
    shots = Shots(rig, crowd, client, Issuer(rig, client), devices)
    what = f"issue to checked signature at {devices} devices, against core NATS and the same check; {AIM}"
    made = [await shots.row("alert_fanout_p99", rounds, what)]
    fewer = max(1, rounds // 2)
    note = "30 % of the devices just lost their connection: theirs is counted from the login"
    made.append(await shots.row("alert_fanout_reconnect_p99", fewer, note, partial(shots.drop, 0.3)))
    rig.mongo.kill()
    made.append(await shots.row("alert_fanout_no_mongo_p99", fewer, "MongoDB is killed"))
    rig.mongo.start()
    await client.close()
    return made


async def cluster_rows(folder: Path, devices: int, rounds: int) -> list[Row]:
    """``alert_fanout_r3_p99``: three servers, streams with three replicas, the leader of the orders' bucket killed."""
    ring = ensure_keys(folder / "data" / "keys")  # Where the rig looks for them.
    cluster = Cluster(folder / "servers", ring)
    cluster.start()
    rig, crowd = Rig(folder, ring, cluster.urls), Crowd(2)
    try:
        await cluster.provision()
        rig.mongo.start()
        rig.run("fleet")
        rig.run("alert")
        seeded = await rig.seed(devices)
        await rig.tell_all()
        rig.run("callout-1")
        rig.run("callout-2")
        await crowd.open(rig.ring, rig.urls, seeded.people, PACE)
        await crowd.start(devices)
        client = await rig.connect()
        shots = Shots(rig, crowd, client, Issuer(rig, client), devices)
        dead: list[str] = []

        async def kill_leader() -> None:
            if dead:
                cluster.servers[dead.pop()].start()
                await cluster.whole()
                await shots.settle()
            dead.append(await cluster.leader("KV_alert"))
            cluster.servers[dead[0]].kill()

        note = "three servers, R3, the leader of KV_alert killed right before: its third of the devices comes back"
        made = [await shots.row("alert_fanout_r3_p99", rounds, note, kill_leader)]
        await client.close()
        return made
    finally:
        await crowd.close()
        rig.stop()
        cluster.stop()
