"""A proof is checked against the fact that stands on it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_reporting.domain import Fact, Signed
from lantoa_reporting.usecases.evidence import check_proof
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


def signed(proof: AiredProof | DisplayedProof | str, seed: str = SEED) -> Signed:
    document = sign_with_seed(seed, proof if isinstance(proof, str) else proof.model_dump_json())
    return Signed(document.kid, document.p, document.sig)


def fact(channel: str, proof: Signed) -> Fact:
    radio = channel == "radio"
    return Fact(
        fact_id=f"{'airing' if radio else 'display'}:{DEVICE}:e-1",
        channel=channel,
        unit_id="u-1",
        device_id=DEVICE,
        session_id="s-1" if radio else None,
        entry_id="e-1",
        item_id="i-1",
        revision=2,
        title="Bản tin",
        tasks=("08",),
        topic="skills",
        media_sha256=("a" if radio else "b") * 64,
        started_at=START,
        ended_at=START + timedelta(seconds=64.6),
        seconds=64.6,
        device_public_key=PUBLIC,
        proof=proof,
    )


GOOD = {"radio": fact("radio", signed(AIRED)), "board": fact("board", signed(DISPLAYED))}


@pytest.mark.parametrize("channel", ["radio", "board"])
def test_what_the_device_signed_carries_the_fact(channel):
    verdict = check_proof(GOOD[channel])
    assert verdict.doubts == ()
    assert verdict.rundown_sha256 == "c" * 64


@pytest.mark.parametrize("channel", ["radio", "board"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entry_id", "e-2"),
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
    assert check_proof(replace(GOOD[channel], media_sha256="d" * 64)).doubts == (named,)


def test_another_session_is_found_out():
    assert check_proof(replace(GOOD["radio"], session_id="s-2")).doubts == ("session_id",)


def test_an_attempt_that_was_cut_carries_no_airing():
    cut = signed(AIRED.model_copy(update={"outcome": "cut"}))
    assert check_proof(replace(GOOD["radio"], proof=cut)).doubts == ("outcome",)


def test_a_changed_text_breaks_the_signature():
    proof = GOOD["radio"].proof
    changed = replace(proof, p=proof.p.replace('"seconds":64.6', '"seconds":99.9'))
    assert check_proof(replace(GOOD["radio"], proof=changed, seconds=99.9)).doubts == ("signature",)


def test_the_word_of_another_device_is_refused():
    assert check_proof(replace(GOOD["radio"], proof=signed(AIRED, OTHER_SEED))).doubts == ("signature",)


def test_a_key_that_is_not_this_devices_is_found_out():
    forged = replace(GOOD["radio"], proof=signed(AIRED, OTHER_SEED), device_public_key=public_of(OTHER_SEED))
    assert check_proof(forged).doubts == ("device_public_key",)


@pytest.mark.parametrize("text", ["no json", "{}", DISPLAYED.model_dump_json()])
def test_a_signed_text_that_is_no_proof_of_airing_carries_nothing(text):
    assert check_proof(replace(GOOD["radio"], proof=signed(text))).doubts == ("text",)
