"""Which signed documents a device obeys."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertNotice, AlertOrder, Command, Desired
from lantoa_devicekit.documents import Reason, check_command, check_desired, check_order
from lantoa_devicekit.notices import in_force
from lantoa_signing.documents import KeySet, SigningKey

NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
KEY, THIEF, ALERT = SigningKey(bytes(32)), SigningKey(b"t" * 32), SigningKey(b"a" * 32)
KEYS = KeySet({KEY.kid: KEY.public, ALERT.kid: ALERT.public}, frozenset([ALERT.kid]))
NOTICE = AlertNotice(
    notice_id="ntc-1",
    ver=1,
    status="actual",
    severity="severe",
    headline="Sơ tán",
    texts={"vi": "Sơ tán ngay"},
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)


def desired(key=KEY, **changes):
    fields = {"aud": "d-1", "seq": 7, "iat": NOW, "exp": NOW + timedelta(hours=1), "unit_id": "u-1"} | changes
    return key.sign(Desired(**fields).model_dump_json())


def check(document, highest=6):
    raw = document if isinstance(document, bytes) else document.model_dump_json().encode()
    return check_desired(raw, KEYS, "d-1", highest, NOW)


def test_a_signed_newer_document_for_this_device_is_taken_up():
    found = check(desired())
    assert isinstance(found, Desired)
    assert found.seq == 7


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b'{"stream":"ACK","seq":3}', Reason.MALFORMED),
        (KEY.sign("{}"), Reason.MALFORMED),
        (desired(THIEF), Reason.UNKNOWN_KEY),
        (desired(ALERT), Reason.KEY_USE),
        (SignedDocument(kid=KEY.kid, p=desired().p, sig=desired(THIEF).sig), Reason.SIGNATURE),
        (SignedDocument(kid=KEY.kid, p=desired().p, sig="!"), Reason.SIGNATURE),
        (desired(aud="d-2"), Reason.AUDIENCE),
        (desired(seq=6), Reason.KNOWN),
        (desired(seq=5), Reason.OLD),
        (desired(exp=NOW), Reason.EXPIRED),
    ],
)
def test_anything_else_is_refused_with_its_reason(document, reason):
    assert check(document) is reason


def test_the_document_that_we_have_is_known_even_after_its_expiry():
    assert check(desired(seq=6, exp=NOW - timedelta(days=2))) is Reason.KNOWN


def test_unknown_fields_of_a_newer_platform_are_passed_over():
    text = json.dumps(json.loads(desired().p) | {"volume": 11})
    assert isinstance(check(KEY.sign(text)), Desired)


@given(place=st.integers(0), letter=st.characters(codec="utf-8"))
def test_no_changed_letter_goes_unseen(place, letter):
    document = desired()
    place %= len(document.p)
    text = document.p[:place] + letter + document.p[place + 1 :]
    found = check(document.model_copy(update={"p": text}))
    assert (found is Reason.SIGNATURE) == (text != document.p)


@given(seqs=st.lists(st.integers(1, 20)))
def test_the_sequence_taken_up_only_grows(seqs):
    highest, taken = 0, []
    for seq in seqs:
        found = check(desired(seq=seq), highest)
        if isinstance(found, Desired):
            highest = found.seq
            taken.append(found.seq)
    assert taken == sorted(set(taken))
    assert highest == max(seqs, default=0)


def test_a_command_must_be_signed_for_this_device_and_in_time():
    fields = {"aud": "d-1", "iat": NOW, "exp": NOW + timedelta(seconds=30), "cmd_id": "cmd-1", "name": "volume"}

    def judge(key=KEY, **changes):
        text = json.dumps(fields | changes, default=datetime.isoformat)
        return check_command(key.sign(text).model_dump_json().encode(), KEYS, "d-1", NOW)

    assert judge() == Command(**fields)
    assert judge(THIEF) is Reason.UNKNOWN_KEY
    assert judge(ALERT) is Reason.KEY_USE
    assert judge(aud="d-2") is Reason.AUDIENCE
    assert judge(exp=NOW) is Reason.EXPIRED
    assert judge(cmd_id="x") is Reason.MALFORMED
    assert check_command(KEY.sign("{}").model_dump_json().encode(), KEYS, "d-1", NOW) is Reason.MALFORMED


HEARD = {"all": 4, "unit.u-1": 0}


def order(key=None, **changes):
    fields = {"aud": "all", "seq": 5, "iat": NOW, "exp": NOW + timedelta(hours=1), "notices": (NOTICE,)} | changes
    return (key or ALERT).sign(AlertOrder(**fields).model_dump_json())


def judge_order(document, **options):
    raw = document if isinstance(document, bytes) else document.model_dump_json().encode()
    return check_order(raw, KEYS, HEARD, NOW, **options)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{}", Reason.MALFORMED),
        (ALERT.sign("{}"), Reason.MALFORMED),
        (order(THIEF), Reason.UNKNOWN_KEY),
        (order(KEY), Reason.KEY_USE),
        (SignedDocument(kid=ALERT.kid, p=order(seq=6).p, sig=order().sig), Reason.SIGNATURE),
        (order(aud="unit.u-2"), Reason.AUDIENCE),
        (order(seq=4), Reason.KNOWN),
        (order(seq=3), Reason.OLD),
        (order(exp=NOW), Reason.EXPIRED),
    ],
)
def test_an_order_is_obeyed_only_when_all_of_it_fits(document, reason):
    assert judge_order(document) is reason


def test_a_fitting_order_is_obeyed_and_each_scope_counts_for_itself():
    assert judge_order(order()).notices == (NOTICE,)
    assert judge_order(order(aud="unit.u-1", seq=1)).seq == 1


def test_an_expired_order_read_from_the_bucket_still_calls_off_what_it_no_longer_names():
    found = judge_order(order(exp=NOW), stored=True)
    assert (found.seq, in_force([found], NOW)) == (5, [])
    before = in_force([found], NOW - timedelta(seconds=1))
    assert [one.notice_id for one in before] == [NOTICE.notice_id], "when it was only our clock that was wrong"
    assert judge_order(order(exp=NOW, seq=3), stored=True) is Reason.OLD
