"""One device against a real nats-server and a gateway that can misbehave."""

import asyncio
import errno
import os
import sqlite3
from datetime import timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from lantoa_contracts.device import AiredProof
from lantoa_devicekit import Device, cache
from lantoa_devicekit.clock import DeviceClock
from lantoa_signing.documents import SigningKey, b64, make_key_set
from lantoa_testing.devices import Orders

AUDIO = [os.urandom(300_000), os.urandom(200_000)]


def proof_of(platform, local_id, outcome="aired"):
    at = platform.now()
    return AiredProof(
        device_id=platform.id,
        local_id=local_id,
        outcome=outcome,
        session_id="s-1",
        entry_id=local_id.split(".")[0],
        item_id="i-1",
        revision=1,
        rundown_sha256="a" * 64,
        audio_sha256="b" * 64,
        planned_at=at,
        started_at=at,
        ended_at=at,
        seconds=1.0,
    )


async def issue(platform, seq, audio=AUDIO):
    """A desired state with one session tomorrow, put into the bucket."""
    session = platform.session(audio, starts_in_s=86_400, seconds=10)
    await platform.put(platform.desired(seq, platform.rundown(seq, session)))
    return session


class TwoHoursLater(DeviceClock):
    def wall(self):
        return super().wall() + timedelta(hours=2)


def complete(seq):
    return lambda order: (
        order.desired.seq == seq
        and len(order.media)
        == len({entry.media.sha256 for session in order.rundown.sessions for entry in session.entries})
    )


async def test_a_claimed_device_fetches_verifies_and_reports(platform, wait_until):
    platform.gateway.enrolment = lambda _: web.json_response({"state": "pending"}, status=202)
    platform.clock_ahead = timedelta(seconds=40)
    session = await issue(platform, 1)
    async with platform.device() as (device, orders):
        await wait_until(lambda: len(platform.gateway.asked) > 1)
        assert device.enrolment == "pending"
        platform.gateway.enrolment = platform.accept
        order = await orders.until(complete(1))
        assert order.rundown.sessions == (session,)
        for entry in session.entries:
            assert order.media[entry.media.sha256].read_bytes() == platform.gateway.files[entry.media.sha256]
        await wait_until(lambda: 39_000 < device.clock.offset_ms < 41_000)
        await wait_until(lambda: platform.heartbeats)
        reported = await _until_reported(platform, wait_until, 1)
    assert reported["rundown_ver"] == 1
    assert reported["media_ready"] == reported["media_wanted"] == 2
    assert platform.heartbeats[-1]["desired_seq"] in (0, 1)


async def _until_reported(platform, wait_until, seq):
    async def last():
        found = await platform.stored("reported", stream="REPORTED")
        whole = [body for body in found if body["desired_seq"] == seq and body["media_ready"] == body["media_wanted"]]
        return whole[-1] if whole else None

    return await wait_until(last)


async def test_what_the_platform_did_not_sign_for_this_device_now_is_refused_with_one_alarm(platform):
    await issue(platform, 5)
    thief = SigningKey(os.urandom(32))
    other = platform.rundown(9)
    forged_text = platform.desired(9, other).model_copy(update={"sig": platform.desired(8, other).sig})
    bad = {
        "unknown_key": platform.desired(9, other, signer=thief),
        "signature": forged_text,
        "audience": platform.desired(9, other, aud="d-other"),
        "expired": platform.desired(9, other, exp=platform.now() - timedelta(minutes=1)),
        "old": platform.desired(4, other),
    }
    async with platform.device() as (_, orders):
        await orders.until(complete(5))
        with capture_logs() as logs:
            await platform.whisper(b'{"stream":"ACK","seq":3}')
            for document in bad.values():
                await platform.whisper(document.model_dump_json().encode())
            await platform.whisper(bad["unknown_key"].model_dump_json().encode(), channel="cmd")
            await issue(platform, 10)
            await orders.until(complete(10))
        assert {order.desired.seq for order in orders.all} == {5, 10}
        alarms = await platform.until_stored("alarm", 1)
    refused = [line["detail"] for line in logs if line["event"] == "alarm"]
    assert refused == ["desired: malformed", *(f"desired: {reason}" for reason in bad), "cmd: unknown_key"]
    assert [(alarm["code"], alarm["count"]) for alarm in alarms] == [("signature_refused", 1)]
    assert await platform.told("alarm") == alarms
    assert alarms[0]["reasons"] == {"malformed": 1}


