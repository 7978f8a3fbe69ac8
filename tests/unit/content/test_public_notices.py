"""Emergency notices as alert writes them, read as anybody would."""

from datetime import UTC, datetime, timedelta

import pytest

from lantoa_alert.domain.cap_writing import OwnNotice, Sender, Wording, cap_atom, cap_xml, unit_place
from lantoa_alert.domain.cap_writing import Place as Where
from lantoa_content.domain.notices import concerning, entries_of, read_notice
from lantoa_content.domain.places import Place
from lantoa_content.usecases.notices import Notices

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SENDER = Sender("lantoa.vn", "Lan Tỏa")
SITE = "https://x.vn"
CAU_KE = unit_place("Xã Cầu Kè", "29242")
PROVINCE = Place("p", "86", "Tỉnh Vĩnh Long", ("p",), None, None, ())
HERE = Place("u-1", "29242", "Xã Cầu Kè", ("p", "u-1"), None, None, ())
THERE = Place("u-2", "29272", "Xã Tam Ngãi", ("p", "u-2"), None, None, ())
PLACES = [PROVINCE, HERE, THERE]


def _notice(key="n-1", places=(CAU_KE,), status="actual", minutes=60, **other):
    texts = {"vi": "Lên chỗ cao.", "km": "ឡើងទីខ្ពស់។"}
    wording = Wording(1, NOW, NOW + timedelta(minutes=minutes), status, "severe", "Triều cường", texts, tuple(places))
    return OwnNotice(key, (wording,), **other)


def _read(notice):
    return read_notice(cap_xml(notice, SENDER))


def test_a_notice_is_read_with_its_texts_places_and_end():
    read = _read(_notice())
    assert [(text.language, text.headline, text.description) for text in read.texts] == [
        ("vi", "Triều cường", "Lên chỗ cao."),
        ("km", "Triều cường", "ឡើងទីខ្ពស់។"),
    ]
    assert (read.severity, read.places, read.codes, read.everywhere) == ("severe", ("Xã Cầu Kè",), {"29242"}, False)
    assert (read.sent_at, read.expires_at) == (NOW, NOW + timedelta(hours=1))


def test_what_was_called_off_or_is_an_exercise_is_no_notice():
    assert _read(_notice(cancelled_at=NOW)) is None
    assert _read(_notice(status="exercise")) is None


def test_a_notice_concerns_its_place_what_lies_below_and_what_lies_above():
    one = _read(_notice())
    whole = _read(_notice("n-2", [unit_place("Tỉnh Vĩnh Long", "86")]))
    group = _read(_notice("n-3", [Where("Nhóm ven sông", "urn:lantoa:group", "ven-song")]))
    newer = _read(_notice("n-4", [unit_place("Xã mới", "99999")]))
    every = [one, whole, group, newer]

    def at(unit):
        return {notice.id.split(".")[0] for notice in concerning(every, unit, PLACES)}

    assert at(HERE) == {"n-1", "n-2", "n-3", "n-4"}
    assert at(THERE) == {"n-2", "n-3", "n-4"}
    assert at(PROVINCE) == at(None) == {"n-1", "n-2", "n-3", "n-4"}


@pytest.mark.parametrize("bad", [b"", b"<a/>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", b"<alert"])
def test_what_is_no_message_is_refused(bad):
    with pytest.raises(ValueError, match=r".+"):
        read_notice(bad)
    with pytest.raises(ValueError, match=r".+"):
        entries_of(bad)


class Wire:
    """The public address, with these notices behind it."""

    def __init__(self):
        self.notices, self.asked, self.away = [], [], False

    async def fetch(self, url):
        self.asked.append(url.removeprefix(f"{SITE}/api/v1/alert/"))
        if self.away:
            return None, b""
        if url.endswith("cap.atom"):
            return 200, cap_atom(self.notices, SENDER, NOW)
        return 200, cap_xml(next(one for one in self.notices if one.id in url), SENDER)


class Watch:
    at = NOW

    def now(self):
        return self.at


async def test_each_message_is_read_once_until_it_changes():
    wire, watch = Wire(), Watch()
    notices = Notices(wire, SITE, watch)
    assert not notices.fresh
    wire.notices = [_notice()]
    await notices()
    await notices()
    assert wire.asked == ["cap.atom", "notices/n-1/cap.xml", "cap.atom"]
    assert notices.fresh
    assert [notice.texts[0].headline for notice in notices.at(HERE, PLACES)] == ["Triều cường"]
    wire.notices = [_notice(cancelled_at=NOW + timedelta(minutes=1))]
    await notices()
    assert notices.at(None, []) == []


async def test_the_pages_learn_that_a_notice_began_ended_or_is_not_known_any_more():
    wire, watch = Wire(), Watch()
    notices = Notices(wire, SITE, watch)
    wire.notices = [_notice(minutes=10)]
    await notices()
    began = notices.changed_at
    watch.at = NOW + timedelta(minutes=1)
    await notices()
    assert notices.changed_at == began
    wire.away = True
    watch.at = NOW + timedelta(minutes=5)
    await notices()
    assert not notices.fresh
    assert notices.at(HERE, PLACES)
    assert notices.changed_at == watch.at
    watch.at = NOW + timedelta(minutes=11)
    await notices()
    assert notices.at(HERE, PLACES) == []
    assert notices.changed_at == watch.at


async def test_a_message_that_lies_elsewhere_is_not_asked_for_and_hides_no_other():
    wire = Wire()
    notices = Notices(wire, SITE, Watch())
    plain = wire.fetch

    async def fetch(url):
        status, body = await plain(url)
        return status, body.replace(b'href="notices/n-9', b'href="https://evil.example/n-9')

    wire.fetch = fetch
    wire.notices = [_notice(), _notice("n-9")]
    await notices()
    assert not any("evil" in url for url in wire.asked)
    assert [notice.id for notice in notices.at(None, [])] == ["n-1.1"]
    assert not notices.fresh
