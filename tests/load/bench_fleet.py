"""Thousands of devices: a storm of logins, a steady state, and how /metrics grows with them."""

import asyncio
import json
import statistics
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import bench_alert
from bench_rows import Row, compared, row
from fleet_rig import Crowd, Rig, Seeded, usage

from lantoa_cli.servers import Nats, free_port
from lantoa_fleet.domain.rights import rights_of
from lantoa_signing.nkey import public_of
from lantoa_testing.processes import eventually
from lantoa_testing.servers import NatsServer, provision
from lantoa_testing.simulator.pace import Pace

STEADY_CORES_AIM = 1.0
FEW, MANY = 10, 1000
_STEADY = Pace(connect_s=30.0, answer_s=20.0, play_s=1.0)
_SERVICES = ("fleet", "alert")


class StaticServer(NatsServer):
    """A nats-server with the same accounts, but every device written into its configuration instead of a callout."""

    def __init__(self, folder: Path, rig: Rig, seeded: Seeded) -> None:
        ports = {"port": free_port(), "monitor_port": free_port()}
        super().__init__(Nats(folder, rig.ring, **ports), folder / "nats.log")  # Writes the configuration.
        conf = folder / "nats.conf"
        text = conf.read_text()
        users = "\n".join(_static_user(device_id, seed, seeded.paths[device_id]) for device_id, seed in seeded.people)
        head, _, _ = text.replace("  DEVICES {\n", f"  DEVICES {{\n    users: [\n{users}\n    ]\n").partition(
            "\nauthorization {"
        )
        conf.write_text(head + "\nauthorization { timeout: 10 }\n")

    async def fill(self, seeded: Seeded) -> None:
        """Streams, and the same desired states as the other server holds."""
        await provision(self)
        client = await self.connect()
        stream = client.jetstream()
        items = list(seeded.documents.items())
        for start in range(0, len(items), 500):
            part = items[start : start + 500]
            await asyncio.gather(
                *(stream.publish(f"$KV.desired.{device_id}", body, timeout=60) for device_id, body in part)
            )
        await client.close()


def _static_user(device_id: str, seed: str, path: tuple[str, ...]) -> str:
    rights = rights_of(device_id, path, mqtt=False)
    allow = {"publish": {"allow": list(rights.publish)}, "subscribe": {"allow": list(rights.subscribe)}}
    return json.dumps({"nkey": public_of(seed), "permissions": allow})


def _connections(monitor_port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor_port}/varz", timeout=5) as answer:
        return int(json.loads(answer.read())["connections"])


async def _storm(crowd: Crowd, devices: int, monitor_port: int, seen: list[str]) -> float:
    """Seconds until all of ``devices`` that connect at once have read and checked their state."""
    before = _connections(monitor_port)
    ups = await crowd.start(devices, within=0)
    lost = sum((await crowd.tell("counts"))[0]["lost"].values())
    seen.append(f"{statistics.median(ups):.1f}/{ups[int(len(ups) * 0.99)]:.1f}/{ups[-1]:.1f} ({lost} tried again)")
    await crowd.tell("stop")
    await eventually(lambda: _connections(monitor_port) <= before, 60, every=0.2)
    return ups[-1]


async def _storm_row(rig: Rig, seeded: Seeded, crowd: Crowd, devices: int, rounds: int) -> Row:
    static = StaticServer(rig.folder / "static", rig, seeded)
    static.start()
    bare = Crowd(2)
    try:
        await static.fill(seeded)
        await bare.open(rig.ring, [static.url], seeded.people[:devices], bench_alert.PACE)
        ours, theirs = [], []

        async def through_callout() -> float:
            return await _storm(crowd, devices, rig.layout.ports["nats-monitor"], ours)

        async def without() -> float:
            return await _storm(bare, devices, static.plan.monitor_port, theirs)

        note = (
            f"{devices} devices connect at once: nkey login, 3 + scopes SUBs, snapshot read and checked; two callout "
            "replicas, without fleet, against the same users in nats.conf"
        )
        made = await compared("connect_storm_s", through_callout, without, rounds, "s", note)
    finally:
        await bare.close()
        static.stop()
    spread = f"; p50/p99/max s: {', '.join(ours)}; without callout {', '.join(theirs)}; all of them came up"
    return Row(made.name, made.ours, made.baseline, made.ratio, made.unit, made.note + spread)


