"""The contracts as they lie in the repository: golden, with examples, complete."""

import json

import pytest
from pydantic import BaseModel

from lantoa_contracts import device
from lantoa_contracts.base import Event, SignedDocument
from lantoa_contracts.catalogue import CATALOGUE
from lantoa_contracts.device import AiredProof, DisplayedProof, Tolerant
from lantoa_contracts.events import broadcast, content, directory, fleet, signboard
from lantoa_contracts.examples import EXAMPLES
from lantoa_contracts.golden import MESSAGES, PROJECT, check
from lantoa_signing.nkey import device_id, verify_by_nkey


def test_golden_schemas_and_examples_are_up_to_date_and_nothing_broke():
    assert check() == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.key)
def test_the_example_is_read_and_written_alike(message):
    text = (PROJECT / "examples" / f"{message.key}.json").read_text()
    read = message.model.model_validate_json(text)
    assert json.loads(read.model_dump_json()) == json.loads(text)


def test_every_message_of_the_catalogue_is_golden():
    assert {(spec.name, spec.version) for spec in CATALOGUE} <= {(found.name, found.version) for found in MESSAGES}
    assert len({message.key for message in MESSAGES}) == len(MESSAGES)


def test_there_is_an_example_of_every_message_and_of_nothing_else():
    assert EXAMPLES.keys() == {message.key for message in MESSAGES}


def test_every_model_is_a_message_or_part_of_one():
    modules = (broadcast, content, device, directory, fleet, signboard)
    models = {
        found.__name__
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == module.__name__
    }
    golden = [message.schema() for message in MESSAGES]
    covered = {schema["title"] for schema in golden} | {name for schema in golden for name in schema.get("$defs", {})}
    assert models - {Tolerant.__name__, Event.__name__} <= covered


@pytest.mark.parametrize(
    ("signed", "confirmed", "proof"),
    [
        ("device.aired.v1", "broadcast.airing.confirmed.v1", AiredProof),
        ("device.displayed.v1", "signboard.display.confirmed.v1", DisplayedProof),
    ],
)
def test_the_proofs_in_the_examples_are_truly_signed_and_carry_their_events(signed, confirmed, proof):
    document, event = EXAMPLES[signed], EXAMPLES[confirmed]
    assert isinstance(document, SignedDocument)
    assert event.proof == document
    told = proof.model_validate_json(verify_by_nkey(document, event.device_public_key))
    assert told.device_id == event.device_id == device_id(event.device_public_key)
    shared = (proof.model_fields.keys() & type(event).model_fields.keys()) - {"local_id"}
    assert {name: getattr(told, name) for name in shared} == {name: getattr(event, name) for name in shared}
    assert shared >= {"entry_id", "item_id", "revision", "started_at", "ended_at", "seconds"}
