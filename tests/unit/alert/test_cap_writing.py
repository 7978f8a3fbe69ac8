"""Our notices as CAP and Atom: read back by our own strict reader, by a feed reader, and as a source of ours."""

import contextlib
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
from hypothesis import given
from hypothesis import strategies as st

from lantoa_alert.domain.cap import CapRefused, referenced
from lantoa_alert.domain.cap_areas import CapUnit, Territory
from lantoa_alert.domain.cap_feed import entries
from lantoa_alert.domain.cap_meaning import meaning
from lantoa_alert.domain.cap_reading import read
from lantoa_alert.domain.cap_threads import replaced
from lantoa_alert.domain.cap_writing import GROUP, OwnNotice, Place, Sender, Wording, cap_atom, cap_xml, unit_place

sys.path.insert(0, str(Path(__file__).parent))
from cap_signing import NOW

SENDER = Sender("canhbao@vinhlong.example", "UBND tỉnh Vĩnh Long")
CAU_KE = CapUnit("u-29308-2025", "29308", "Xã Cầu Kè", "commune", ("u-29308-2025",))


def wording(ver: int = 1, **given) -> Wording:
    values = {
        "issued_at": NOW + timedelta(minutes=ver),
        "expires_at": NOW + timedelta(hours=6),
        "status": "actual",
        "severity": "severe",
        "headline": "Triều cường & gió <lớn>",
        "texts": {"vi": "Bà con lên chỗ cao.", "km": "សូមឡើងទៅកន្លែងខ្ពស់។"},
        "places": (unit_place("Xã Cầu Kè", "29308"), Place("Nhóm ven biển", GROUP, "ven-bien")),
    }
    return Wording(ver, **{**values, **given})


def test_a_notice_is_a_cap_message_that_we_would_understand_ourselves():
    alert = read(cap_xml(OwnNotice("ntc-1", (wording(),)), SENDER))
    assert (alert.key.identifier, alert.status, alert.msg_type, alert.scope) == ("ntc-1.1", "Actual", "Alert", "Public")
    assert [info.language for info in alert.infos] == ["vi", "km"]
    told = meaning(alert, Territory([CAU_KE], date(2026, 11, 24)), NOW)
    assert [draft.unit_ids for draft in told.drafts] == [("u-29308-2025",)]
    assert told.drafts[0].headline == "Triều cường & gió <lớn>"
    assert told.drafts[0].expires_at == NOW + timedelta(hours=6)


def test_times_never_end_in_z():
    xml = cap_xml(OwnNotice("ntc-1", (wording(),)), SENDER)
    assert b"2026-11-24T09:01:00-00:00" in xml
    assert b"Z<" not in xml


def test_an_update_and_a_cancel_name_every_word_before_them():
    notice = OwnNotice("ntc-1", (wording(1), wording(2)))
    update = read(cap_xml(notice, SENDER))
    assert (update.msg_type, [key.identifier for key in replaced(update)]) == ("Update", ["ntc-1.1"])
    cancel = read(cap_xml(OwnNotice("ntc-1", notice.wordings, NOW + timedelta(hours=1)), SENDER))
    assert (cancel.msg_type, cancel.key.identifier) == ("Cancel", "ntc-1.cancel")
    first = read(cap_xml(OwnNotice("ntc-1", (wording(1),)), SENDER))
    assert referenced(cancel.references) == (first.key, update.key)


def test_a_feed_reader_reads_the_feed_newest_first():
    notices = [
        OwnNotice("ntc-1", (wording(1),)),
        OwnNotice("ntc-2", (wording(2), wording(3))),
        OwnNotice("ntc-3", (wording(1),), NOW + timedelta(hours=1)),
    ]
    feed = feedparser.parse(cap_atom(notices, SENDER, NOW))
    assert not feed.bozo
    assert feed.version == "atom10"
    assert [entry.id.rpartition(":")[2] for entry in feed.entries] == ["ntc-3", "ntc-2", "ntc-1"]
    assert feed.entries[0].title == "Đã hủy: Triều cường & gió <lớn>"
    assert feed.entries[1].links[0].type == "application/cap+xml"
    assert feed.feed.updated == (NOW + timedelta(hours=1)).isoformat()


def test_an_empty_feed_is_valid_too():
    feed = feedparser.parse(cap_atom([], SENDER, NOW))
    assert not feed.bozo
    assert feed.entries == []


def test_our_feed_is_a_source_whose_entries_lead_to_the_messages():
    feed = cap_atom([OwnNotice("ntc-1", (wording(),))], SENDER, NOW)
    (entry,) = entries(feed, "https://a.example/api/v1/alert/cap.atom")
    assert entry.url == "https://a.example/api/v1/alert/notices/ntc-1/cap.xml"


def test_feeds_of_others_are_read_however_they_lead_to_their_messages():
    inside = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><content type="application/cap+xml">'
        b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>x</identifier></alert></content></entry>'
        b'<entry><id>b</id><link href="page.html" type="text/html"/>'
        b'<link href="b.cap" type="application/cap+xml"/></entry>'
        b'<entry><id>c</id><link href="c"/></entry><entry><id>d</id></entry>'
        b'<entry><link rel="self" href="e"/></entry></feed>'
    )
    found = entries(inside, "https://a.example/x/feed")
    assert [(one.id, one.url) for one in found] == [
        ("a", None),
        ("b", "https://a.example/x/b.cap"),
        ("c", "https://a.example/x/c"),
    ]
    assert found[0].xml.startswith(b"<alert") or b"<alert" in found[0].xml


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_makes_documents_that_can_be_read(headline, text):
    notice = OwnNotice("ntc-1", (wording(headline=headline or "x", texts={"vi": text}),))
    assert read(cap_xml(notice, SENDER)).infos[0].language == "vi"
    assert not feedparser.parse(cap_atom([notice], SENDER, datetime(2026, 1, 1, tzinfo=UTC))).bozo


_FEED = cap_atom([OwnNotice("ntc-1", (wording(),)), OwnNotice("ntc-2", (wording(),))], SENDER, NOW)


@given(st.data())
def test_mutated_feeds_are_refused_or_read_and_nothing_else(data):
    mutated = bytearray(_FEED)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(CapRefused):
        assert len(entries(bytes(mutated), "https://a.example/feed")) <= 2
