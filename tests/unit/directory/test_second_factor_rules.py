import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.policy import PERMISSIONS, ROLES, SYSTEM
from lantoa_directory.domain.factors import (
    base32,
    challenge_of,
    fitting_step,
    plain_recovery,
    recovery_code,
    step_of,
    totp,
    totp_uri,
)
from lantoa_directory.domain.signin import LONGEST_FACTOR_WAIT_SECONDS, is_secured, is_weak, wait_until
from lantoa_directory.domain.tokens import grantable, is_challenge, verifier_fits

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds, code):
    moment = datetime.fromtimestamp(seconds, UTC)
    assert totp(SECRET, step_of(moment)) == code
    assert fitting_step(SECRET, code, moment, 0) == step_of(moment)


@given(st.integers(-3, 3))
def test_a_code_holds_one_step_before_and_after_and_no_further(shift):
    code = totp(SECRET, step_of(NOW) + shift)
    found = fitting_step(SECRET, code, NOW, 0)
    assert (found is not None) == (abs(shift) <= 1)


def test_a_step_that_was_used_and_those_before_it_are_used_up():
    step = step_of(NOW)
    assert fitting_step(SECRET, totp(SECRET, step), NOW, step) is None
    assert fitting_step(SECRET, totp(SECRET, step - 1), NOW, step) is None
    assert fitting_step(SECRET, totp(SECRET, step + 1), NOW, step) == step + 1


def test_the_picture_says_secret_issuer_and_login():
    parts = urlsplit(totp_uri(SECRET, "hùng"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [base32(SECRET)], "issuer": ["Lan Tỏa"]}
    assert base64.b32decode(base32(SECRET)) == SECRET


@given(st.binary(min_size=10, max_size=10))
def test_a_recovery_code_is_the_same_however_it_is_typed(random):
    code = recovery_code(random)
    assert plain_recovery(f" {code.upper().replace('-', ' ')} ") == plain_recovery(code)
    assert len(plain_recovery(code)) == 10


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.text()))))
def test_whatever_is_no_answer_of_a_key_has_no_challenge(credential):
    assert challenge_of({**credential, "response": {"clientDataJSON": "e30"}}) is None
    challenge_of(credential)


def test_who_makes_loudspeakers_speak_needs_a_second_factor():
    assert {role for role in ROLES if is_secured([role])} == {"approver", "technician", "admin"}


def test_a_code_s_wait_grows_to_a_quarter_of_an_hour():
    waits = [wait_until(NOW, failures, LONGEST_FACTOR_WAIT_SECONDS) for failures in range(1, 30)]
    assert waits[:6] == [None] * 4 + [NOW + timedelta(seconds=seconds) for seconds in (1, 2)]
    assert waits[4:] == sorted(waits[4:])
    assert waits[-1] == NOW + timedelta(seconds=LONGEST_FACTOR_WAIT_SECONDS)


@pytest.mark.parametrize("password", ["ngắn", "aaaaaaaaaaaa", "Phuoc.2026!", "phước ơi là phước"])
def test_passwords_that_are_guessed_early_are_weak(password):
    assert is_weak(password, "phuoc")


def test_a_short_sentence_is_a_good_password():
    assert not is_weak("loa ấp ba kêu to", "phuoc")


def test_the_verifier_of_rfc_7636_appendix_b_fits_its_challenge_and_no_other_does():
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert is_challenge(challenge)
    assert verifier_fits(verifier, challenge)
    assert not verifier_fits(verifier[:-1] + "l", challenge)
    assert not verifier_fits(challenge, challenge)  # What method "plain" would take.
    assert not verifier_fits("short", challenge)


def test_a_program_gets_nothing_of_the_platform_of_sign_in_or_of_who_is_who():
    everything = grantable(ROLES)
    assert "content.item.write" in everything
    assert "fleet.device.read" in everything
    for name in everything:
        permission = PERMISSIONS[name]
        assert permission.who == "role"
        assert name.endswith(".read") or not (name.startswith("directory.") or SYSTEM in permission.roles), name
    for name in ("alert.notice.issue", "content.item.approve", "platform.state.replay", "directory.session.keep"):
        assert name not in everything
    assert grantable([]) == ()
    assert "fleet.device.command" not in grantable(["author"])
