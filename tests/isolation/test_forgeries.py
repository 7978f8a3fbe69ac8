"""10,000 commands and alert orders that no device may obey, through a real nats-server into a running device."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from forgeries import KINDS, Forgery, Workshop
from matrix import write
from structlog.testing import capture_logs

from lantoa_devicekit import Device
from lantoa_devicekit.documents import Reason, check_command, check_order
from lantoa_signing.documents import open_key_set
from lantoa_testing import eventually
from lantoa_testing.devices import DevicePlatform, Orders
from lantoa_testing.obeying import hearing

SEED, COUNT, AT_ONCE = 5, 10_000, 40
SCOPE = "unit.u-1"


@pytest.fixture
async def platform(tmp_path):
    made = DevicePlatform(tmp_path)
    try:
        await made.start()
        await made.put(made.desired(1, None))
        yield made
    finally:
        await made.stop()


def _workshop(platform: DevicePlatform) -> Workshop:
    # A little in the past: what has just expired there has expired for the device, however its clock was measured.
    now = platform.now() - timedelta(minutes=1)
    return Workshop(random.Random(SEED), platform.id, SCOPE, platform.signer, platform.alert_signer, now)


class Loudspeaker:
    """A program that does what its device tells it, and counts."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.carried_out: list[str] = []

    async def tone(self, command):
        self.carried_out.append(command.cmd_id)

    def device(self, platform: DevicePlatform) -> Device:
        settings = platform.settings(alarm_every_s=0.3)
        return Device(settings, self.orders.take, self.orders.take_alerts, {"test_tone": self.tone})

    def notices(self) -> set[str]:
        return {active.ref for told in self.orders.alerts for active in told}


async def _send(platform: DevicePlatform, channel: str, raw: bytes) -> None:
    """Commands come to the device; orders by any of the ways on which one may come."""
    way = (
        f"dev.dn.{platform.id}.cmd"
        if channel == "cmd"
        else random.Random(raw).choice([f"dev.bc.{SCOPE}.alert", "dev.bc.all.alert", f"dev.dn.{platform.id}.alert"])
    )
    await platform.nc.publish(way, raw)


async def _obey(platform: DevicePlatform, workshop: Workshop, speaker: Loudspeaker, count: int) -> None:
    """Real orders and commands, each obeyed: what is replayed later."""
    for _ in range(count):
        command = workshop.platform.sign(workshop.command()).model_dump_json().encode()
        seq = workshop.highest + 1
        order = workshop.alert.sign(workshop.order(seq=seq)).model_dump_json().encode()
        done, heard = len(speaker.carried_out), len(speaker.notices())
        await _send(platform, "cmd", command)
        await _send(platform, "alert", order)
        await eventually(lambda done=done: len(speaker.carried_out) > done)
        await eventually(lambda heard=heard: len(speaker.notices()) > heard)
        workshop.highest = seq
        workshop.played["cmd"].append(command)
        workshop.played["alert"].append(order)


async def _through(platform: DevicePlatform, device: Device, forgeries: Sequence[Forgery]) -> None:
    """Send them all, never more at once than the device's queue holds, and wait until each has been judged."""
    judged = device.alarms.refusals.total()
    for start in range(0, len(forgeries), AT_ONCE):
        some = forgeries[start : start + AT_ONCE]
        for forgery in some:
            await _send(platform, forgery.channel, forgery.raw)
        judged += len(some)
        await eventually(lambda wanted=judged: device.alarms.refusals.total() >= wanted, 60, 0.001)
        assert device.alarms.refusals.total() == judged


async def _told(platform: DevicePlatform, refused: Counter[str]) -> Counter[str]:
    """What the device's alarms count by reason, once they have told all. A repeated command is none: fleet repeats."""
    told: Counter[str] = Counter()

    async def all_of_it() -> bool:
        told.clear()
        for alarm in await platform.told("alarm"):
            told.update(alarm["reasons"])
        return told.total() == refused.total() - refused["repeated"]

    await eventually(all_of_it, 60, 0.2)
    return told


