"""The AsyncAPI documents: complete, sound, and as checked in."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lantoa_contracts.asyncapi import PARTS, PLATFORM, documents, structure
from lantoa_contracts.catalogue import CATALOGUE, SERVICES
from lantoa_contracts.streams import consumers

DOCS = Path(__file__).parents[2] / "docs" / "asyncapi"
NAMES = (*PARTS, PLATFORM)


@pytest.fixture(scope="module")
def made():
    return documents()


@pytest.fixture
def platform(made):
    return copy.deepcopy(made[PLATFORM])


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_checked_in_as_the_code_makes_it(name, made):
    assert json.loads((DOCS / f"{name}.json").read_text()) == made[name]


def test_nothing_else_is_checked_in():
    assert {file.stem for file in DOCS.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_sound(name, made):
    assert structure(made[name]) == []


def test_every_service_that_has_events_has_a_document():
    parts = {spec.owner for spec in CATALOGUE} | {reader for spec in CATALOGUE for reader in spec.consumers}
    assert parts == set(PARTS)
    assert set(PARTS) - {"device"} <= set(SERVICES)


def test_owners_send_and_consumers_receive_by_their_durables(platform):
    operations = platform["operations"]
    for spec in CATALOGUE:
        key = f"{spec.name}.v{spec.version}"
        assert operations[f"{spec.owner}.send.{key}"]["action"] == "send"
        for reader in spec.consumers:
            received = operations[f"{reader}.receive.{key}"]
            assert (received["action"], received["x-durable"]) == ("receive", spec.durable(reader))
    durables = {operation["x-durable"] for operation in operations.values() if "x-durable" in operation}
    assert durables == {consumer.durable for consumer in consumers()}


def test_a_part_shows_its_own_operations_only(made):
    for name in PARTS:
        assert {operation["x-part"] for operation in made[name]["operations"].values()} == {name}
    together = {operation for name in PARTS for operation in made[name]["operations"]}
    assert together == set(made[PLATFORM]["operations"])


def test_an_event_says_its_stream_and_its_cloudevents_headers(platform):
    channel = platform["channels"]["content.item.approved.v1"]
    assert (channel["address"], channel["x-stream"]["name"]) == ("evt.content.item.approved.v1", "EVT")
    message = platform["components"]["messages"]["content.item.approved.v1"]
    assert message["name"] == "lantoa.content.item.approved.v1"
    headers = platform["components"]["schemas"]["CloudEventsHeaders"]
    assert message["headers"]["$ref"].endswith("/CloudEventsHeaders")
    assert {"ce-id", "ce-type", "ce-source", "ce-time", "ce-specversion"} <= set(headers["required"])


def test_what_a_device_sends_has_the_device_in_its_address_and_no_headers_to_believe(platform):
    assert platform["channels"]["device.aired.v1"]["address"] == "dev.up.{device_id}.aired"
    assert "headers" not in platform["components"]["messages"]["device.aired.v1"]


def test_every_example_is_valid_by_its_payload_schema(platform):
    components = platform["components"]
    for message in components["messages"].values():
        for example in message.get("examples", ()):
            schema = {**message["payload"], "components": components}
            assert list(Draft202012Validator(schema).iter_errors(example["payload"])) == [], message["title"]


def _no_channel(document):
    del document["channels"]["content.item.approved.v1"]


def _foreign_message(document):
    document["operations"]["content.send.content.item.approved.v1"]["messages"] = [
        {"$ref": "#/channels/content.item.withdrawn.v1/messages/content.item.withdrawn.v1"}
    ]


def _no_schema(document):
    del document["components"]["schemas"]["ItemApproved"]


def _wildcard(document):
    document["channels"]["device.aired.v1"]["address"] = "dev.up.*.aired"


def _wrong_action(document):
    document["operations"]["content.send.content.item.approved.v1"]["action"] = "publish"


def _old_version(document):
    document["asyncapi"] = "2.6.0"


@pytest.mark.parametrize(
    "fault",
    [_no_channel, _foreign_message, _no_schema, _wildcard, _wrong_action, _old_version],
    ids=lambda f: f.__name__,
)
def test_a_planted_fault_is_caught(fault, platform):
    fault(platform)
    assert structure(platform) != []
