"""A proof is checked against the fact that stands on it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_calendar.periods import ZONE
from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_contracts.events.content import PostConfirmed
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.receipts import attempt_receipt
from lantoa_reporting.consumers import fact_of
from lantoa_reporting.domain import DeviceWord, Fact, SealedAttempt
from lantoa_reporting.usecases.proofs import check_proof
from lantoa_signing.nkey import device_id, new_seed, public_of, sign_with_seed

SEED = new_seed(b"\x07" * 32)
OTHER_SEED = new_seed(b"\x08" * 32)
PUBLIC = public_of(SEED)
DEVICE = device_id(PUBLIC)
START = datetime(2026, 11, 20, 22, 0, 0, 123456, UTC)
SHARED = {
    "device_id": DEVICE,
    "local_id": "e-1.1",
    "entry_id": "e-1",
    "item_id": "i-1",
    "revision": 2,
    "rundown_sha256": "c" * 64,
    "started_at": START,
    "ended_at": START + timedelta(seconds=64.6),
    "seconds": 64.6,
}
AIRED = AiredProof(**SHARED, outcome="aired", session_id="s-1", audio_sha256="a" * 64, planned_at=START)
DISPLAYED = DisplayedProof(**SHARED, slide_sha256="b" * 64)


def signed(
    channel: str, proof: AiredProof | DisplayedProof | str, seed: str = SEED, public: str = PUBLIC
) -> DeviceWord:
    document = sign_with_seed(seed, proof if isinstance(proof, str) else proof.model_dump_json())
    return DeviceWord(
        kid=document.kid,
        p=document.p,
        sig=document.sig,
        device_public_key=public,
        session_id="s-1" if channel == "radio" else None,
        entry_id="e-1",
        media_sha256=("a" if channel == "radio" else "b") * 64,
    )


def fact(channel: str, proof: DeviceWord) -> Fact:
    return Fact(
        fact_id=f"{'airing' if channel == 'radio' else 'display'}:{DEVICE}:e-1",
        channel=channel,
        unit_id="u-1",
        device_id=DEVICE,
        item_id="i-1",
        revision=2,
        title="Bản tin",
        priority="normal",
        tasks=("08",),
        topic="skills",
        started_at=START,
        ended_at=START + timedelta(seconds=64.6),
        seconds=64.6,
        proof=proof,
    )


def with_proof(fact: Fact, **fields) -> Fact:
    return replace(fact, proof=replace(fact.proof, **fields))


GOOD = {"radio": fact("radio", signed("radio", AIRED)), "board": fact("board", signed("board", DISPLAYED))}


@pytest.mark.parametrize("channel", ["radio", "board"])
def test_what_the_device_signed_carries_the_fact(channel):
    verdict = check_proof(GOOD[channel])
    assert verdict.doubts == ()
    assert verdict.rundown_sha256 == "c" * 64


@pytest.mark.parametrize("channel", ["radio", "board"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item_id", "i-2"),
        ("revision", 3),
        ("started_at", START + timedelta(microseconds=1)),
        ("ended_at", START),
        ("seconds", 64.7),
    ],
)
def test_a_fact_that_says_something_else_than_its_proof_is_found_out(channel, field, value):
    assert check_proof(replace(GOOD[channel], **{field: value})).doubts == (field,)


@pytest.mark.parametrize(("channel", "named"), [("radio", "audio_sha256"), ("board", "slide_sha256")])
def test_another_file_than_the_one_played_is_found_out(channel, named):
    assert check_proof(with_proof(GOOD[channel], media_sha256="d" * 64)).doubts == (named,)


@pytest.mark.parametrize("channel", ["radio", "board"])
def test_another_entry_is_found_out(channel):
    assert check_proof(with_proof(GOOD[channel], entry_id="e-2")).doubts == ("entry_id",)


def test_another_session_is_found_out():
    assert check_proof(with_proof(GOOD["radio"], session_id="s-2")).doubts == ("session_id",)


def test_an_attempt_that_was_cut_carries_no_airing():
    cut = signed("radio", AIRED.model_copy(update={"outcome": "cut"}))
    assert check_proof(replace(GOOD["radio"], proof=cut)).doubts == ("outcome",)


def test_a_changed_text_breaks_the_signature():
    text = GOOD["radio"].proof.p.replace('"seconds":64.6', '"seconds":99.9')
    assert check_proof(replace(with_proof(GOOD["radio"], p=text), seconds=99.9)).doubts == ("signature",)


def test_the_word_of_another_device_is_refused():
    assert check_proof(replace(GOOD["radio"], proof=signed("radio", AIRED, OTHER_SEED))).doubts == ("signature",)


@pytest.mark.parametrize("channel", ["radio", "board"])
def test_a_bare_word_carries_the_fact_and_is_not_taken_for_a_signed_one(channel):
    bare = with_proof(GOOD[channel], kid="", sig="", device_public_key="")
    assert check_proof(bare).doubts == ()
    assert not bare.proof.signed
    assert check_proof(replace(bare, seconds=99.9)).doubts == ("seconds",)
    assert check_proof(with_proof(GOOD[channel], sig="")).doubts == ("signature",)


def test_a_key_that_is_not_this_devices_is_found_out():
    forged = replace(GOOD["radio"], proof=signed("radio", AIRED, OTHER_SEED, public_of(OTHER_SEED)))
    assert check_proof(forged).doubts == ("device_public_key",)


@pytest.mark.parametrize("text", ["no json", "{}", DISPLAYED.model_dump_json()])
def test_a_signed_text_that_is_no_proof_of_airing_carries_nothing(text):
    assert check_proof(replace(GOOD["radio"], proof=signed("radio", text))).doubts == ("text",)


POST = PostConfirmed(
    post_id="web-i-1-2",
    ver=3,
    channel="web",
    item_id="i-1",
    revision=2,
    title="Bản tin",
    priority="normal",
    unit_id="u-1",
    tasks=("08",),
    topic="skills",
    language="vi",
    url="https://lantoa.example.vn/tin/i-1",
    approval_sha256="a" * 64,
    page_sha256="b" * 64,
    published_at=START,
    confirmed_at=START + timedelta(seconds=2),
)


def test_a_post_with_its_address_and_hashes_is_proven():
    assert check_proof(fact_of(POST)).doubts == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "https://lantoa.example.vn/tin/i-2"),
        ("url", "javascript:alert(1)//i-1"),
        ("approval_sha256", "a" * 63),
        ("page_sha256", "B" * 64),
        ("confirmed_at", START - timedelta(seconds=1)),
    ],
)
def test_a_post_whose_proof_has_another_shape_is_found_out(field, value):
    assert check_proof(with_proof(fact_of(POST), **{field: value})).doubts == (field,)


@pytest.mark.parametrize("zone", [UTC, ZONE])
def test_an_attempts_receipt_is_computed_again_whatever_the_zone_of_its_times(zone):
    told = AttemptAccepted(
        attempt_id="t-1",
        ver=1,
        contest_id="q-1",
        title="Tìm hiểu",
        contest_unit_id="u-p",
        unit_id="u-1",
        tasks=("10",),
        topic="security",
        entrant="c" * 64,
        score=2,
        max_score=3,
        started_at=START.astimezone(zone),
        submitted_at=(START + timedelta(minutes=2)).astimezone(zone),
        rules_sha256="d" * 64,
        answer_key_sha256="e" * 64,
        receipt="0" * 64,
    )
    sealed = told.model_copy(update={"receipt": attempt_receipt(told.model_dump(mode="json"))})
    attempt = fact_of(AttemptAccepted.model_validate_json(sealed.model_dump_json()))
    assert check_proof(attempt).doubts == ()
    assert check_proof(fact_of(told)).doubts == ("receipt",)
    assert check_proof(fact_of(sealed.model_copy(update={"score": 3}))).doubts == ("receipt",)
    assert check_proof(replace(attempt, unit_id="u-2")).doubts == ("unit_id",)
    assert check_proof(replace(attempt, fact_id="attempt:t-2")).doubts == ("fact_id",)
    assert check_proof(replace(attempt, proof=SealedAttempt({}))).doubts == ("text",)
