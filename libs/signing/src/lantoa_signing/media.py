"""Short-lived signed addresses of stored files: fleet signs, the gateway checks."""

from urllib.parse import parse_qs, urlencode, urlsplit

from lantoa_signing.documents import KeySet, SignatureRefused, SigningKey, b64, unb64, verify_bytes

PREFIX = "/media/"


def _text(sha256: str, audience: str, expires: int) -> bytes:
    return f"media\n{sha256}\n{audience}\n{expires}".encode()


def signed_path(key: SigningKey, sha256: str, audience: str, expires: int) -> str:
    """``/media/<sha256>?...`` that opens the file for whoever holds it until ``expires`` (Unix seconds)."""
    signature = b64(key.sign_bytes(_text(sha256, audience, expires)))
    return f"{PREFIX}{sha256}?" + urlencode({"a": audience, "e": expires, "k": key.kid, "s": signature})


def check_path(keys: KeySet, path: str, now: float) -> str:
    """The sha256 that a signed path opens.

    Raises:
        SignatureRefused: forged, for another file, or expired.
    """
    parts = urlsplit(path)
    sha256 = parts.path.removeprefix(PREFIX)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    try:
        audience, expires, kid, signature = query["a"], int(query["e"]), query["k"], query["s"]
    except (KeyError, ValueError) as error:
        raise SignatureRefused("incomplete address") from error
    verify_bytes(keys.public(kid), _text(sha256, audience, expires), unb64(signature))
    if now > expires:
        raise SignatureRefused("address expired")
    return sha256
