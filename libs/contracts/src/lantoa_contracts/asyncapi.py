"""AsyncAPI 3.0 documents from the catalogue: one for each part that sends or receives, and one for the platform.

Pure: the same code gives the same documents. Whoever answers for a message has its ``send`` operation, each reader a
``receive`` operation with its durable. What the specification has no word for (streams, durables) stands in ``x-``
fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lantoa_contracts import device, envelope
from lantoa_contracts.catalogue import CATALOGUE, FEEDS, SERVICES, EventSpec
from lantoa_contracts.examples import EXAMPLES
from lantoa_contracts.golden import MESSAGES
from lantoa_contracts.streams import STREAMS

VERSION = "3.0.0"
PLATFORM = "platform"
PARTS = (*(name for name in SERVICES if name != "gateway"), "device")
"""Who sends or receives messages. The gateway only hears what EVT has stored, without a durable."""

_STREAMS = {stream.name: stream for stream in STREAMS}
_HEADERS = "CloudEventsHeaders"
_DEVICE_ID = "device_id"

Document = dict[str, Any]


@dataclass(frozen=True)
class _Core:
    """A message outside of the catalogue: no durable reads it. ``reply`` names the answer to a request."""

    name: str
    sender: str
    receiver: str
    reply: str = ""


_OUTSIDE = (
    _Core("device.hb", "device", "fleet"),
    _Core("device.ack", "device", ""),
    _Core("device.desired", "fleet", "device"),
    _Core("device.manifest-request", "device", "fleet", reply="device.manifest-answer"),
    _Core("device.snapshot-request", "device", "fleet", reply="device.snapshot-answer"),
)
_GOLDEN = {message.name: message for message in MESSAGES}
_SIGNED: Mapping[str, type[BaseModel]] = {"device.aired": device.AiredProof, "device.displayed": device.DisplayedProof}
"""What the text inside a signed document is."""


def documents() -> dict[str, Document]:
    """Every document by its name: the parts, then ``platform``."""
    return {name: document(name) for name in (*PARTS, PLATFORM)}


def document(part: str) -> Document:
    """The document of one part, or of the whole ``platform``."""
    channels: Document = {}
    operations: Document = {}
    messages: Document = {}
    models: set[type[BaseModel]] = set()
    for spec in CATALOGUE:
        readers = [reader for reader in spec.consumers if part in (PLATFORM, reader)]
        sends = part in (PLATFORM, spec.owner)
        if not sends and not readers:
            continue
        key = f"{spec.name}.v{spec.version}"
        _add(channels, messages, key, _channel(key, spec.subject, spec.stream), _message(spec))
        models |= {spec.model, *([_SIGNED[spec.name]] if spec.name in _SIGNED else [])}
        if sends:
            operations[f"{spec.owner}.send.{key}"] = _operation("send", key, spec.owner)
        for reader in readers:
            durable = {"x-durable": spec.durable(reader), "x-max-ack-pending": spec.max_ack_pending}
            operations[f"{reader}.receive.{key}"] = {**_operation("receive", key, reader), **durable}
    for feed in FEEDS:
        _feed(feed, part, channels, operations, messages)
    for core in _OUTSIDE:
        if part in (PLATFORM, core.sender, core.receiver):
            models |= _outside(core, part, channels, operations, messages)
    schemas = _schemas(models)
    if any("headers" in message for message in messages.values()):
        schemas[_HEADERS] = _headers()
    return {
        "asyncapi": VERSION,
        "id": f"urn:lantoa:{part}",
        "info": _info(part),
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _info(part: str) -> Document:
    return {
        "title": "Lan Tỏa" if part == PLATFORM else f"Lan Tỏa {part}",
        "version": "1",
        "description": "Generated from libs/contracts. What would break a reader becomes a new version of its message.",
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _servers() -> Document:
    return {
        "nats": {
            "host": "{host}",
            "protocol": "nats",
            "description": "Services sign in to account PLATFORM, devices to account DEVICES (auth callout).",
            "variables": {"host": {"default": "127.0.0.1:4222", "description": "Host and port of the NATS server."}},
        }
    }


def _add(channels: Document, messages: Document, key: str, channel: Document, message: Document) -> None:
    channels[key] = channel
    messages[key] = message


def _channel(key: str, subject: str, stream: str) -> Document:
    """``*`` in a subject is the device's id, except where NATS itself wants it."""
    channel: Document = {"address": subject.replace("*", "{" + _DEVICE_ID + "}"), "messages": {key: _message_ref(key)}}
    if "*" in subject:
        channel["parameters"] = {_DEVICE_ID: {"description": "The device, as fleet and the auth callout know it."}}
    if stream:
        shown = _STREAMS[stream]
        channel["x-stream"] = {
            "name": shown.name,
            "max_age_seconds": shown.max_age,
            "max_bytes": shown.max_bytes,
            "max_msg_size": shown.max_msg_size,
            "duplicate_window_seconds": shown.duplicate_window,
            "discard": shown.discard,
        }
        if shown.republish:
            channel["x-republished-on"] = shown.republish[1].replace("{{wildcard(1)}}", "{" + _DEVICE_ID + "}")
    return channel


