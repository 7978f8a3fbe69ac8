"""What the agent makes of its order and of what the page says."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import AlertNotice, BoardEntry, BoardRundown, Desired
from lantoa_devicekit import ActiveNotice, Order
from lantoa_player.usecases import Player, Shown, Verdict

NOW = datetime(2027, 3, 1, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SLIDE = b"<title>A</title>"


class FakeDevice:
    """Remembers what it is asked to prove, once for each local id."""

    def __init__(self, enrolment="accepted"):
        self.enrolment = enrolment
        self.connected = True
        self.claim_code = "ABCD-EFGH" if enrolment == "pending" else None
        self.identity = SimpleNamespace(device_id="d-1")
        self.clock = SimpleNamespace(now=lambda: NOW, offset_ms=7)
        self.proofs = {}
        self.alarms = []
        self.acks = []
        self.kept = None

    async def prove(self, proof):
        return self.proofs.setdefault(proof.local_id, proof) is proof

    async def acknowledge(self, what, stage):
        self.acks.append((what.notice_id, what.ver, stage))

    def notice(self, ref):
        return self.kept

    async def damaged(self, sha256):
        """As the device does when the file is not what it should be: alarm, and fetch it anew."""
        self.alarms.append("playback_failed")
        return True


def entry(name="a", data=SLIDE, **changes):
    media = BlobRef(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), media_type="text/html")
    fields = {"entry_id": name, "item_id": f"i-{name}", "revision": 2, "title": name, "media": media, "seconds": 10}
    return BoardEntry(**fields | {"valid_from": NOW - DAY, "valid_until": NOW + DAY} | changes)


def order(*entries, ver=1, media=None):
    desired = Desired(aud="d-1", seq=ver, iat=NOW, exp=NOW + DAY, unit_id="u-1")
    rundown = BoardRundown(device_id="d-1", ver=ver, entries=entries)
    return Order(desired, rundown, f"{ver:064x}", media or {})


def shown(what, seconds=10.0, before=0.0):
    ended = NOW - before * SECOND
    return Shown(what.entry_id, what.media.sha256, ended - seconds * SECOND, ended)


def player(*orders, speed=1.0):
    made = Player(speed)
    for each in orders:
        made.take(each)
    return made


async def test_a_full_showing_is_proved_once_with_what_the_rundown_says():
    device, board = FakeDevice(), player(order(entry()))
    assert await board.shown(device, shown(entry(), before=20)) is Verdict.PROVED
    assert await board.shown(device, shown(entry())) is Verdict.PROVED
    (proof,) = device.proofs.values()
    assert (proof.local_id, proof.entry_id, proof.item_id, proof.revision) == ("a.1", "a", "i-a", 2)
    assert (proof.rundown_sha256, proof.slide_sha256) == (f"{1:064x}", entry().media.sha256)
    assert (proof.seconds, proof.ended_at, proof.clock_offset_ms) == (10, NOW - 20 * SECOND, 7)


async def test_at_another_speed_the_proof_tells_seconds_of_dwell():
    device, board = FakeDevice(), player(order(entry()), speed=20)
    assert await board.shown(device, shown(entry(), 0.495)) is Verdict.PROVED
    assert device.proofs["a.1"].seconds == 9.9


@pytest.mark.parametrize(
    "report",
    [
        shown(entry(), 9.9),
        shown(entry(), 10, before=-1),
        shown(entry("other")),
        shown(entry(data=b"another slide")),
        shown(entry(), 10, before=2 * 86_400),
    ],
    ids=["too short", "future", "foreign entry", "foreign slide", "before its days"],
)
async def test_anything_less_is_refused(report):
    device = FakeDevice()
    assert await player(order(entry())).shown(device, report) is Verdict.REFUSED
    assert device.proofs == {}


async def test_an_agent_that_has_not_read_its_rundown_yet_asks_to_be_told_again():
    device = FakeDevice()
    assert await player().shown(device, shown(entry())) is Verdict.LATER
    assert device.proofs == {}


async def test_the_last_showing_under_the_rundown_before_counts_and_names_it():
    device = FakeDevice()
    board = player(order(entry("old")), order(entry(), ver=2), order(entry(), ver=2, media={"x": None}))
    assert await board.shown(device, shown(entry("old"))) is Verdict.PROVED
    assert device.proofs["old.1"].rundown_sha256 == f"{1:064x}"
    board.take(order(entry(), ver=3))
    assert await board.shown(device, shown(entry("old"))) is Verdict.REFUSED


async def test_an_order_without_a_rundown_shows_nothing():
    device, whole = FakeDevice(), order(entry())
    board = player(whole, Order(whole.desired, None, "", {}))
    assert board.screen(device).slides == []
    assert await board.shown(device, shown(entry())) is Verdict.PROVED, "shown just before"


@pytest.mark.parametrize(
    ("enrolment", "code", "count"), [("pending", "ABCD-EFGH", 0), ("revoked", None, 0), ("accepted", None, 1)]
)
async def test_only_a_claimed_board_shows_slides(tmp_path, enrolment, code, count):
    board = player(order(entry(), media={entry().media.sha256: tmp_path}))
    screen = board.screen(FakeDevice(enrolment))
    assert (screen.claim_code, len(screen.slides), screen.revoked) == (code, count, enrolment == "revoked")


async def test_a_slide_is_checked_as_it_leaves_and_a_damaged_one_leaves_the_turn(tmp_path):
    device, sha256 = FakeDevice(), entry().media.sha256
    (tmp_path / sha256).write_bytes(SLIDE)
    board = player(order(entry(), media={sha256: tmp_path / sha256}))
    assert await board.slide(device, sha256) == SLIDE
    assert await board.slide(device, "0" * 64) is None
    assert device.alarms == []
    (tmp_path / sha256).write_bytes(b"damaged")
    assert await board.slide(device, sha256) is None
    assert await board.slide(device, sha256) is None
    assert device.alarms == ["playback_failed"]
    assert board.screen(device).slides == []
    # The device gives the order again without it, and once more when it has fetched it.
    board.take(order(entry()))
    (tmp_path / sha256).write_bytes(SLIDE)
    board.take(order(entry(), media={sha256: tmp_path / sha256}))
    assert [slide.sha256 for slide in board.screen(device).slides] == [sha256]
    assert await board.slide(device, sha256) == SLIDE


async def test_a_slide_that_is_gone_from_the_disk_is_not_offered(tmp_path):
    device, sha256 = FakeDevice(), entry().media.sha256
    board = player(order(entry(), media={sha256: tmp_path / sha256}))
    assert await board.slide(device, sha256) is None
    assert board.screen(device).slides == []


def active(ver=1):
    fields = {"status": "actual", "severity": "severe", "headline": "H", "texts": {"vi": "V"}, "issued_at": NOW}
    return ActiveNotice(AlertNotice(notice_id="ntc-1", ver=ver, expires_at=NOW + DAY, **fields))


async def test_the_page_hears_of_an_alert_at_once_and_its_report_is_acknowledged():
    device, board = FakeDevice(), player()
    known = board.notices
    await board.changed("other", 60)
    waiting = asyncio.create_task(board.changed(known, 60))
    await asyncio.sleep(0)
    board.take_alerts((active(),))
    await asyncio.wait_for(waiting, 5)
    assert board.notices != known
    assert [each.notice_id for each in board.screen(device).notices] == ["ntc-1"]
    assert await board.alerted(device, "ntc-1.1", "playing") is Verdict.PROVED
    board.take_alerts(())
    assert board.notices == known
    assert await board.alerted(device, "ntc-1.1", "finished") is Verdict.PROVED, "called off a moment ago"
    assert await board.alerted(device, "ntc-1.2", "finished") is Verdict.REFUSED
    assert device.acks == [("ntc-1", 1, "playing"), ("ntc-1", 1, "finished")]


async def test_a_report_on_a_notice_that_ended_while_the_agent_was_away_is_acknowledged():
    device = FakeDevice()
    device.kept = active(3).notice
    assert await player().alerted(device, "ntc-1.3", "finished") is Verdict.PROVED
    assert device.acks == [("ntc-1", 3, "finished")]
