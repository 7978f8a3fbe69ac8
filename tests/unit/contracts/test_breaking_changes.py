"""Planted changes: each one that would break a reader is named, none that would not is."""

import copy
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lantoa_contracts.golden import MESSAGES, breaking

BY_KEY = {message.key: message for message in MESSAGES}
Edit = Callable[[dict[str, Any]], Any]


def changed(key: str, edit: Edit) -> list[str]:
    """What is said about a real message after an edit of its schema."""
    old = BY_KEY[key].schema()
    new = copy.deepcopy(old)
    edit(new)
    assert new != old
    return breaking(old, new)


def field(name: str, **values: Any) -> Edit:
    return lambda schema: schema["properties"][name].update(values)


def without(name: str) -> Edit:
    def edit(schema: dict[str, Any]) -> None:
        del schema["properties"][name]
        schema["required"].remove(name)

    return edit


def also(name: str, required: bool, node: dict[str, Any] | None = None) -> Edit:
    def edit(schema: dict[str, Any]) -> None:
        schema["properties"][name] = node or {"type": "string"}
        if required:
            schema["required"].append(name)

    return edit


def message(**values: Any) -> Edit:
    return lambda schema: schema["x-message"].update(values)


def in_def(name: str, edit: Edit) -> Edit:
    return lambda schema: edit(schema["$defs"][name])


AIRING, APPROVED, DESIRED = "broadcast.airing.confirmed.v1", "content.item.approved.v1", "device.desired.v1"


@pytest.mark.parametrize(
    ("key", "edit", "said"),
    [
        (AIRING, without("topic"), ".topic: field was removed"),
        (AIRING, also("weather", required=True), ".weather: new field is required"),
        (AIRING, field("seconds", type="string"), ".seconds: type number is no longer allowed"),
        (AIRING, field("seconds", type="integer"), ".seconds: type number is no longer allowed"),
        (AIRING, field("seconds", minimum=0), ".seconds: minimum was None and became 0"),
        (AIRING, field("title", maxLength=80), ".title: maxLength was None and became 80"),
        (AIRING, field("title", minLength=1), ".title: minLength was None and became 1"),
        (AIRING, field("title", enum=["Bản tin"]), ".title: only ['Bản tin'] is allowed now"),
        (AIRING, field("title", const="Bản tin"), ".title: only ['Bản tin'] is allowed now"),
        (AIRING, field("priority", enum=["normal", "emergency"]), ".priority: value 'priority' is no longer allowed"),
        (AIRING, field("started_at", format="date"), ".started_at: format was 'date-time' and became 'date'"),
        (
            AIRING,
            field("audio_sha256", pattern="^[0-9a-f]{40}$"),
            ".audio_sha256: pattern was '^[0-9a-f]{64}$' and became '^[0-9a-f]{40}$'",
        ),
        (AIRING, field("title", pattern="^[A-Z]"), ".title: pattern was None and became '^[A-Z]'"),
        (AIRING, field("tasks", minItems=1), ".tasks: minItems was None and became 1"),
        (
            AIRING,
            lambda schema: schema["properties"]["tasks"]["items"].update(pattern="^0[1-9]$"),
            ".tasks[]: pattern was '^(0[1-9]|1[0-5])$' and became '^0[1-9]$'",
        ),
        (AIRING, lambda schema: schema["required"].remove("topic"), ".topic: may now be missing"),
        (
            AIRING,
            lambda schema: schema["properties"].update(topic={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            ".topic: may now be null",
        ),
        (AIRING, in_def("SignedDocument", without("kid")), ".proof.kid: field was removed"),
        (AIRING, in_def("SignedDocument", field("p", maxLength=9)), ".proof.p: maxLength was 60000 and became 9"),
        (
            APPROVED,
            in_def("BlobRef", field("bytes", minimum=1)),
            ".renditions[].blob.bytes: minimum was 0 and became 1",
        ),
        (
            APPROVED,
            lambda schema: schema["$defs"]["Rendition"].update(required=["kind", "blob", "voice"]),
            ".renditions[].voice: field is now required",
        ),
        (
            APPROVED,
            in_def("Rendition", field("voice", anyOf=[{"type": "string"}])),
            ".renditions[].voice: type null is no longer allowed",
        ),
        (
            APPROVED,
            in_def("Rendition", field("voice", default="vi")),
            '.renditions[].voice: default was null and became "vi"',
        ),
        (DESIRED, lambda schema: schema.update(additionalProperties=False), ": unknown fields are now refused"),
        (
            DESIRED,
            in_def("BlobRef", lambda schema: schema["properties"].update(etag={"type": "string"})),
            ".radio.rundown.etag: devices in the field refuse a new field here",
        ),
        (
            "device.manifest-answer.v1",
            lambda schema: schema["properties"]["urls"].update(patternProperties={"^x$": {"type": "string"}}),
            ".urls: names like ^[0-9a-f]{64}$ are no longer allowed",
        ),
        (
            AIRING,
            message(subject="evt.broadcast.airing.done.v1"),
            "subject was 'evt.broadcast.airing.confirmed.v1' and",
        ),
        (AIRING, message(stream="EVT2"), "stream was 'EVT' and became 'EVT2'"),
        (AIRING, message(owner="reporting"), "owner was 'broadcast' and became 'reporting'"),
        (AIRING, message(name="broadcast.airing.aired"), "name was 'broadcast.airing.confirmed' and became"),
    ],
)
def test_a_breaking_change_is_caught_and_named(key, edit, said):
    lines = changed(key, edit)
    assert any(line.startswith(said) for line in lines), lines


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        (AIRING, also("weather", required=False)),
        (AIRING, field("priority", enum=["normal", "priority", "emergency", "drill"])),
        (AIRING, field("ver", type="number")),
        (AIRING, in_def("SignedDocument", field("p", maxLength=90_000))),
        (AIRING, lambda schema: schema["properties"]["audio_sha256"].pop("pattern")),
        (AIRING, lambda schema: schema.update(description="Said in other words.")),
        (AIRING, lambda schema: schema.pop("additionalProperties")),
        (APPROVED, in_def("BlobRef", lambda schema: schema["properties"]["bytes"].pop("minimum"))),
        (DESIRED, also("note", required=False)),
    ],
)
def test_a_change_that_every_reader_bears_is_let_through(key, edit):
    assert changed(key, edit) == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.key)
def test_what_did_not_change_breaks_nothing(message):
    assert breaking(message.schema(), message.schema()) == []


class Before(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^\d{2}$", max_length=10)]
    kind: Literal["radio", "board"]
    count: int | str
    names: dict[str, int] = Field(default_factory=dict)


class Narrower(Before):
    code: Annotated[str, StringConstraints(pattern=r"^\d$", max_length=1)]
    kind: Literal["radio"]
    count: int
    names: dict[str, Literal[1]] = Field(default_factory=dict)


class Wider(Before):
    code: str
    kind: Literal["radio", "board", "web"]
    count: int | str | bool
    names: dict[str, int | str] = Field(default_factory=dict)
    extra: str = ""


def test_a_model_that_takes_less_is_caught_in_every_field():
    lines = breaking(Before.model_json_schema(), Narrower.model_json_schema())
    assert {line.split(":")[0] for line in lines} == {".code", ".kind", ".count", ".names.*"}


def test_a_model_that_takes_more_breaks_nothing():
    assert breaking(Before.model_json_schema(), Wider.model_json_schema()) == []
