"""CAP messages and certificates for the tests, signed as the world signs them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

TEXT = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier>
  <sender>{sender}</sender>
  <sent>{sent}</sent>
  <status>{status}</status>
  <msgType>{msg_type}</msgType>
  <scope>{scope}</scope>
  {references}
  {infos}
</alert>"""

INFO = """<info>
    <language>{language}</language>
    <category>Met</category>
    <event>{event}</event>
    <urgency>Immediate</urgency>
    <severity>{severity}</severity>
    <certainty>Likely</certainty>
    {times}
    <headline>{headline}</headline>
    <description>{description}</description>
    <instruction>{instruction}</instruction>
    {areas}
  </info>"""

NAMED = "<area><areaDesc>Xã Cầu Kè</areaDesc></area>"


def info(**given: str) -> str:
    """One info block."""
    values = {
        "language": "vi",
        "event": "Triều cường",
        "severity": "Severe",
        "times": "<expires>2026-11-24T22:00:00+07:00</expires>",
        "headline": "Triều cường vượt báo động 3",
        "description": "Nước lên nhanh từ 20 giờ.",
        "instruction": "Đưa người già, trẻ em lên chỗ cao.",
        "areas": NAMED,
    }
    return INFO.format(**{**values, **given})


def message(infos: str | None = None, **given: str) -> bytes:
    """One message, unsigned."""
    values = {
        "identifier": "vn-1",
        "sender": "canhbao@kttv.example",
        "sent": "2026-11-24T15:55:00+07:00",
        "status": "Actual",
        "msg_type": "Alert",
        "scope": "Public",
        "references": "",
    }
    merged = {**values, **given, "infos": info() if infos is None else infos}
    if merged["references"]:
        merged["references"] = f"<references>{merged['references']}</references>"
    return TEXT.format(**merged).encode()


def key_pair(kind: str = "ec") -> tuple[Any, x509.Certificate]:
    """A private key and its self-signed certificate, valid in 2026; always the same ones."""
    return _made(kind)


@cache
def _made(kind: str) -> tuple[Any, x509.Certificate]:
    key: Any = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kttv.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def signed(
    xml: bytes, kind: str = "ec", c14n: CanonicalizationMethod = CanonicalizationMethod.CANONICAL_XML_1_1
) -> bytes:
    """The message with its enveloped signature as the last child."""
    key, certificate = key_pair(kind)
    signer = XMLSigner(
        signature_algorithm="ecdsa-sha256" if kind == "ec" else "rsa-sha256",
        digest_algorithm="sha256",
        c14n_algorithm=c14n,
    )
    root = signer.sign(etree.fromstring(xml), key=key, cert=[certificate])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