async def test_ten_thousand_commands_and_orders_that_are_not_to_be_obeyed_are_not(platform):
    workshop, speaker = _workshop(platform), Loudspeaker()
    refused: Counter[str] = Counter()
    with capture_logs():
        async with speaker.device(platform) as device:
            await hearing(device)
            await _obey(platform, workshop, speaker, 4)
            last = workshop.played["alert"].pop()  # The order in force is no replay: it comes twice as it is.
            forgeries = list(workshop.make(COUNT))
            half = COUNT // 2
            obeyed = (list(speaker.carried_out), speaker.notices())
            await _through(platform, device, forgeries[:half])
            refused += device.alarms.refusals
            await _told(platform, refused)  # What it holds back would be lost with it.
        # What was obeyed is remembered across a restart, and the bucket's last order too.
        async with speaker.device(platform) as device:
            await hearing(device)
            await _through(platform, device, forgeries[half:])
            await _send(platform, "alert", last)
            refused += device.alarms.refusals
            assert (speaker.carried_out, speaker.notices()) == obeyed, "0 accepted"
            await _obey(platform, workshop, speaker, 1)  # And it still obeys.
            told = await _told(platform, refused)

            async def answered():
                return {ack["ref"] for ack in await platform.told("ack")} >= set(speaker.carried_out)

            await eventually(answered)
    acks = [ack for ack in await platform.told("ack") if ack["ref"].startswith("cmd-")]
    assert {ack["ref"] for ack in acks} == set(speaker.carried_out)
    assert refused.total() == COUNT
    assert told == Counter({reason: n for reason, n in refused.items() if reason != "repeated"})
    _judge(platform, workshop, forgeries, refused)


def _judge(platform: DevicePlatform, workshop: Workshop, forgeries: Sequence[Forgery], refused: Counter[str]) -> None:
    """Each kind is refused for its own reason, and what the running device counted is the sum of it."""
    keys = open_key_set(platform.key_set, platform.root.public)
    highest = {"all": 0, SCOPE: workshop.highest - 1}
    expected: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for forgery in forgeries:
        if forgery.channel == "cmd":
            verdict = check_command(forgery.raw, keys, platform.id, workshop.now)
        else:
            verdict = check_order(forgery.raw, keys, highest, workshop.now)
        if forgery.reasons != {"repeated"}:
            assert isinstance(verdict, Reason), forgery
        reason = str(verdict) if isinstance(verdict, Reason) else "repeated"
        assert reason in forgery.reasons, (forgery, reason)
        expected[reason] += 1
        by_kind[forgery.kind][f"{forgery.channel}: {reason}"] += 1
    assert expected == refused
    assert all(sum(counts.values()) > COUNT // len(KINDS) - 2 for counts in by_kind.values())
    lines = ["| kind | sent | obeyed | refused, as the device counts them |", "|---|---|---|---|"]
    lines += [
        f"| {kind} | {counts.total()} | 0 | {', '.join(f'{reason} {n}' for reason, n in sorted(counts.items()))} |"
        for kind, counts in by_kind.items()
    ]
    write("forgeries", "\n".join(lines))


async def test_a_flood_of_forgeries_does_not_keep_a_true_order_out(platform):
    """The queue is bounded: what does not fit in is read from the bucket at the next look, or comes again."""
    workshop, speaker = _workshop(platform), Loudspeaker()
    with capture_logs():
        async with speaker.device(platform) as device:
            await hearing(device)
            await _obey(platform, workshop, speaker, 2)
            flood = [workshop.forged("alert").raw for _ in range(300)]
            for raw in flood:
                await platform.nc.publish("dev.bc.all.alert", raw)
            order = workshop.alert.sign(workshop.order(seq=workshop.highest + 1)).model_dump_json().encode()
            before = len(speaker.notices())
            await platform.js.publish(f"$KV.alert.{SCOPE}.alert", order)
            await eventually(lambda: len(speaker.notices()) > before)


def test_a_flipped_bit_never_says_the_same(tmp_path):
    """Every single bit of one command and of one order, turned over."""
    platform = DevicePlatform(tmp_path)
    workshop = _workshop(platform)
    keys = open_key_set(platform.key_set, platform.root.public)
    for channel in ("cmd", "alert"):
        good = workshop._signed(channel, workshop._text(channel)).model_dump_json().encode()

        def verdict(raw, channel=channel):
            if channel == "cmd":
                return check_command(raw, keys, platform.id, workshop.now)
            return check_order(raw, keys, {SCOPE: 0}, workshop.now)

        assert not isinstance(verdict(good), Reason)
        for place in range(len(good) * 8):
            raw = bytearray(good)
            raw[place // 8] ^= 1 << place % 8
            assert isinstance(verdict(bytes(raw)), Reason), (channel, place)
