"""The callout's decision and its JWTs without any server."""

import hashlib
import secrets
from typing import Any

import nkeys
import pytest

from lantoa_fleet.callout.decision import Entry, Login, LoginRefused, decide
from lantoa_fleet.callout.wire import Issuer, Sealer, Unreadable, read_jwt
from lantoa_fleet.domain.rights import rights_of
from lantoa_signing import nkey
from lantoa_signing.documents import b64

SEED = nkey.new_seed(bytes(range(32)))
PUBLIC = nkey.public_of(SEED)
ENTRY = Entry("d-1", PUBLIC, True, ("u-1",), hashlib.sha256(b"token").hexdigest())


class _Entries:
    def __init__(self, *entries: Entry) -> None:
        self._entries = entries

    def by_id(self, device_id: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.device_id == device_id), None)

    def by_key(self, public_key: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.public_key == public_key), None)


def _nkey(nonce: str = "n-1", kind: str = "nats", sig: str | None = None, seed: str = SEED) -> dict[str, Any]:
    signature = b64(bytes(nkeys.from_seed(seed.encode()).sign(nonce.encode())))
    return {
        "connect_opts": {"nkey": PUBLIC, "sig": sig or signature},
        "client_info": {"type": kind, "nonce": "n-1"},
    }


def _mqtt(**changes: Any) -> dict[str, Any]:
    options = {"user": "d-1", "pass": "token"} | {name: changes[name] for name in changes if name != "mqtt_id"}
    return {"connect_opts": options, "client_info": {"type": "mqtt", "mqtt_id": changes.get("mqtt_id", "d-1")}}


@pytest.mark.parametrize("kind", ["nats", "websocket"])
def test_whoever_signs_the_nonce_with_a_known_key_may_come_in(kind: str) -> None:
    assert decide(_nkey(kind=kind), _Entries(ENTRY)) == Login(ENTRY, mqtt=False)


def test_the_signature_may_be_written_in_either_alphabet() -> None:
    for number in range(20):
        nonce = f"nonce-{number}"
        raw = bytes(nkeys.from_seed(SEED.encode()).sign(nonce.encode()))
        standard = b64(raw).replace("-", "+").replace("_", "/") + "=="
        request = {
            "connect_opts": {"nkey": PUBLIC, "sig": standard},
            "client_info": {"type": "nats", "nonce": nonce},
        }
        assert decide(request, _Entries(ENTRY)).entry is ENTRY


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (_nkey(nonce="another"), "wrong signature"),
        (_nkey(sig="AAAA"), "wrong signature"),
        (_nkey(sig="not base64!"), "wrong signature"),
        (_nkey(seed=nkey.new_seed(secrets.token_bytes(32))), "wrong signature"),
        ({"connect_opts": {"nkey": PUBLIC, "sig": b64(bytes(64))}, "client_info": {"type": "nats"}}, "wrong signature"),
        ({"connect_opts": {}, "client_info": {"type": "nats"}}, "unknown key"),
        ({}, "unknown key"),
        (_nkey(kind="mqtt"), "wrong name or token"),
        ({"connect_opts": {"user": "d-1", "pass": "token"}, "client_info": {"type": "nats"}}, "unknown key"),
        (_mqtt(**{"pass": "guess"}), "wrong name or token"),
        (_mqtt(user="d-2"), "wrong name or token"),
        (_mqtt(mqtt_id="d-2"), "client id is not the device id"),
    ],
)
def test_everybody_else_stays_out(request_: dict[str, Any], reason: str) -> None:
    with pytest.raises(LoginRefused, match=reason):
        decide(request_, _Entries(ENTRY))


def test_a_revoked_device_stays_out_by_key_and_by_token() -> None:
    revoked = _Entries(Entry("d-1", PUBLIC, False, ("u-1",), ENTRY.token_sha256))
    for request in (_nkey(), _mqtt()):
        with pytest.raises(LoginRefused, match="revoked"):
            decide(request, revoked)


def test_a_device_without_a_token_has_no_password_that_fits() -> None:
    for password in ("", "token"):
        with pytest.raises(LoginRefused):
            decide(_mqtt(**{"pass": password}), _Entries(Entry("d-1", PUBLIC, True, ("u-1",))))


def test_an_issued_user_is_bound_to_account_rights_and_a_day() -> None:
    issuer = Issuer(nkey.new_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_ACCOUNT))
    rights = rights_of("d-1", ("u-1",), mqtt=False)
    claims = read_jwt(issuer.user(PUBLIC, "d-1", rights, now=1000).encode())
    assert (claims["aud"], claims["name"], claims["sub"], claims["exp"]) == ("DEVICES", "d-1", PUBLIC, 1000 + 86_400)
    nats = claims["nats"]
    assert nats["pub"]["allow"] == list(rights.publish)
    assert (nats["subs"], nats["payload"]) == (64, 65_536)
    assert claims["iss"] == issuer.public


def test_a_changed_jwt_and_one_of_another_issuer_are_not_read() -> None:
    issuer = Issuer(nkey.new_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_ACCOUNT))
    head, claims, signature = issuer.user(PUBLIC, "d-1", rights_of("d-1", (), mqtt=True), now=1).split(".")
    for text in (f"{head}.{claims}A.{signature}", f"{head}.{claims}", "", f"{head}.{claims}.{b64(bytes(64))}"):
        with pytest.raises(Unreadable):
            read_jwt(text.encode())


def test_what_is_sealed_for_one_callout_is_opened_by_no_other() -> None:
    mine, other, server = (secrets.token_bytes(32) for _ in range(3))
    to_me, from_server = nkey.curve_public(mine), nkey.curve_public(server)
    sealed = Sealer(server).seal(b"hello", to_me)
    assert Sealer(mine).open(sealed, from_server) == b"hello"
    for private, sender in ((other, from_server), (mine, to_me)):
        with pytest.raises(Unreadable):
            Sealer(private).open(sealed, sender)
