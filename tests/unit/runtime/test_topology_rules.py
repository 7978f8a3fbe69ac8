"""What the topology refuses and generates, without a server."""

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.streams import HEARD, NEVER_CAPTURED, STREAMS, StreamSpec
from lantoa_runtime.topology.apply import Difference, TopologyRefused, check, overlaps
from lantoa_runtime.topology.conf import NatsPlan, PlainRefused, nats_conf, service_rights
from lantoa_runtime.topology.keys import USERS, ensure_keys

LETTERS = "ab"
LONGEST = 4
SUBJECTS = [
    ".".join(tokens) for length in range(1, LONGEST + 1) for tokens in itertools.product(LETTERS, repeat=length)
]
PATTERNS = st.builds(
    lambda tokens, tail: ".".join([*tokens, ">"] if tail and len(tokens) < LONGEST else tokens),
    st.lists(st.sampled_from([*LETTERS, "*"]), min_size=1, max_size=LONGEST),
    st.booleans(),
)


def matches(pattern: str, subject: str) -> bool:
    """NATS matching by a regular expression: another way than the one under test."""
    parts = [{"*": "[^.]+", ">": ".+"}.get(token, token) for token in pattern.split(".")]
    return re.fullmatch(r"\.".join(parts), subject) is not None


@given(PATTERNS, PATTERNS)
def test_two_patterns_overlap_exactly_when_one_subject_fits_both(one, other):
    assert overlaps(one, other) == any(matches(one, subject) and matches(other, subject) for subject in SUBJECTS)
    assert overlaps(one, other) == overlaps(other, one)


def test_the_streams_of_the_contracts_are_allowed():
    check(STREAMS)


@pytest.mark.parametrize("subject", ["dev.dn.>", "dev.>", "dev.dn.x.desired", "dev.up.*.hb", "dev.up.>", "*.bc.>", ">"])
def test_a_stream_that_captures_what_devices_hear_is_refused(subject):
    with pytest.raises(TopologyRefused, match="must not capture"):
        check([StreamSpec("BAD", (subject,), max_bytes=1)])


def test_streams_that_share_a_subject_are_refused():
    with pytest.raises(TopologyRefused, match="EVT and MORE overlap"):
        check([*STREAMS, StreamSpec("MORE", ("evt.fleet.*.*.v1",), max_bytes=1)])


def test_streams_that_reserve_more_than_the_store_has_are_refused():
    with pytest.raises(TopologyRefused, match="reserve"):
        check(STREAMS, store_bytes=sum(spec.max_bytes for spec in STREAMS) - 1)


def test_no_stream_of_devices_allows_headers_that_act():
    for spec in STREAMS:
        if any(subject.startswith("dev.up.") for subject in spec.subjects):
            assert not spec.rollup
    assert all(not replace(spec, name="x").rollup for spec in STREAMS if spec.name in ("ACK", "REPORTED"))


def test_a_difference_reads_as_a_sentence():
    assert str(Difference("stream EVT", "max_age", 5, 6)) == "stream EVT: max_age is 6, wanted 5"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_right_to_manage_streams_or_to_speak_as_another(service):
    publish, subscribe = service_rights(service)
    for subject in ("$JS.API.STREAM.DELETE.EVT", "$JS.API.STREAM.PURGE.EVT", "$JS.API.CONSUMER.CREATE.EVT.x"):
        assert not any(overlaps(allowed, subject) for allowed in publish)
    for other in set(SERVICES) - {service}:
        assert not any(overlaps(allowed, f"evt.{other}.>") for allowed in publish)
        assert not any(overlaps(allowed, f"dlq.{other}.>") for allowed in publish)
        assert not any(overlaps(allowed, f"_INBOX_{other}.>") for allowed in subscribe)
        assert not any(overlaps(allowed, f"evt.{other}.>") for allowed in subscribe)
    assert not any(overlaps(allowed, subject) for allowed in subscribe for subject in ("dlq.>", "$JS.>", "$KV.>"))


def test_the_gateway_hears_and_reads_and_says_nothing_and_nobody_speaks_in_the_stream_s_place():
    assert service_rights("gateway") == (["$JS.API.DIRECT.GET.EVT"], ["_INBOX_gateway.>", f"{HEARD}.>"])
    for service in SERVICES:
        publish, subscribe = service_rights(service)
        assert not any(overlaps(allowed, f"{HEARD}.>") for allowed in publish)
        assert service == "gateway" or not any(overlaps(allowed, f"{HEARD}.>") for allowed in subscribe)


def test_only_fleet_and_alert_may_speak_to_devices_and_neither_in_the_other_s_words():
    speaking = {}
    for service in SERVICES:
        publish, _ = service_rights(service)
        speaking[service] = {
            allowed for allowed in publish for said in (*NEVER_CAPTURED, "$KV.>") if overlaps(allowed, said)
        }
    assert speaking.pop("fleet") == {"$KV.desired.*", "dev.dn.*.desired", "dev.dn.*.cmd"}
    assert speaking.pop("alert") == {"$KV.alert.>", "$KV.alert_book.>", "dev.bc.>", "dev.dn.*.alert"}
    assert set().union(*speaking.values()) == set()


def test_keys_are_made_once_private_and_kept(tmp_path):
    folder = tmp_path / "keys"
    ring = ensure_keys(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert ensure_keys(folder) == ring
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len({ring.public(user) for user in USERS}) == len(USERS)
    assert b'"d"' not in ring.internal_keys_file.read_bytes()


def test_a_missing_key_is_made_and_the_others_stay(tmp_path):
    ring = ensure_keys(tmp_path)
    fleet = ring.public("fleet")
    ring.seed_file("content").unlink()
    ensure_keys(tmp_path)
    assert ring.public("fleet") == fleet
    assert ring.public("content").startswith("U")


def test_the_configuration_names_every_user_once_and_no_secret(tmp_path):
    ring = ensure_keys(tmp_path)
    text = nats_conf(ring, NatsPlan(store=tmp_path / "js", port=4222))
    for user in USERS:
        assert text.count(f"nkey: {ring.public(user)}") == 1
        assert ring.seed_file(user).read_text() not in text
    assert "mqtt" not in text
    assert "mqtt" in nats_conf(ring, NatsPlan(store=tmp_path / "js", port=4222, mqtt_port=1883))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "nats.lantoa.vn"])  # noqa: S104 - to be refused
def test_a_listener_that_others_reach_needs_a_certificate(tmp_path, host):
    with pytest.raises(PlainRefused, match="needs a certificate"):
        NatsPlan(store=tmp_path, port=4222, host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_may_be_plain(tmp_path, host):
    assert "tls" not in nats_conf(ensure_keys(tmp_path), NatsPlan(store=tmp_path / "js", port=4222, host=host))