def _message_ref(key: str) -> Document:
    return {"$ref": f"#/components/messages/{key}"}


def _message(spec: EventSpec) -> Document:
    from_device = spec.owner == "device"
    message = _described(f"{spec.name}.v{spec.version}", spec.model, spec.name if from_device else spec.type)
    if spec.name in _SIGNED:
        message["x-signed-text"] = {"$ref": f"#/components/schemas/{_SIGNED[spec.name].__name__}"}
    if not from_device:  # What a device writes into headers is not believed, so nothing reads it.
        message["headers"] = {"$ref": f"#/components/schemas/{_HEADERS}"}
    return message


def _described(key: str, model: type[BaseModel], name: str) -> Document:
    return {
        "name": name,
        "title": key,
        "summary": meaning(model),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": [{"payload": EXAMPLES[key].model_dump(mode="json")}],
    }


def meaning(model: type[BaseModel]) -> str:
    """A message's meaning in one line: the first paragraph of its docstring."""
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _feed(spec: EventSpec, part: str, channels: Document, operations: Document, messages: Document) -> None:
    """Add a reader of every event of a stream, for the parts that read it so."""
    readers = [reader for reader in spec.consumers if part in (PLATFORM, reader)]
    if not readers:
        return
    key = f"{spec.name}.v{spec.version}"
    channels[key] = {
        "address": spec.subject.replace(">", "{event}"),
        "messages": {key: _message_ref(key)},
        "parameters": {"event": {"description": "Every event of every service."}},
    }
    messages[key] = {
        "name": spec.name,
        "title": key,
        "summary": meaning(spec.model),
        "contentType": "application/json",
        "payload": {"type": "object"},
        "headers": {"$ref": f"#/components/schemas/{_HEADERS}"},
    }
    for reader in readers:
        durable = {"x-durable": spec.durable(reader), "x-max-ack-pending": spec.max_ack_pending}
        operations[f"{reader}.receive.{key}"] = {**_operation("receive", key, reader), **durable}


def _operation(action: str, key: str, part: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{key}"},
        "messages": [{"$ref": f"#/channels/{key}/messages/{key}"}],
        "summary": f"{part} {action}s {key}",
        "x-part": part,
    }


def _outside(
    core: _Core, part: str, channels: Document, operations: Document, messages: Document
) -> set[type[BaseModel]]:
    """Add a message without a durable, and its answer; gives their models."""
    models: set[type[BaseModel]] = set()
    reply: Document = {}
    key = f"{core.name}.v1"
    message = _GOLDEN.get(core.name)
    if message:
        models.add(message.model)
        channel = _channel(key, message.subject, message.stream)
        _add(channels, messages, key, channel, _described(key, message.model, message.name))
    if core.reply:
        answer = _GOLDEN[core.reply]
        models.add(answer.model)
        if message is None:
            empty = {"name": core.name, "title": key, "summary": "A request without a body."}
            _add(channels, messages, key, _channel(key, answer.subject, ""), empty)
        # An answer goes to the inbox that the request names, so it has no address of its own.
        channel = {"address": None, "messages": {answer.key: _message_ref(answer.key)}}
        _add(channels, messages, answer.key, channel, _described(answer.key, answer.model, answer.name))
        shown = f"#/channels/{answer.key}"
        reply = {"reply": {"channel": {"$ref": shown}, "messages": [{"$ref": f"{shown}/messages/{answer.key}"}]}}
    for action, who in (("send", core.sender), ("receive", core.receiver)):
        if who and part in (PLATFORM, who):
            operations[f"{who}.{action}.{key}"] = {**_operation(action, key, who), **reply}
    return models


