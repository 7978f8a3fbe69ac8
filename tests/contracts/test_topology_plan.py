"""Subjects, durables and streams fit each other, and a dangerous plan is refused."""

import re
from dataclasses import replace

import pytest

from lantoa_contracts.catalogue import CATALOGUE, DEVICE_MESSAGES, EVENTS, FEEDS, SERVICES, EventSpec
from lantoa_contracts.device import Alarm
from lantoa_contracts.streams import NEVER_CAPTURED, STREAMS, StreamSpec, consumers
from lantoa_runtime.topology.apply import TopologyRefused, check, overlaps

EVENT_SUBJECT = re.compile(r"evt\.[a-z]+\.[a-z]+\.[a-z]+\.v[1-9][0-9]*")
DEVICE_SUBJECT = re.compile(r"dev\.up\.\*\.[a-z]+")


@pytest.mark.parametrize("spec", EVENTS, ids=lambda spec: spec.name)
def test_an_event_lies_under_its_owner_and_carries_its_version(spec):
    assert EVENT_SUBJECT.fullmatch(spec.subject)
    assert spec.subject == f"evt.{spec.name}.v{spec.version}"
    assert spec.name.split(".")[0] == spec.owner
    assert spec.owner in SERVICES
    assert spec.stream == "EVT"


@pytest.mark.parametrize("spec", DEVICE_MESSAGES, ids=lambda spec: spec.name)
def test_a_device_message_comes_from_the_devices_own_branch(spec):
    assert DEVICE_SUBJECT.fullmatch(spec.subject)
    assert spec.owner == "device"


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_consumers_are_services_named_once(spec):
    assert set(spec.consumers) <= set(SERVICES)
    assert len(set(spec.consumers)) == len(spec.consumers)


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_a_message_lies_in_the_stream_that_it_names_and_in_no_other(spec):
    catching = [stream.name for stream in STREAMS if any(overlaps(spec.subject, caught) for caught in stream.subjects)]
    assert catching == [spec.stream]


def test_names_types_and_subjects_are_unique():
    for values in ([spec.type for spec in CATALOGUE], [spec.subject for spec in CATALOGUE]):
        assert len(set(values)) == len(values)


def test_durables_are_unique_and_fit_a_consumer_name():
    names = [consumer.durable for consumer in consumers()]
    assert len(set(names)) == len(names) == sum(len(spec.consumers) for spec in (*CATALOGUE, *FEEDS))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)


def test_a_durable_belongs_to_its_service_and_filters_one_subject():
    subjects = {spec.subject for spec in (*CATALOGUE, *FEEDS)}
    for consumer in consumers():
        assert consumer.durable.startswith(f"{consumer.service}-")
        assert consumer.filter_subject in subjects


def test_two_events_of_one_name_in_two_services_have_two_durables():
    one = EventSpec("broadcast.rundown.issued", Alarm, ("fleet",))
    other = EventSpec("signboard.rundown.issued", Alarm, ("fleet",))
    assert one.durable("fleet") != other.durable("fleet")


def test_the_streams_of_the_contracts_are_accepted():
    check(STREAMS)


@pytest.mark.parametrize(
    "subject",
    ["dev.dn.>", "dev.dn.*.desired", "dev.bc.>", "dev.bc.all.alert", "dev.>", ">", "dev.*.*.cmd", "dev.rpc.*.manifest"],
)
def test_a_stream_over_what_devices_hear_is_refused(subject):
    with pytest.raises(TopologyRefused, match="must not capture"):
        check([StreamSpec("BAD", (subject,), max_bytes=1)])


@pytest.mark.parametrize("subject", ["dev.up.>", "dev.up.*.hb", "dev.up.d-1.*"])
def test_a_stream_over_heartbeats_is_refused(subject):
    with pytest.raises(TopologyRefused, match=re.escape("dev.up.*.hb")):
        check([StreamSpec("BAD", (subject,), max_bytes=1)])


def test_a_bad_stream_among_the_good_ones_is_refused():
    with pytest.raises(TopologyRefused, match=r"stream SPY must not capture dev\.bc\.>"):
        check([*STREAMS, StreamSpec("SPY", ("spy.>", "dev.bc.>"), max_bytes=1)])


@pytest.mark.parametrize("subject", ["evt.content.>", "evt.*.item.approved.v1", "dev.up.*.aired", "dlq.reporting.>"])
def test_a_stream_that_overlaps_another_is_refused(subject):
    with pytest.raises(TopologyRefused, match="overlap"):
        check([*STREAMS, StreamSpec("TWIN", (subject,), max_bytes=1)])


def test_reserving_more_than_the_store_has_is_refused():
    reserved = sum(stream.max_bytes for stream in STREAMS)
    check(STREAMS, store_bytes=reserved)
    with pytest.raises(TopologyRefused, match=f"reserve {reserved} bytes"):
        check(STREAMS, store_bytes=reserved - 1)
    with pytest.raises(TopologyRefused, match="reserve"):
        check([replace(STREAMS[0], max_bytes=9 * 1024**3), *STREAMS[1:]])


def test_what_a_device_may_set_headers_on_has_no_flag_that_obeys_headers():
    for stream in STREAMS:
        if any(subject.startswith("dev.up.") for subject in stream.subjects):
            assert not stream.rollup
            assert stream.republish is None


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("*.b", "a.*", True),
        ("a.*.c", "a.b.*", True),
        ("a.*.c", "a.b.d", False),
        (">", "a", True),
    ],
)
def test_two_patterns_overlap_when_one_subject_fits_both(one, other, meet):
    assert overlaps(one, other) is meet
    assert overlaps(other, one) is meet


def test_what_is_never_captured_covers_every_way_down_to_a_device():
    assert {"dev.dn.>", "dev.bc.>", "dev.rpc.>"} <= set(NEVER_CAPTURED)
