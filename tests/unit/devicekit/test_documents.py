"""Which signed documents a device obeys."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import Desired
from lantoa_devicekit.documents import Reason, check_command, check_desired
from lantoa_signing.documents import KeySet, SigningKey

NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
KEY, THIEF = SigningKey(bytes(32)), SigningKey(b"t" * 32)
KEYS = KeySet({KEY.kid: KEY.public})


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
    def judge(key=KEY, **fields):
        text = json.dumps({"aud": "d-1", "exp": (NOW + timedelta(seconds=30)).isoformat()} | fields)
        return check_command(key.sign(text).model_dump_json().encode(), KEYS, "d-1", NOW)

    assert judge() is None
    assert judge(THIEF) is Reason.UNKNOWN_KEY
    assert judge(aud="d-2") is Reason.AUDIENCE
    assert judge(exp=NOW.isoformat()) is Reason.EXPIRED
    assert check_command(KEY.sign("{}").model_dump_json().encode(), KEYS, "d-1", NOW) is Reason.MALFORMED