async def test_a_new_signing_key_is_learned_from_the_pinned_root_and_the_old_one_never_again(platform, wait_until):
    await issue(platform, 1)
    async with platform.device(reconcile_s=0.1) as (_, orders):
        await orders.until(complete(1))
        stolen, old = platform.signer, platform.key_set
        platform.signer = SigningKey(os.urandom(32))
        platform.key_set = make_key_set(platform.root, [platform.signer.public], seq=2)
        await issue(platform, 2)
        await orders.until(complete(2))
    platform.key_set = old
    async with platform.device(reconcile_s=0.1, alarm_every_s=0.1) as (_, orders):
        await orders.until(complete(2))
        asked = len(platform.gateway.asked)
        await platform.put(platform.desired(3, platform.rundown(3), signer=stolen))
        await wait_until(lambda: len(platform.gateway.asked) >= asked + 2)
        assert {order.desired.seq for order in orders.all} == {2}, "an old key set brings no old key back"


async def test_another_root_than_the_pinned_one_is_refused(platform, wait_until):
    await issue(platform, 1)
    async with platform.device() as (_, orders):
        await orders.until(complete(1))
    pinned = b64(platform.root.public)
    platform.root = platform.signer = SigningKey(os.urandom(32))
    platform.key_set = make_key_set(platform.root, [platform.root.public])
    async with platform.device(reconcile_s=0.1) as (_, orders):
        asked = len(platform.gateway.asked)
        await issue(platform, 2)
        await wait_until(lambda: len(platform.gateway.asked) >= asked + 2)
        assert {order.desired.seq for order in orders.all} == {1}
    assert (platform.data / "root.pub").read_text() == pinned


async def test_a_truncated_wrong_or_overlong_file_is_refused_and_fetched_again(platform):
    session = platform.session(AUDIO, starts_in_s=86_400, seconds=10)
    sha256 = session.entries[0].media.sha256
    platform.gateway.misdeeds[sha256] = ["truncate", "wrong", "oversize"]
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    with capture_logs() as logs:
        async with platform.device() as (_, orders):
            order = await orders.until(complete(1))
            alarms = await platform.until_stored("alarm", 1)
    assert order.media[sha256].read_bytes() == AUDIO[0]
    assert [line["detail"].split(": ")[1] for line in logs if line["event"] == "alarm"] == [
        "150000 bytes instead of 300000",
        "another content",
        "longer than it should be",
    ]
    assert [alarm["code"] for alarm in alarms] == ["download_refused"]
    assert [wanted for name, wanted, _ in platform.gateway.requests if name == sha256] == ["", "", "", ""]
    assert not list((platform.data / "media").glob("*.part"))


async def test_a_broken_download_goes_on_where_it_broke(platform):
    session = platform.session([AUDIO[0]], starts_in_s=86_400, seconds=10)
    sha256 = session.entries[0].media.sha256
    platform.gateway.misdeeds[sha256] = ["drop", "drop"]
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with platform.device() as (_, orders):
        order = await orders.until(complete(1))
    assert order.media[sha256].read_bytes() == AUDIO[0]
    ranges = [wanted for name, wanted, _ in platform.gateway.requests if name == sha256]
    assert ranges == ["", "bytes=150000-", "bytes=225000-"]
    assert await platform.stored("alarm") == []


async def test_an_expired_address_is_asked_for_again(platform):
    session = platform.session([AUDIO[0]], starts_in_s=86_400, seconds=10)
    sha256 = session.entries[0].media.sha256
    platform.gateway.misdeeds[sha256] = ["expired"]
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with platform.device() as (_, orders):
        await orders.until(complete(1))
    assert [status for name, _, status in platform.gateway.requests if name == sha256] == [403, 200]
    assert platform.manifests >= 3  # the rundown, the audio, the audio again


