"""What of the notices in force is heard, and what the platform is told of it."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import AlertNotice
from lantoa_devicekit import ActiveNotice
from lantoa_station.usecases import AlertDesk, AudioRefused, Played

NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
SOUND = BlobRef(sha256="a" * 64, bytes=5, media_type="audio/ogg")
HERE = Path("/sounds/a")


def active(name="a", severity="severe", sound=None, here=None, **changes):
    fields = {"ver": 1, "status": "actual", "headline": name, "texts": {"vi": "V"}, "issued_at": NOW, "gap_s": 0}
    fields |= {"expires_at": NOW + timedelta(hours=1), "repeat": 2, "severity": severity, "sound": sound} | changes
    return ActiveNotice(AlertNotice(notice_id=f"ntc-{name}", **fields), here)


class FakeDevice:
    """Notes what it is told."""

    def __init__(self):
        self.told = []
        self.clock = SimpleNamespace(now=lambda: NOW)

    def show(self, *_):
        pass

    async def acknowledge(self, notice, stage, detail=""):
        self.told.append(f"{notice.notice_id}.{stage}")

    async def alarm(self, code, _):
        self.told.append(code)


class Silence:
    """A sink that plays in no time, and a diary that forgets."""

    def __init__(self, meanwhile=lambda: None, refuse=()):
        self.heard = []
        self._meanwhile = meanwhile
        self._refuse = refuse

    def alert(self, sound, label, stop):
        if sound in self._refuse:
            raise AudioRefused(str(sound))
        self.heard.append((label, sound))
        self._meanwhile()
        return Played(6.0, whole=not stop.is_set())

    def play(self, audio, label, stop, volume):
        self.heard.append((label, audio))
        return Played(2.0, whole=volume() == 100)

    def write(self, *_, **__):
        pass


async def play(desk, device, cut=None):
    """Everything that is due, until nothing is."""
    while (found := desk.next(asyncio.get_running_loop().time())[0]) is not None:
        await desk.sound(device, found, cut or threading.Event())


async def test_a_notice_is_heard_as_often_as_told_and_then_finished():
    sink, device = Silence(), FakeDevice()
    desk = AlertDesk(sink, sink)
    assert desk.take((active(sound=SOUND, here=HERE),), 0.0)
    await play(desk, device)
    assert sink.heard == [("ntc-a.1.1", HERE), ("ntc-a.1.2", HERE)]
    assert device.told == ["ntc-a.playing", "ntc-a.playing", "ntc-a.finished"]
    assert not desk.take((ActiveNotice(active().notice, HERE, finished=True),), 0.0)


async def test_words_that_come_while_the_signal_sounds_follow_it():
    sink, device = Silence(lambda: desk.take((active(sound=SOUND, here=HERE, repeat=1),), 0.0)), FakeDevice()
    desk = AlertDesk(sink, sink)
    desk.take((active(sound=SOUND, repeat=1),), 0.0)
    await play(desk, device)
    assert sink.heard == [("ntc-a.1.1", None), ("ntc-a.1.1.words", HERE)]
    assert device.told[-1] == "ntc-a.finished"


async def test_words_that_come_late_are_heard_once_more_and_only_then_is_it_finished():
    sink, device = Silence(), FakeDevice()
    desk = AlertDesk(sink, sink)
    desk.take((active(sound=SOUND),), 0.0)
    await play(desk, device)
    assert "ntc-a.finished" not in device.told
    assert desk.take((active(sound=SOUND, here=HERE),), 0.0), "it cuts what the rundown plays meanwhile"
    await play(desk, device)
    assert [sound for _, sound in sink.heard] == [None, None, HERE]
    assert device.told[-1] == "ntc-a.finished"


async def test_words_that_an_order_brings_after_the_end_are_heard_but_not_after_a_restart():
    sink, device = Silence(), FakeDevice()
    desk = AlertDesk(sink, sink)
    desk.take((active(repeat=1),), 0.0)
    await play(desk, device)
    assert device.told[-1] == "ntc-a.finished"
    spoken = ActiveNotice(active(sound=SOUND, repeat=1).notice, HERE, finished=True)
    assert desk.take((spoken,), 0.0)
    await play(desk, device)
    assert [sound for _, sound in sink.heard] == [None, HERE]
    assert not AlertDesk(sink, sink).take((spoken,), 0.0)


async def test_a_sound_that_cannot_be_decoded_leaves_the_signal_and_is_told():
    sink, device = Silence(refuse=[HERE]), FakeDevice()
    desk = AlertDesk(sink, sink)
    desk.take((active(sound=SOUND, here=HERE),), 0.0)
    await play(desk, device)
    assert [sound for _, sound in sink.heard] == [None, None]
    assert device.told[-1] == "ntc-a.failed"
    assert "playback_failed" in device.told


@pytest.mark.parametrize(
    ("now", "cut"),
    [
        ([], True),
        ([active("a", ver=2)], True),
        ([active("b", "extreme"), active("a")], True),
        ([active("a"), active("b")], False),
        ([active("a"), active("b", "minor")], False),
        ([active("a", sound=SOUND, here=HERE)], False),
    ],
    ids=["cancelled", "updated", "more severe", "as severe", "less severe", "its sound came"],
)
async def test_what_sounds_is_cut_only_for_what_matters_more(now, cut):
    found = []
    sink, device = Silence(lambda: found.append(desk.take(tuple(now), 0.0)) if not found else None), FakeDevice()
    desk = AlertDesk(sink, sink)
    desk.take((active("a"),), 0.0)
    notice, _ = desk.next(0.0)
    await desk.sound(device, notice, threading.Event())
    assert found == [cut]


async def test_a_cut_notice_begins_again_and_counts_only_what_was_heard_whole():
    sink, device, cut = Silence(), FakeDevice(), threading.Event()
    desk = AlertDesk(sink, sink)
    desk.take((active(),), 0.0)
    cut.set()
    await desk.sound(device, desk.next(0.0)[0], cut)
    await play(desk, device)
    assert [label for label, _ in sink.heard] == ["ntc-a.1.1", "ntc-a.1.2", "ntc-a.1.3"]
