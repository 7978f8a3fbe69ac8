"""Commands at a device: what is believed, what is done once, and how a release comes and goes."""

import hashlib
import json
import os
from datetime import timedelta

import pytest

from lantoa_contracts.device import Command
from lantoa_devicekit import Device
from lantoa_signing.documents import SigningKey
from lantoa_testing import eventually
from lantoa_testing.devices import Orders
from lantoa_testing.obeying import answered, command, send, until_it_says


class Program:
    """A program with one command of its own, which counts how often it was carried out."""

    def __init__(self):
        self.done = []

    async def dance(self, what: Command):
        self.done.append(what.cmd_id)
        return {"steps": 3}


@pytest.fixture
async def dancer(platform):
    """A connected device whose program can dance."""
    await platform.put(platform.desired(1, None))
    program, orders = Program(), Orders()
    settings = platform.settings(alarm_every_s=0.1)
    async with Device(settings, orders.take, commands={"dance": program.dance}) as device:
        await eventually(lambda: device.connected)
        yield device, program


async def test_a_command_is_carried_out_once_and_a_repeat_is_answered_again(platform, dancer):
    device, program = dancer
    what = command(platform, "dance")
    answer = await answered(platform, what)
    assert (answer["stage"], answer["data"]) == ("finished", {"steps": 3})
    before = len(await platform.stored("ack"))

    async def again():
        await send(platform, what)
        return len(await platform.stored("ack")) > before

    await eventually(again, every=0.2)
    assert program.done == [what.cmd_id]
    assert device.alarms.refusals.keys() == {"repeated"}
    assert await platform.stored("alarm") == []


async def test_what_was_begun_before_a_crash_is_answered_as_failed_and_not_done_again(platform):
    await platform.put(platform.desired(1, None))
    what = command(platform, "dance")
    async with platform.device() as (device, _):
        await device._journal.take_command(what.cmd_id, what.name, what.exp.timestamp())
    program = Program()
    async with Device(platform.settings(), Orders().take, commands={"dance": program.dance}):
        answer = await answered(platform, what)
    assert (answer["stage"], program.done) == ("failed", [])


async def test_a_bad_command_is_counted_by_its_reason_and_never_carried_out(platform, dancer):
    device, program = dancer
    good = command(platform, "dance")
    signed = platform.signer.sign(good.model_dump_json())
    other = good.model_copy(update={"aud": "d-other"})
    past = good.model_copy(update={"exp": platform.now() - timedelta(minutes=1)})
    flipped = signed.model_copy(update={"p": signed.p.replace("dance", "danse")})
    wanted = dict.fromkeys(("unknown_key", "key_use", "audience", "expired", "signature", "malformed"), 1)
    await send(platform, good, SigningKey(os.urandom(32)))
    await send(platform, good, platform.alert_signer)
    await send(platform, other)
    await send(platform, past)
    await platform.whisper(flipped.model_dump_json().encode(), "cmd")
    await platform.whisper(platform.signer.sign("{}").model_dump_json().encode(), "cmd")
    await eventually(lambda: device.alarms.refusals == wanted)

    async def told():
        counts = [alarm["reasons"] for alarm in await platform.told("alarm")]
        return {reason: sum(each.get(reason, 0) for each in counts) for reason in wanted} == wanted

    await eventually(told)
    assert program.done == []
    assert await platform.stored("ack") == []


def offer(platform, version, files, signed=True):
    """An update on the platform's shelf: the arguments of its command."""
    listed = [
        {"path": path, "sha256": platform.gateway.add(data, "x").sha256, "bytes": len(data)}
        for path, data in files.items()
    ]
    text = json.dumps({"kind": "update", "version": version, "files": listed})
    manifest = platform.signer.sign(text).model_dump_json() if signed else text
    blob = platform.gateway.add(manifest.encode(), "application/json")
    return {"version": version, "manifest_sha256": blob.sha256, "manifest_bytes": blob.bytes}


async def test_a_release_is_laid_out_whole_and_a_bad_one_leaves_the_one_in_use(platform, dancer):
    releases = platform.data / "releases"

    async def update(args):
        answer = await answered(platform, command(platform, "update", **args))
        return answer["stage"], answer["detail"] or answer["data"]["before"]

    first = offer(platform, "1.0.0", {"bin/run": b"one", "lib/a.txt": b"a"})
    second = offer(platform, "1.1.0", {"bin/run": b"two", "lib/a.txt": b"a"}, signed=False)
    assert await update(first) == ("finished", "")
    assert await update(second) == ("finished", "1.0.0")
    assert (releases / "current" / "bin" / "run").read_bytes() == b"two"
    await until_it_says(platform, version="1.1.0")

    rotten = os.urandom(1000)
    broken = offer(platform, "1.2.0", {"bin/run": rotten})
    platform.gateway.misdeeds[hashlib.sha256(rotten).hexdigest()] = ["wrong", "truncate", "wrong"]
    out = offer(platform, "1.3.0", {"../../device.nk": b"stolen"})
    other = offer(platform, "1.4.0", {"a": b"a"}) | {"version": "1.5.0"}
    senseless = first | {"version": "../1"}
    for args, why in (
        (broken, "not what was signed"),
        (out, "not a path inside"),
        (other, "1.4.0"),
        (senseless, "version"),
    ):
        stage, detail = await update(args)
        assert stage == "failed"
        assert why in detail
    assert (releases / "current").readlink().name == "1.1.0"
    assert (releases / "current" / "bin" / "run").read_bytes() == b"two"

    asked = len(platform.gateway.requests)
    assert await update(first) == ("finished", "1.1.0")
    assert (releases / "current" / "bin" / "run").read_bytes() == b"one"
    assert len(platform.gateway.requests) == asked, "the way back needs no download"
    await until_it_says(platform, version="1.0.0")
    assert sorted(path.name for path in releases.iterdir()) == ["1.0.0", "1.1.0", "current"]
