"""What a CAP message is judged to be, and that no bytes at all get another answer than a verdict."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml import CanonicalizationMethod

from lantoa_alert.domain.cap import CapRefused
from lantoa_alert.domain.cap_judgement import VERDICTS, judge
from lantoa_alert.domain.cap_reading import read
from lantoa_alert.domain.cap_signature import carried, certificates

sys.path.insert(0, str(Path(__file__).parent))
from cap_signing import NOW, info, key_pair, message, signed

SAMPLES = Path(__file__).parents[2] / "data" / "cap"
SAMPLE_CLOCK = datetime(2024, 7, 3, tzinfo=UTC)
VALID = (SAMPLES / "valid.xml").read_bytes()
PIN = carried(VALID)
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.xml")), ids=lambda file: file.stem)
def test_each_sample_gets_the_verdict_in_its_name(file):
    assert judge(file.read_bytes(), SAMPLE_CLOCK, PIN).verdict == file.stem


def test_all_six_verdicts_have_a_sample():
    assert {file.stem for file in SAMPLES.glob("*.xml")} == set(VERDICTS)


@pytest.mark.parametrize("moment", [datetime(2024, 6, 20, tzinfo=UTC), datetime(2024, 9, 20, tzinfo=UTC)])
def test_the_certificate_must_be_valid_at_the_moment_that_is_given(moment):
    assert judge(VALID, moment, PIN).verdict == "invalid_certificate"


def test_a_certificate_that_nobody_pinned_is_worth_nothing():
    assert judge(VALID, SAMPLE_CLOCK, ()).verdict == "invalid_certificate"
    assert judge(VALID, SAMPLE_CLOCK, [key_pair()[1]]).verdict == "invalid_certificate"


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize(
    "c14n",
    [
        CanonicalizationMethod.CANONICAL_XML_1_0,
        CanonicalizationMethod.CANONICAL_XML_1_1,
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    ],
    ids=lambda method: method.name,
)
def test_rsa_and_ecdsa_hold_with_every_canonicalization_and_after_indenting(kind, c14n):
    pinned = [key_pair(kind)[1]]
    as_made = signed(message(), kind, c14n)
    assert judge(as_made, NOW, pinned).verdict == "valid"
    flat = etree.fromstring(message(), etree.XMLParser(remove_blank_text=True))
    indented = etree.fromstring(signed(etree.tostring(flat), kind, c14n))
    etree.indent(indented, "    ")
    judged = judge(etree.tostring(indented), NOW, pinned)
    assert judged.verdict == "valid"
    assert judged.alert == read(message())


def test_one_changed_letter_is_seen():
    text = signed(message()).replace("20 giờ".encode(), "21 giờ".encode())
    assert judge(text, NOW, [key_pair()[1]]).verdict == "invalid_digest"


def test_what_is_acted_on_is_what_was_signed_and_not_what_a_comment_makes_of_it():
    text = signed(message()).replace(b"<severity>Severe", b"<severity><!-- x -->Severe")
    judged = judge(text, NOW, [key_pair()[1]])
    assert judged.verdict == "valid"
    assert judged.alert.infos[0].severity == "Severe"


def _wrapped_deeper() -> bytes:
    """The signed alert, hidden in the place for signatures of another alert."""
    outer = etree.fromstring(message(identifier="attacker"))
    holder = etree.SubElement(outer, _DS + "Object")
    holder.append(etree.fromstring(signed(message())))
    return etree.tostring(outer)


def _signature_moved() -> bytes:
    """A good signature over something else, under an alert that it does not sign."""
    signature = etree.fromstring(signed(message())).find(_DS + "Signature")
    outer = etree.fromstring(message(identifier="attacker"))
    outer.append(signature)
    return etree.tostring(outer)


def _by_id() -> bytes:
    """The reference points at an element inside instead of at the whole."""
    return signed(message()).replace(b'URI=""', b'URI="#real"')


def _two_signatures() -> bytes:
    root = etree.fromstring(signed(message()))
    root.append(etree.fromstring(etree.tostring(root.find(_DS + "Signature"))))
    return etree.tostring(root)


def _unsigned_transform() -> bytes:
    enveloped = b"http://www.w3.org/2000/09/xmldsig#enveloped-signature"
    return signed(message()).replace(enveloped, b"http://www.w3.org/TR/1999/REC-xpath-19991116")


def _sha1() -> bytes:
    return signed(message()).replace(b"xmldsig-more#ecdsa-sha256", b"xmldsig-more#ecdsa-sha1")


@pytest.mark.parametrize(
    "attack", [_wrapped_deeper, _signature_moved, _by_id, _two_signatures, _unsigned_transform, _sha1]
)
def test_no_trick_with_signatures_makes_another_alert_valid(attack):
    assert judge(attack(), NOW, [key_pair()[1]]).verdict in ("invalid_signature", "invalid_digest")


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "not-xml"),
        (b"<alert", "not-xml"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "encoding"),
        (b'<?xml version="1.0" encoding="utf-16"?><alert/>', "encoding"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><alert>&e;</alert>', "doctype"),
        (b"<alert>&boom;</alert>", "not-xml"),
        (b"<a>" * 1000 + b"</a>" * 1000, "not-xml"),
        (b"<a>" * 200 + b"</a>" * 200, "not-cap"),
        (b"<alert>" + b" " * 1024 * 1024 + b"</alert>", "too-large"),
        (b'<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"/>', "not-cap"),
        (message().replace(b"cap:1.2", b"cap:1.1"), "not-cap"),
        (b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>', "schema"),
    ],
)
def test_what_is_no_cap_message_is_refused_with_its_reason(xml, reason):
    judged = judge(xml, NOW, ())
    assert (judged.verdict, judged.refusal.reason) == ("invalid_schema", reason)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("<status>Actual</status>", "<status>Real</status>", "alert/status"),
        ("<status>Actual</status>", "", "alert/status"),
        ("+07:00</sent>", "Z</sent>", "alert/sent"),
        ("2026-11-24T15:55:00", "2026-13-24T15:55:00", "alert/sent"),
        ("<scope>", "<severity>Minor</severity><scope>", "alert/severity"),
        ("<event>Triều cường</event>", "<event>a</event><event>b</event>", "alert/info/event"),
        ("<event>Triều cường</event>", "<event><b/></event>", "alert/info/event"),
        ("<info>", '<info lang="vi">', "alert/info/@"),
        ("<info>", "<info>loose", "alert/info"),
        ("<areaDesc>", "<area/><areaDesc>", "alert/info/area/area"),
        ("vn-1", "vn 1", "alert/identifier"),
        ("<language>vi", "<language>tiếng Việt", "alert/info/language"),
    ],
)
def test_the_schema_names_the_place_that_breaks_it(old, new, where):
    text = message().decode()
    assert old in text
    with pytest.raises(CapRefused) as refused:
        read(text.replace(old, new, 1).encode())
    assert refused.value.params == {"where": where}


def test_names_from_outside_do_not_make_reasons_long():
    with pytest.raises(CapRefused) as refused:
        read(message().replace(b"<scope>", b"<" + b"x" * 5000 + b"/><scope>"))
    assert len(refused.value.params["where"]) < 60


def test_several_blocks_are_read_with_their_languages_areas_and_times():
    code = "<geocode><valueName>urn:lantoa:unit</valueName><value>29308</value></geocode>"
    geocode = f"<area><areaDesc>Xã</areaDesc>{code}</area>"
    alert = read(message(info(times="<onset>2026-11-24T20:00:00+07:00</onset>", areas=geocode) + info(language="km")))
    assert [one.language for one in alert.infos] == ["vi", "km"]
    assert alert.infos[0].areas[0].geocodes == (("urn:lantoa:unit", "29308"),)
    assert alert.infos[0].onset == datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert alert.infos[0].expires is None


_PIECES = st.sampled_from([b"<", b"/>", b"&", b"]]>", b"<!--", b"xmlns="])
_SEEDS = [signed(message()), message(), VALID[:2000] + VALID[-6000:]]


@settings(max_examples=150)
@given(st.sampled_from(_SEEDS), st.data())
def test_mutated_bytes_get_a_verdict_and_never_another_error(seed, data):
    mutated = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        piece = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"<", b"/>", b"&", b"]]>", b"<!--", b"xmlns="]))
        )
        mutated[at : at + data.draw(st.integers(0, 12))] = piece
    judged = judge(bytes(mutated), NOW, [key_pair()[1]])
    assert judged.verdict in VERDICTS
    if judged.verdict == "valid":
        assert judged.alert == read(message()), "a change that the signature did not see must not change the meaning"


@given(st.binary(max_size=300))
def test_any_bytes_get_a_verdict(data):
    assert judge(data, NOW, ()).verdict == "invalid_schema"


def test_certificates_are_read_from_pem_and_der_and_nothing_else():
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = key_pair()[1]
    assert certificates(certificate.public_bytes(Encoding.DER)) == (certificate,)
    assert certificates(certificate.public_bytes(Encoding.PEM) * 2) == (certificate, certificate)
    with pytest.raises(ValueError):
        certificates(b"-----BEGIN nothing")


@pytest.mark.parametrize(("name", "status"), [("valid", 0), ("invalid_digest", 1), ("missing", 2)])
def test_the_command_prints_the_verdict_and_tells_it_by_its_status(name, status):
    command = [sys.executable, "-m", "lantoa_cli.main", "alert", "cap", "judge", str(SAMPLES / f"{name}.xml")]
    command += ["--now", "2024-07-03T00:00:00Z", "--pin", str(SAMPLES / "valid.xml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (status, "" if status == 2 else name), done.stderr
