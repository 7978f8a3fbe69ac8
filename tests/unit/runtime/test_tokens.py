"""Internal tokens: only the gateway's, only for this service, only now."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from lantoa_contracts.policy import EVERYWHERE, PAGE_READ, SYSTEM, Permission
from lantoa_runtime.errors import AppError, Forbidden
from lantoa_runtime.http.auth import LIFETIME_SECONDS, Caller, Grant, TokenSigner, TokenVerifier

NOW = 1_800_000_000.0
WRITE = Permission("x.y.write", frozenset({"author", "admin"}))
APPROVE = Permission("x.y.approve", frozenset({"approver", "admin"}))
CALLER = Caller("p-lan", "Lan Nguyễn", (Grant("author", "u-1"), Grant("reporter", "u-p")))
KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
PUBLIC = json.dumps(KeySet([KEY]).as_dict(private=False))


@pytest.fixture
def clock(monkeypatch):
    """The wall clock that tokens are measured by."""
    moment = {"now": NOW}
    monkeypatch.setattr("time.time", lambda: moment["now"])
    return moment


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    """What the gateway publishes."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    file.write_text(PUBLIC)
    return file


@pytest.fixture
def verifier(keys_file, clock):
    return TokenVerifier(keys_file, "content")


def token(now=NOW):
    return TokenSigner(KEY).sign(CALLER, "content", now)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**over):
    return {
        "iss": "lantoa-gateway",
        "aud": "content",
        "sub": "p-evil",
        "name": "x",
        "grants": [["admin", "u-p"]],
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        **over,
    }


def refused(verifier, text):
    with pytest.raises(AppError) as error:
        verifier.verify(text)
    assert (error.value.code, error.value.http_status) == ("sign-in-required", 401)


def test_the_gateways_token_names_the_caller_and_when_they_signed_in(verifier):
    assert verifier.verify(token()) == CALLER
    fresh = replace(CALLER, signed_in_at=int(NOW) - 30)
    assert verifier.verify(TokenSigner(KEY).sign(fresh, "content", NOW)).signed_in_at == int(NOW) - 30


def test_a_token_dies_after_its_lifetime_even_where_it_is_remembered(verifier, clock):
    text = token()
    clock["now"] = NOW + LIFETIME_SECONDS - 1
    assert verifier.verify(text) == CALLER
    clock["now"] = NOW + LIFETIME_SECONDS + 1
    refused(verifier, text)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_refused(verifier, algorithm):
    for kid in ({}, {"kid": KEY.thumbprint()}):
        refused(verifier, f"{part({'alg': algorithm, **kid})}.{part(claims())}.")


def test_the_public_key_used_as_a_shared_secret_is_refused(verifier):
    """The classic confusion: HS256 with the published key as the HMAC secret."""
    raw = base64.urlsafe_b64decode(KEY.as_dict(private=False)["x"] + "=")
    for secret in (PUBLIC.encode(), json.dumps(KEY.as_dict(private=False)).encode(), raw):
        signed = f"{part({'alg': 'HS256', 'kid': KEY.thumbprint()})}.{part(claims())}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        refused(verifier, f"{signed}.{part(mac)}")


@pytest.mark.parametrize("missing", ["iss", "aud", "exp"])
def test_a_signed_token_without_a_needed_claim_is_refused(verifier, missing):
    wanting = claims()
    del wanting[missing]
    refused(verifier, jwt.encode({"alg": "Ed25519", "kid": KEY.thumbprint()}, wanting, KEY, algorithms=["Ed25519"]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.text(max_size=80)
    | st.lists(st.text(max_size=20), min_size=3, max_size=3).map(".".join)
    | st.builds(lambda header, body: f"{part(header)}.{part(body)}.{part(b'x' * 64)}", _JSON, _JSON)
)
def test_whatever_a_stranger_sends_is_refused_and_never_a_server_error(keys_file, text):
    refused(TokenVerifier(keys_file, "content"), text)


@given(st.data())
def test_no_change_to_a_token_keeps_it_valid(keys_file, data):
    """All but the last letter, whose spare bits mean nothing."""
    good = token(now=time.time())
    place = data.draw(st.integers(0, len(good) - 2))
    changed = good[:place] + data.draw(st.sampled_from("ABab01-_.")) + good[place + 1 :]
    if changed != good:
        refused(TokenVerifier(keys_file, "content"), changed)


def test_a_role_holds_for_its_unit_and_everything_below():
    author = Caller("p", "n", (Grant("author", "u-1"), Grant("reporter", "u-2"), Grant("author", "u-0")))
    assert author.may(WRITE, ("u-p", "u-1", "u-1-2"))
    assert not author.may(WRITE, ("u-p", "u-2"))
    assert not author.may(APPROVE, ("u-p", "u-1"))
    assert (author.holds(WRITE), author.holds(APPROVE)) == (True, False)
    assert author.units(WRITE) == ("u-0", "u-1")
    author.require(WRITE, (unit for unit in ("u-p", "u-1")))
    with pytest.raises(Forbidden):
        author.require(APPROVE, ["u-1"])


def test_a_stranger_may_nothing():
    stranger = Caller("anonymous", "")
    assert not stranger.signed_in
    assert not stranger.holds(WRITE)
    assert stranger.holds(PAGE_READ)
    assert stranger.units(WRITE) == ()
    with pytest.raises(Forbidden):
        stranger.require(WRITE, ())


def test_what_is_for_citizens_or_for_the_platform_is_held_by_nobody_else():
    admin = Caller("p", "n", (Grant("admin", "u-p"),))
    citizen = Caller("c", "09", citizen=True)
    gateway = Caller("gateway", "gateway", (Grant(SYSTEM, EVERYWHERE),))
    for_citizens, of_platform = Permission("x.y.z", who="citizen"), Permission("x.y.w", who="system")
    assert [one.holds(for_citizens) for one in (admin, citizen, gateway)] == [False, True, False]
    assert [one.holds(of_platform) for one in (admin, citizen, gateway)] == [False, False, True]


def test_a_token_for_programs_does_only_what_it_names_and_survives_the_way_to_the_service(verifier):
    limited = replace(CALLER, only=frozenset({WRITE.name}))
    carried = verifier.verify(TokenSigner(KEY).sign(limited, "content", NOW))
    assert carried == limited
    read = Permission("x.y.read", frozenset({"author"}))
    assert CALLER.may(read, ("u-p", "u-1"))
    assert (carried.may(WRITE, ("u-p", "u-1")), carried.may(read, ("u-p", "u-1"))) == (True, False)
    assert (carried.holds(WRITE), carried.holds(read), carried.units(read)) == (True, False, ())
    assert carried.holds(PAGE_READ), "whoever shows a token may still do what strangers may"