async def _exercise(rig: Rig, crowd: Crowd, count: int) -> dict[str, set[str]]:
    """Let devices do all that makes a series; the series by process."""
    await crowd.start(count)
    await crowd.tell("settle")
    client = await rig.connect()
    shots = bench_alert.Shots(rig, crowd, client, bench_alert.Issuer(rig, client), count)
    await shots.ours(lambda: shots.drop(0.3))
    for device_id in ("d-1", "d-2"):
        await client.publish(f"dev.up.{device_id}.hb", b"{}")
    await asyncio.sleep(3)
    await eventually(lambda: 'collection="states",operation="replace_one"' in "".join(rig.metrics("fleet")), 90)
    found = {name: {line.rpartition(" ")[0] for line in rig.metrics(name)} for name in rig.processes}
    await crowd.tell("stop")
    await client.close()
    return found


async def _series_row(rig: Rig, crowd: Crowd, devices: int) -> Row:
    few = await _exercise(rig, crowd, FEW)
    few = await _exercise(rig, crowd, FEW)  # What only a second alert or reconnect makes is there now.
    many_devices = min(MANY, devices)
    many = await _exercise(rig, crowd, many_devices)
    each = ", ".join(f"{name} {len(few[name])} and {len(many[name])}" for name in few)
    new = sorted(series for name in few for series in many[name] - few[name])
    note = f"series on every /metrics with {many_devices} devices against {FEW}, all of them reporting, alerted; {each}"
    note += f"; new: {', '.join(new)}" if new else ""
    ours, theirs = (sum(map(len, found.values())) for found in (many, few))
    return row("metrics_series_growth", ours, theirs, "series", note)


async def _steady_row(rig: Rig, seeded: Seeded, seconds: float) -> Row:
    crowd = Crowd(2)
    count = len(seeded.people)
    try:
        await crowd.open(rig.ring, rig.urls, seeded.people, _STEADY)
        await crowd.start(count)
        await crowd.tell("settle")
        workers = {f"devices-{number}": pid for number, pid in enumerate(await crowd.pids(), 1)}
        used = await usage({**rig.pids(), **workers}, seconds)
        counts = await crowd.tell("counts")
    finally:
        await crowd.close()
    cores = sum(one.cores for name, one in used.items() if name not in workers)
    each = ", ".join(f"{name} {one.cores:.3f} cores {one.mb:.0f} MB" for name, one in sorted(used.items()))
    lost = sum(sum(answer["lost"].values()) for answer in counts)
    note = (
        f"{count} devices for {seconds:.0f} s: a heartbeat and a reconcile a minute each; baseline is the aim; {each}; "
        f"lost connections {lost}"
    )
    return row("steady_cpu_cores", cores, STEADY_CORES_AIM, "cores", note)


async def rows(folder: Path, rounds: int, devices: int, steady_s: float, only: Sequence[str]) -> list[Row]:
    """All rows about the fleet, or those of the parts in ``only``: series, storm, alert, steady, cluster."""
    made: list[Row] = []
    wanted = set(only) or {"series", "storm", "alert", "steady", "cluster"}
    if wanted - {"cluster"}:
        made += await _on_one_server(folder / "single", rounds, devices, steady_s, wanted)
    if "cluster" in wanted:
        made += await bench_alert.cluster_rows(folder / "three", devices, max(1, rounds // 2))
    return made


async def _on_one_server(folder: Path, rounds: int, devices: int, steady_s: float, wanted: set[str]) -> list[Row]:
    rig, crowd, made = Rig(folder), Crowd(2), []
    try:
        await rig.start()
        rig.run("fleet")
        seeded = await rig.seed(2 * devices if "steady" in wanted else devices)
        rig.run("callout-1")
        rig.run("callout-2")
        await crowd.open(rig.ring, rig.urls, seeded.people[:devices], bench_alert.PACE)
        if "storm" in wanted:
            rig.processes["fleet"].stop()
            made.append(await _storm_row(rig, seeded, crowd, devices, max(1, rounds // 2)))
            rig.run("fleet")
        rig.run("alert")
        await rig.tell_all()
        if "series" in wanted:
            made.append(await _series_row(rig, crowd, devices))
        if "alert" in wanted:
            await crowd.start(devices)
            await crowd.tell("settle")
            made += await bench_alert.rows(rig, crowd, devices, rounds)
            await crowd.tell("stop")
        if "steady" in wanted:
            made.append(await _steady_row(rig, seeded, steady_s))
    finally:
        await crowd.close()
        rig.stop()
    return made
