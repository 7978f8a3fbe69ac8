"""A device whose disk is full, whose clock is off, whose files rot, or that lost its rights."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from lantoa_devicekit.journal import RESERVE_BYTES, Journal
from lantoa_testing.obeying import add_sound, issue, notice, order, stages, until_it_says
from lantoa_testing.stations import log_of

MIB = 1024 * 1024
SECONDS = 5.0


@asynccontextmanager
async def station(platform, program, speed=10.0, **env):
    """The station as a process of its own."""
    device = {"DATA": str(platform.data), "GATEWAY": platform.gateway.base, "RECONNECT_MIN_S": "0.05"}
    device |= {"RECONNECT_MAX_S": "0.4", "JITTER_S": "0", "RECONCILE_S": "0.3", "HEARTBEAT_S": "0.5"}
    env = os.environ | {f"LANTOA_DEVICE_{name}": text for name, text in device.items()}
    env |= {"LANTOA_SPEED": str(speed)}
    errors = (platform.data.parent / "station.err").open("ab")
    process = await asyncio.create_subprocess_exec(program, env=env, stderr=errors)
    try:
        yield process
    finally:
        errors.close()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def mount(*arguments):
    process = await asyncio.create_subprocess_exec(*arguments)
    assert await process.wait() == 0


@pytest.fixture
async def small_disk(platform):
    """The device's folder on a file system of its own of 24 MiB: a real ENOSPC."""
    if os.geteuid() != 0:
        pytest.fail("this proof mounts a small file system: unshare --user --map-root-user --mount pytest ...")
    kept = {path.name: path.read_bytes() for path in platform.data.iterdir() if path.is_file()}
    await mount("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(platform.data))
    for name, data in kept.items():
        (platform.data / name).write_bytes(data)
    yield platform.data
    await mount("umount", "-l", str(platform.data))


def fill(folder):
    """Take all the room there is; what to give back."""
    ballast = folder / "somebody-elses-file"
    with ballast.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def entry_ids(proofs):
    return sorted(proof["local_id"] for proof in proofs)


@pytest.mark.mounts
async def test_a_station_on_a_full_disk_plays_proves_and_alarms_and_heals_by_itself(
    platform, small_disk, make_opus, wait_until, station_program
):
    files = [make_opus(SECONDS, 300 + 50 * n) for n in range(6)]
    before = platform.session(files[:2], starts_in_s=0, seconds=SECONDS)
    await platform.put(platform.desired(1, platform.rundown(1, before)))
    async with station(platform, station_program):
        await platform.until_proved(2)
        await wait_until(lambda: (small_disk / "reserve").exists())
        ballast = fill(small_disk)
        # These files are fetched in the room that the reserve gives up.
        full = _later(platform, files[2:4], "s-2")
        await platform.put(platform.desired(2, platform.rundown(2, before, full)))
        proofs = await platform.until_proved(4)
        alarms = await platform.until_stored("alarm", 1)
        assert [alarm["code"] for alarm in alarms] == ["disk_full"]
        assert not (small_disk / "reserve").exists()
        ballast.unlink()
        reserve = small_disk / "reserve"
        await wait_until(lambda: reserve.exists() and reserve.stat().st_size == RESERVE_BYTES)
        healed = _later(platform, files[4:], "s-3")
        await platform.put(platform.desired(3, platform.rundown(3, before, full, healed)))
        proofs = await platform.until_proved(6)
    assert {proof["outcome"] for proof in proofs} == {"aired"}
    assert len(set(entry_ids(proofs))) == 6
    async with station(platform, station_program):
        await until_it_says(platform, boots=2, state="idle")
        assert len(await platform.told("aired")) == 6, "a restart plays nothing twice"


@pytest.mark.mounts
async def test_what_finds_no_room_at_all_waits_in_memory_is_sent_from_there_and_written_later(small_disk, platform):
    """The reserve is gone too: everything that a life brings, and then room again."""
    told = []

    async def no_room(error):
        told.append(error)

    def post(name):
        return journal.post("up.aired", name, name.encode(), 1.0)

    async def waiting():
        return [message.payload.decode() for message in await journal.waiting(50, 0)]

    journal = Journal(platform.data, no_room)
    await journal.open(0.0)
    assert await post("before")
    (platform.data / "reserve").unlink(missing_ok=True)
    ballast = fill(platform.data)
    while not told:  # The write-ahead log may have pages to spare.
        await journal.save_offset(len(told))
        await post(os.urandom(400).hex())
    held = len(await waiting())
    await journal.begin("e-1", 1, "cut", 1.0)
    await journal.finish("e-1", 1, "aired", ("up.aired", "e-1.1", b"e-1.1"), 1.0)
    await journal.finish("e-1", 1, "cut", ("up.aired", "e-1.1", b"other"), 1.0)
    assert not await post("e-1.1"), "proved once, wherever it is kept"
    assert (await waiting())[held:] == ["e-1.1"]
    assert [(row.entry_id, row.state) for row in await journal.attempts()] == [("e-1", "aired")]
    for message in await journal.waiting(50, 0):
        await journal.acknowledged(message)
    assert await waiting() == []

    ballast.unlink()
    await journal.close()
    journal = Journal(platform.data, no_room)
    await journal.open(0.0)
    assert await waiting() == []
    assert not await post("e-1.1")
    assert not await post("before")
    assert [(row.entry_id, row.state) for row in await journal.attempts()] == [("e-1", "aired")]
    await journal.close()


@pytest.mark.mounts
async def test_an_alert_finds_room_for_its_sound_on_a_full_disk(platform, small_disk, wait_until):
    """Media that no rundown needs and the reserve go; what the rundown needs stays."""
    needed = os.urandom(6 * MIB)
    session = platform.session([needed], starts_in_s=86_400, seconds=10)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with platform.device() as (device, orders):
        order_now = await orders.until(lambda order: len(order.media) == 1)
        await wait_until(lambda: device.connected)
        ballast = fill(small_disk)
        data = os.urandom(MIB)
        sound = await add_sound(platform, data)
        await issue(platform, order(platform, 1, [notice(platform, sound=sound)]))
        await wait_until(lambda: orders.alerts and orders.alerts[-1] and orders.alerts[-1][0].sound)
        assert orders.alerts[-1][0].sound.read_bytes() == data
        assert next(iter(order_now.media.values())).read_bytes() == needed
        assert await stages(platform, "ntc-1.1", "verified") == ["verified"]
        ballast.unlink()


def _later(platform, files, name):
    made = platform.session(files, starts_in_s=0, seconds=SECONDS)
    entries = tuple(entry.model_copy(update={"entry_id": f"{name}-{entry.entry_id}"}) for entry in made.entries)
    return made.model_copy(update={"session_id": name, "entries": entries})


@pytest.mark.parametrize("minutes", [11, -11])
async def test_a_station_whose_clock_is_off_plays_at_the_servers_time_and_says_so(
    platform, make_opus, wait_until, station_program, minutes
):
    """More than the ten minutes within which enrolment believes a device: the gateway's own time sets it first."""
    platform.clock_ahead = timedelta(minutes=minutes)

    def enrol(body):
        if abs(datetime.fromisoformat(body["at"]) - platform.now()) > timedelta(minutes=10):
            headers = {"Date": format_datetime(platform.now().replace(microsecond=0), usegmt=False)}
            return web.json_response({"code": "fleet.clock-off"}, status=422, headers=headers)
        return platform.accept(body)

    platform.gateway.enrolment = enrol
    session = platform.session([make_opus(SECONDS)], starts_in_s=4, seconds=SECONDS)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with station(platform, station_program):
        (proof,) = await platform.until_proved(1)
        (alarm, *_) = await platform.until_stored("alarm", 1)
        await wait_until(lambda: platform.heartbeats and platform.heartbeats[-1]["clock_offset_ms"])
    off, a_minute = minutes * 60_000, timedelta(minutes=1)  # Far less than the clock is off, and time for any machine.
    assert abs(datetime.fromisoformat(proof["started_at"]) - session.starts_at) < a_minute
    assert abs(datetime.fromisoformat(proof["ended_at"]) - platform.now()) < a_minute
    told = [
        proof["clock_offset_ms"],
        platform.heartbeats[-1]["clock_offset_ms"],
        int(alarm["detail"].removesuffix(" ms")),
    ]
    assert all(abs(offset - off) < 10_000 for offset in told), told
    assert alarm["code"] == "clock_off"


async def test_audio_that_rots_on_disk_is_fetched_anew_before_it_is_played(
    platform, make_opus, wait_until, station_program
):
    audio = [make_opus(SECONDS)]
    later = platform.session(audio, starts_in_s=300, seconds=SECONDS)
    sha256 = later.entries[0].media.sha256
    file = platform.data / "media" / sha256
    await platform.put(platform.desired(1, platform.rundown(1, later)))
    async with station(platform, station_program):
        await wait_until(file.exists)
        good = file.read_bytes()
        file.write_bytes(good[: len(good) // 2] + bytes(len(good) - len(good) // 2))
        now = platform.session(audio, starts_in_s=0, seconds=SECONDS)
        await platform.put(platform.desired(2, platform.rundown(2, now)))
        (proof,) = await platform.until_proved(1)
        (alarm,) = await platform.until_stored("alarm", 1)
    assert (proof["outcome"], proof["local_id"]) == ("aired", "s-1-e0.1")
    assert abs(proof["seconds"] - SECONDS) < 0.1
    assert (alarm["code"], sha256 in alarm["detail"]) == ("playback_failed", True)
    assert file.read_bytes() == good


async def test_a_revoked_station_falls_silent_at_once_and_stays_so_after_a_restart(
    platform, make_opus, wait_until, station_program
):
    await platform.put(
        platform.desired(1, platform.rundown(1, platform.session([make_opus(30.0)], starts_in_s=0, seconds=30.0)))
    )

    def lines():
        return log_of(platform.data)

    async with station(platform, station_program, speed=1.0):
        await wait_until(lambda: lines() and platform.heartbeats)
        platform.gateway.enrolment = lambda _: web.json_response({"code": "fleet.device-revoked"}, status=403)
        await platform.nats.forbid()
        await wait_until(lambda: len(lines()) == 2)
        assert lines()[-1]["outcome"] == "cut", "before the end of what it was playing"
        await wait_until((platform.data / "revoked").exists)
    asked = len(platform.gateway.asked)
    async with station(platform, station_program, speed=1.0):
        await wait_until(lambda: len(platform.gateway.asked) > asked)
        assert len(lines()) == 2
    platform.gateway.enrolment = platform.accept
    await platform.nats.allow()
    async with station(platform, station_program, speed=40.0):
        await platform.until_proved(2)
    assert not (platform.data / "revoked").exists()


async def test_a_proxy_that_forbids_everything_silences_nobody(platform, wait_until):
    """A 403 that does not say that the device was revoked is no word of the platform."""
    session = platform.session([b"x"], starts_in_s=86_400, seconds=10)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with platform.device(reconcile_s=0.1) as (device, orders):
        await orders.until(lambda order: order.rundown is not None)
        platform.gateway.enrolment = lambda _: web.Response(status=403)
        asked = len(platform.gateway.asked)
        await platform.nats.forbid()
        await wait_until(lambda: len(platform.gateway.asked) > asked + 1)
        assert device.enrolment == "accepted"
        assert not any(order.revoked for order in orders.all)
        await platform.nats.allow()