async def test_a_full_disk_raises_an_alarm_and_drops_what_no_rundown_needs(platform, monkeypatch):
    open_part, full = cache._open, iter([True])

    def refuse_once(part, *, append):
        if next(full, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return open_part(part, append=append)

    async with platform.device() as (_, orders):
        await issue(platform, 1, AUDIO[:1])
        past = await orders.until(complete(1))
        await issue(platform, 2, AUDIO[1:])
        present = await orders.until(complete(2))
        assert all(path.exists() for path in past.media.values())
        monkeypatch.setattr(cache, "_open", refuse_once)
        await issue(platform, 3, [os.urandom(1000)])
        await orders.until(complete(3))
        alarms = await platform.until_stored("alarm", 1)
    assert [alarm["code"] for alarm in alarms] == ["disk_full"]
    assert not any(path.exists() for path in past.media.values())
    assert all(path.exists() for path in present.media.values())


async def test_a_file_damaged_on_disk_is_fetched_again(platform):
    await issue(platform, 1, AUDIO[:1])
    async with platform.device() as (_, orders):
        (path,) = (await orders.until(complete(1))).media.values()
    path.write_bytes(b"rot")
    async with platform.device() as (_, orders):
        await orders.until(complete(1))
    assert path.read_bytes() == AUDIO[0]


async def test_proofs_outlive_a_killed_server_and_a_restarted_device(platform):
    await issue(platform, 1)
    async with platform.device() as (device, orders):
        await orders.until(complete(1))
        assert await device.prove(proof_of(platform, "e-0.1"))
        await platform.until_proved(1)
        await platform.nats.kill()
        for n in range(1, 11):
            assert await device.prove(proof_of(platform, f"e-{n}.1"))
        assert not await device.prove(proof_of(platform, "e-3.1"))
    async with platform.device() as (device, _):
        assert await device.prove(proof_of(platform, "e-11.1"))
        await platform.nats.start()
        proofs = await platform.until_proved(12)
        assert await device.proved("aired", "e-0.1")
        assert not await device.prove(proof_of(platform, "e-0.1"))
    assert sorted(proof["local_id"] for proof in proofs) == sorted(f"e-{n}.1" for n in range(12))


async def test_a_device_comes_back_after_the_server_was_killed(platform, wait_until):
    await issue(platform, 1)
    async with platform.device() as (device, orders):
        await orders.until(complete(1))
        await wait_until(lambda: device.connected)
        await platform.nats.kill()
        await wait_until(lambda: not device.connected)
        await platform.nats.start()
        await issue(platform, 2)
        await orders.until(complete(2))
        await wait_until(lambda: device.connected)


async def test_a_device_without_a_network_obeys_what_it_kept(platform):
    """Also when what it kept has expired since."""
    session = platform.session(AUDIO, starts_in_s=86_400, seconds=10)
    await platform.put(platform.desired(3, platform.rundown(3, session)))
    async with platform.device() as (_, orders):
        await orders.until(complete(3))
    await platform.nats.kill()
    await platform.gateway.stop()
    orders = Orders()
    async with Device(platform.settings(), orders.take, clock=TwoHoursLater()) as device:
        order = await orders.until(complete(3))
        assert order.desired.exp < device.clock.now()
        assert order.rundown.sessions == (session,)
        assert device.enrolment == "accepted"
        assert not device.connected


async def test_a_lost_republish_is_made_good_by_the_next_reading_of_the_bucket(platform):
    await issue(platform, 1)
    async with platform.device() as (_, orders):
        await orders.until(complete(1))
        info = await platform.js.stream_info("KV_desired")
        muted = info.config.evolve(republish=None)
        await platform.js.update_stream(muted)
        await issue(platform, 2)
        await orders.until(complete(2))


async def test_an_attempt_is_closed_once(platform):
    async with platform.device() as (device, _):
        cut = proof_of(platform, "e-1.1", outcome="cut")
        await device.begin(1, cut)
        with pytest.raises(sqlite3.IntegrityError):
            await device.begin(1, cut)
        await device.finish(1, cut)
        await device.finish(1, proof_of(platform, "e-1.1"))
        proofs = await platform.until_proved(1)
        assert [row.state for row in await device.attempts()] == ["cut"]
    assert [proof["outcome"] for proof in proofs] == ["cut"]


async def test_a_fault_in_the_background_work_reaches_whoever_waits_for_it(platform):
    await issue(platform, 1)

    class Broken:
        def take(self, _):
            raise RuntimeError("program fault")

    async with Device(platform.settings(), Broken().take) as device:
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(device.join(), 60)
    assert caught.group_contains(RuntimeError, match="program fault")