def _schemas(models: set[type[BaseModel]]) -> Document:
    ordered = sorted(models, key=lambda model: model.__qualname__)
    template = "#/components/schemas/{model}"
    _, found = models_json_schema([(model, "validation") for model in ordered], ref_template=template)
    schemas: Document = found["$defs"]
    return schemas


def _headers() -> Document:
    text: Document = {"type": "string"}
    properties = {
        envelope.MSG_ID: {
            **text,
            "description": "`<type>:<id>`; the stream drops a repeat within its duplicate window.",
        },
        envelope.SPEC_VERSION: {"type": "string", "const": "1.0"},
        envelope.ID: {**text, "description": "`<aggregate id>:<ver>[:<n>]`, the same however often it is published."},
        envelope.TYPE: {**text, "description": "`lantoa.<service>.<entity>.<verb>.v<version>`"},
        envelope.SOURCE: {**text, "description": "`lantoa/<service>`"},
        envelope.TIME: {**text, "format": "date-time"},
        envelope.TRACEPARENT: {**text, "description": "W3C Trace Context of what caused it."},
        envelope.ACTOR: {**text, "description": "The person of the staff who did it; absent where nobody did."},
        envelope.ORIGIN: {**text, "description": "The address from which they did it."},
        envelope.BEFORE: {**text, "description": "SHA-256 of the document before it; absent for a new one."},
        envelope.AFTER: {**text, "description": "SHA-256 of the document after it."},
    }
    needed = [name for name in properties if not name.startswith(("lt-", envelope.TRACEPARENT))]
    about = "CloudEvents 1.0 attributes in binary mode, as NATS headers, and who did it."
    return {"type": "object", "description": about, "properties": properties, "required": needed}


def structure(made: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document's structure by AsyncAPI 3.0, one line each; empty when nothing is.

    Looks at what tools stumble over: the fields that must be there, references that lead nowhere, operations whose
    messages are not of their channel, address parameters that are not described (or described and not there).
    """
    problems = [f"{name} is missing" for name in ("asyncapi", "info", "channels", "operations") if name not in made]
    if problems:
        return problems
    if made["asyncapi"] != VERSION:
        problems.append(f"asyncapi is {made['asyncapi']!r}")
    problems += [f"info.{name} is missing" for name in ("title", "version") if not made["info"].get(name)]
    problems += [f"{place}: {ref} leads nowhere" for place, ref in _refs(made, "#") if _resolve(made, ref) is None]
    for key, channel in made["channels"].items():
        address = channel.get("address") or ""
        named = {part[1:-1] for part in address.split(".") if part.startswith("{")}
        if named != set(channel.get("parameters", {})):
            problems.append(f"channel {key}: parameters do not fit the address {address}")
        if any(letter in address for letter in "*> "):
            problems.append(f"channel {key}: {address} is not an address")
    for name, operation in made["operations"].items():
        problems += [f"operation {name}: {line}" for line in _operation_problems(operation)]
    return problems


def _operation_problems(operation: Mapping[str, Any]) -> Iterator[str]:
    if operation.get("action") not in ("send", "receive"):
        yield f"action is {operation.get('action')!r}"
    for part in (operation, operation.get("reply", {})):
        if part is not operation and not part:
            continue
        channel = part.get("channel", {}).get("$ref", "")
        if not channel.startswith("#/channels/"):
            yield "it has no channel"
        for message in part.get("messages", ()):
            if not message.get("$ref", "").startswith(f"{channel}/messages/"):
                yield f"{message.get('$ref')} is no message of its channel"


def _refs(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield place, node["$ref"]
        for name, child in node.items():
            yield from _refs(child, f"{place}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _refs(child, f"{place}/{index}")


def _resolve(made: Mapping[str, Any], ref: str) -> Any:
    node: Any = made
    for part in ref.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, Mapping) else None
        if isinstance(node, Mapping) and "$ref" in node and part != "$ref":
            node = _resolve(made, node["$ref"])
    return node
