"""Signed tokens as an attacker makes them, and what would believe each."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import JWKRegistry, Key, KeySet, OctKey, OKPKey

from lantoa_runtime.http.auth import ALGORITHM, signed_claims


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a token says, believed."""
    head, body, _ = token.split(".")
    read = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body)]
    return read[0], read[1]


def public_text(key: Key) -> str:
    """A key as everybody may know it."""
    return json.dumps(key.as_dict(private=False), sort_keys=True)


def unsigned(token: str) -> str:
    """The same claims, by ``none``."""
    return f"{_part({'alg': 'none'})}.{token.split('.')[1]}."


def by_its_own_algorithm(token: str, keys: KeySet, algorithms: Sequence[str]) -> dict[str, Any]:
    """As libraries once did: the token says how it is to be checked."""
    head, body = parts(token)
    if head["alg"] == "none":
        return body
    if head["alg"] == "HS256":
        shared = OctKey.import_key(public_text(keys.get_by_kid(head["kid"])))
        return jwt.decode(token, shared, algorithms=["HS256"]).claims
    return signed_claims(token, keys, algorithms)


def by_its_own_key(token: str, keys: KeySet, algorithms: Sequence[str]) -> dict[str, Any]:
    """A key that the token brings along is believed."""
    head, _ = parts(token)
    if "jwk" in head:
        return jwt.decode(token, JWKRegistry.import_key(head["jwk"]), algorithms=algorithms).claims
    return signed_claims(token, keys, algorithms)


def by_its_word(token: str, *_: Any) -> dict[str, Any]:
    """The signature is not looked at."""
    return parts(token)[1]


def signed(token: str, key: Key, **header: Any) -> str:
    """The same claims, signed anew."""
    head = {"alg": ALGORITHM, **header}
    return jwt.encode(head, parts(token)[1], key, algorithms=[head["alg"]])


def stranger() -> OKPKey:
    """A pair that nobody knows."""
    return OKPKey.generate_key("Ed25519", auto_kid=True)
