"""The enveloped XML signature of a CAP message (CAP-v1.2, 3.3.4; XML Signature 1.1), by pinned certificates.

One shape is taken: a single ``Signature``, child of the ``alert`` that it signs whole (``URI=""``, enveloped, at most
one canonicalization), RSA or ECDSA with SHA-2. So nothing can be wrapped: what is signed is the alert or it is refused.
signxml decides; what is acted on is the text that it gives back. Base64 must be canonical (RFC 4648, 3.5).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from lantoa_alert.domain.cap import CapRefused
from lantoa_alert.domain.cap_reading import DSIG, parsed, safe_parser

_DS = f"{{{DSIG}}}"
_ENVELOPED = f"{DSIG}enveloped-signature"
# Without the variants that sign comments: what is acted on has none. 1.0 and 1.1 differ in `xml:` attributes only,
# which the schema refuses.
_C14N = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": False,
    "http://www.w3.org/2006/12/xml-c14n11": False,
    "http://www.w3.org/2001/10/xml-exc-c14n#": True,
}
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = {
    DigestAlgorithm.SHA256: hashlib.sha256,
    DigestAlgorithm.SHA384: hashlib.sha384,
    DigestAlgorithm.SHA512: hashlib.sha512,
}
_XML_SPACE = " \t\r\n"


def certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """The X.509 certificates in a file: PEM (one or many) or one in DER.

    Raises:
        ValueError: there are none.
    """
    if b"-----BEGIN" in data:
        return tuple(x509.load_pem_x509_certificates(data))
    return (x509.load_der_x509_certificate(data),)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, in hex."""
    return certificate.fingerprint(SHA256()).hex()


def carried(xml: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates that a signed message brings along: for somebody who knows them to pin, not to be trusted.

    Raises:
        CapRefused: ``certificate``: one cannot be read; or the message cannot.
    """
    return _carried(parsed(xml))


def is_signed(root: Any) -> bool:
    """Whether there is a signature anywhere."""
    return next(root.iter(f"{_DS}Signature"), None) is not None


def verified(root: Any, now: datetime, pinned: Sequence[x509.Certificate]) -> bytes:
    """The alert as its sender signed it, canonical and without the signature; nothing else of the document counts.

    Tried as stored, then without the nodes that are nothing but white space: files are indented after signing.

    Raises:
        CapRefused: ``signature``, ``digest`` or ``certificate``.
    """
    signature = _shape(root)
    certificate = _signer(signature, now, pinned)
    value = signature.find(f"{_DS}SignedInfo/{_DS}Reference/{_DS}DigestValue")
    if _base64(value.text) is None:
        raise CapRefused("alert.cap-digest")
    if _base64(signature.findtext(f"{_DS}SignatureValue")) is None:
        raise CapRefused("alert.cap-signature")
    forms = (root, _without_blanks(root))
    for form in forms:
        text = _verified(form, certificate, now)
        if text is not None:
            return text
    raise CapRefused("alert.cap-signature" if any(_digest_fits(form) for form in forms) else "alert.cap-digest")


def _shape(root: Any) -> Any:
    """The signature, when document and signature have the one shape that is taken."""
    found = list(root.iter(f"{_DS}Signature"))
    if len(found) != 1 or found[0].getparent() is not root:
        raise CapRefused("alert.cap-signature")
    signature = found[0]
    info = signature.find(f"{_DS}SignedInfo")
    references = [] if info is None else info.findall(f"{_DS}Reference")
    if len(references) != 1 or references[0].get("URI") != "":
        raise CapRefused("alert.cap-signature")
    transforms = [one.get("Algorithm") for one in references[0].iterfind(f"{_DS}Transforms/{_DS}Transform")]
    method = info.find(f"{_DS}CanonicalizationMethod")
    if (
        transforms[:1] != [_ENVELOPED]
        or len(transforms) > 2
        or any(one not in _C14N for one in transforms[1:])
        or method is None
        or method.get("Algorithm") not in _C14N
        or references[0].find(f"{_DS}DigestValue") is None
    ):
        raise CapRefused("alert.cap-signature")
    return signature


def _signer(signature: Any, now: datetime, pinned: Sequence[x509.Certificate]) -> x509.Certificate:
    """The pinned certificate that the signature names; a signature that names none is tried with the only pin."""
    known = {fingerprint(one): one for one in pinned}
    named = [fingerprint(one) for one in _carried(signature)]
    chosen = [known[one] for one in named if one in known] if named else list(known.values())
    if not chosen or (not named and len(chosen) > 1):
        raise CapRefused("alert.cap-certificate")
    certificate = chosen[0]
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CapRefused("alert.cap-certificate")
    return certificate


def _carried(element: Any) -> tuple[x509.Certificate, ...]:
    found = []
    for node in element.iter(f"{_DS}X509Certificate"):
        der = _base64(node.text)
        if der is None:
            raise CapRefused("alert.cap-certificate")
        try:
            found.append(x509.load_der_x509_certificate(der))
        except ValueError as error:
            raise CapRefused("alert.cap-certificate") from error
    return tuple(found)


def _base64(written: str | None) -> bytes | None:
    """The bytes of a canonical base64 text, white space apart; ``None`` for any other."""
    plain = "".join((written or "").split())
    try:
        data = base64.b64decode(plain.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data and base64.b64encode(data).decode() == plain else None


def _without_blanks(root: Any) -> Any:
    stripped = deepcopy(root)
    for node in stripped.iter():
        if node.text and not node.text.strip(_XML_SPACE) and isinstance(node.tag, str):
            node.text = None
        if node.tail and not node.tail.strip(_XML_SPACE):
            node.tail = None
    return stripped


def _verified(root: Any, certificate: x509.Certificate, now: datetime) -> bytes | None:
    """What the signature covers, when it holds for this form of the document."""
    expected = SignatureConfiguration(
        location="./", signature_methods=_METHODS, digest_algorithms=frozenset(_DIGESTS), verification_time=now
    )
    try:
        result = XMLVerifier().verify(
            etree.tostring(root), x509_cert=certificate, parser=safe_parser(), expect_config=expected
        )
    except Exception:  # noqa: BLE001 - whatever the library stumbles over is not a signature that holds
        return None
    return None if isinstance(result, list) else result.signed_data


def _digest_fits(root: Any) -> bool:
    """Whether the text is what the digest says: tells which of the two is wrong once the signature was refused."""
    copied = deepcopy(root)
    signature = copied.find(f"{_DS}Signature")
    reference = signature.find(f"{_DS}SignedInfo/{_DS}Reference")
    transforms = reference.findall(f"{_DS}Transforms/{_DS}Transform")
    exclusive = len(transforms) > 1 and _C14N[transforms[1].get("Algorithm")]
    method = reference.find(f"{_DS}DigestMethod")
    algorithm = next((one for one in _DIGESTS if method is not None and one.value == method.get("Algorithm")), None)
    if algorithm is None:
        return False
    before = signature.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "")
    copied.remove(signature)
    text = etree.tostring(copied, method="c14n", exclusive=exclusive, with_comments=False)
    digest: bytes = _DIGESTS[algorithm](text).digest()
    return digest == _base64(reference.findtext(f"{_DS}DigestValue"))
