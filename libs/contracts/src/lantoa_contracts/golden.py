"""Golden schemas: the shape that each message had when it was last agreed on, and what would break it.

``python -m lantoa_contracts.golden check`` compares the code with ``golden/`` and ``examples/`` of this package's
project; ``write`` brings them up to date, and refuses what would break readers: that needs a new version of the
message. Until a first release it may be forced by deleting the golden file.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lantoa_contracts import device
from lantoa_contracts.catalogue import CATALOGUE
from lantoa_contracts.examples import EXAMPLES

PROJECT = Path(__file__).parents[2]
_SCHEMA, _EXAMPLE = ".schema.json", ".json"
_LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """A message with a golden schema. ``subject`` tells where it goes; empty for what is fetched by hash.

    ``for_devices`` says that devices in the field read it, which are not all updated before the platform writes it.
    """

    name: str
    model: type[BaseModel]
    subject: str
    stream: str = ""
    owner: str = "device"
    version: int = 1
    for_devices: bool = False

    @property
    def key(self) -> str:
        """``<name>.v<version>``: the stem of its files."""
        return f"{self.name}.v{self.version}"

    def schema(self) -> dict[str, Any]:
        """The golden form of what the code says now."""
        about = {name: value for name, value in asdict(self).items() if name != "model"}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "x-message": about,
            **self.model.model_json_schema(),
        }


MESSAGES: tuple[Message, ...] = (
    *(Message(spec.name, spec.model, spec.subject, spec.stream, spec.owner, spec.version) for spec in CATALOGUE),
    Message("device.hb", device.Heartbeat, "dev.up.*.hb"),
    Message("device.aired-proof", device.AiredProof, "dev.up.*.aired", "ACK"),
    Message("device.displayed-proof", device.DisplayedProof, "dev.up.*.displayed", "ACK"),
    Message("device.desired", device.Desired, "$KV.desired.*", "KV_desired", "fleet", for_devices=True),
    Message("device.command", device.Command, "dev.dn.*.cmd", owner="fleet", for_devices=True),
    Message("device.alert-order", device.AlertOrder, "$KV.alert.>", "KV_alert", "alert", for_devices=True),
    Message("device.radio-rundown", device.RadioRundown, "", owner="broadcast", for_devices=True),
    Message("device.board-rundown", device.BoardRundown, "", owner="signboard", for_devices=True),
    Message("device.manifest-request", device.ManifestRequest, "dev.rpc.*.manifest"),
    Message("device.manifest-answer", device.ManifestAnswer, "dev.rpc.*.manifest", owner="fleet", for_devices=True),
    Message("device.snapshot-answer", device.SnapshotAnswer, "dev.rpc.*.snapshot", owner="fleet", for_devices=True),
)
"""Everything in the catalogue, and what devices exchange without it or inside a signed document."""


# -- what breaks -------------------------------------------------------------------------------------------------


def breaking(old: Schema, new: Schema) -> list[str]:
    """What in ``new`` breaks those who live by ``old``, one line each; empty when nothing does.

    The rule: whatever was written by ``old`` is still read (streams keep messages for weeks), and whatever a reader
    found always there is still there. Wider values and new optional fields are fine: readers are deployed first.
    Devices are not, so what they read may not grow where unknown fields are refused.
    """
    before, after = old.get("x-message", {}), new.get("x-message", {})
    moved = [
        f"{name} was {before.get(name)!r} and became {after.get(name)!r}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return moved + list(_Comparison(old, new, after.get("for_devices", False)).between(old, new, ""))


@dataclass(frozen=True)
class _Comparison:
    """Two documents, whose ``$defs`` the references point into."""

    old: Schema
    new: Schema
    for_devices: bool

    def between(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        """What breaks from one node to the other."""
        before, after = _branches(self.old, old), _branches(self.new, new)
        if _default(old) != _default(new):
            yield f"{path}: default was {_default(old)} and became {_default(new)}"
        if _allows_null(after) and not _allows_null(before):
            yield f"{path}: may now be null"
        for branch in before:
            alike = [other for other in after if _type(other) == _type(branch)]
            if len(alike) == 1:
                yield from self._node(branch, alike[0], path)
            elif not any(self._accepts(branch, other) for other in after):
                yield f"{path}: type {_type(branch)} is no longer allowed"

    def _accepts(self, old: Schema, new: Schema) -> bool:
        wider = _type(new) in ("anything", _type(old)) or (_type(old), _type(new)) == ("integer", "number")
        return wider and not list(self._node(old, new, ""))

    def _node(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        yield from _values(old, new, path)
        yield from self._fields(old, new, path)
        if "items" in new:
            yield from self.between(old.get("items", {}), new["items"], f"{path}[]")
        names = new.get("patternProperties", {})
        for pattern, schema in old.get("patternProperties", {}).items():
            if pattern in names:
                yield from self.between(schema, names[pattern], f"{path}.*")
            else:
                yield f"{path}: names like {pattern} are no longer allowed"

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        had, has = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(had.keys() - has.keys()):
            yield f"{path}.{name}: field was removed"
        for name in sorted(needs - needed):
            yield f"{path}.{name}: {'field is now' if name in had else 'new field is'} required"
        for name in sorted(needed - needs):
            if name in has:
                yield f"{path}.{name}: may now be missing"
        for name in sorted(had.keys() & has.keys()):
            yield from self.between(had[name], has[name], f"{path}.{name}")
        extra, other = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if self.for_devices and extra is False:
            for name in sorted(has.keys() - had.keys()):
                yield f"{path}.{name}: devices in the field refuse a new field here"
        if other is False and extra is not False:
            yield f"{path}: unknown fields are now refused"
        elif isinstance(other, Mapping):
            yield from self.between(extra if isinstance(extra, Mapping) else {}, other, f"{path}.*")


def _branches(root: Schema, node: Schema) -> list[Schema]:
    """The alternatives of a node, references followed."""
    if "$ref" in node:
        return _branches(root, root["$defs"][node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        return [branch for part in node["anyOf"] for branch in _branches(root, part)]
    return [node]


def _type(node: Schema) -> str:
    return str(node.get("type", "anything"))


def _allows_null(branches: list[Schema]) -> bool:
    return any(_type(branch) in ("null", "anything") for branch in branches)


def _default(node: Schema) -> str:
    return json.dumps(node["default"], sort_keys=True) if "default" in node else "none"


def _allowed(node: Schema) -> list[Any] | None:
    return [node["const"]] if "const" in node else node.get("enum")


def _values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    had, has = _allowed(old), _allowed(new)
    if has is not None:
        if had is None:
            yield f"{path}: only {has} is allowed now"
        for value in had or ():
            if value not in has:
                yield f"{path}: value {value!r} is no longer allowed"
    for rule in ("pattern", "format"):
        if rule in new and new[rule] != old.get(rule):
            yield f"{path}: {rule} was {old.get(rule)!r} and became {new[rule]!r}"
    for bound in _LOWER:
        if bound in new and (bound not in old or new[bound] > old[bound]):
            yield f"{path}: {bound} was {old.get(bound)} and became {new[bound]}"
    for bound in _UPPER:
        if bound in new and (bound not in old or new[bound] < old[bound]):
            yield f"{path}: {bound} was {old.get(bound)} and became {new[bound]}"


# -- the files ---------------------------------------------------------------------------------------------------


def _schema_text(message: Message) -> str:
    return json.dumps(message.schema(), ensure_ascii=False, indent=2) + "\n"


def _example_text(message: Message) -> str:
    return EXAMPLES[message.key].model_dump_json(indent=2) + "\n"


def _broken(message: Message, project: Path) -> list[str]:
    """What the code breaks of a message's files; empty also when there are none yet."""
    golden = project / "golden" / (message.key + _SCHEMA)
    example = project / "examples" / (message.key + _EXAMPLE)
    problems = []
    if golden.is_file():
        problems = [f"{message.key}: {line}" for line in breaking(json.loads(golden.read_text()), message.schema())]
    if golden.is_file() and example.is_file():
        try:
            message.model.model_validate_json(example.read_text())
        except ValidationError as error:
            problems.append(f"{message.key}: its example is no longer read: {error.errors()[0]['msg']}")
    return problems


def check(project: Path = PROJECT) -> list[str]:
    """What is not in order between code and files, one line each; empty when all is."""
    problems = []
    for message in MESSAGES:
        problems += _broken(message, project)
        for file, text in _files(message, project):
            if not file.is_file():
                problems.append(f"{message.key}: {file.parent.name}/{file.name} is missing, run write")
            elif file.read_text() != text:
                problems.append(f"{message.key}: {file.parent.name}/{file.name} is not up to date, run write")
    return problems + orphans(project)


def _files(message: Message, project: Path) -> tuple[tuple[Path, str], ...]:
    return (
        (project / "golden" / (message.key + _SCHEMA), _schema_text(message)),
        (project / "examples" / (message.key + _EXAMPLE), _example_text(message)),
    )


def orphans(project: Path = PROJECT) -> list[str]:
    """Files of messages that the code does not have (any more)."""
    known = {file for message in MESSAGES for file, _ in _files(message, project)}
    found = [file for folder in ("golden", "examples") for file in sorted((project / folder).glob("*"))]
    return [f"{file.parent.name}/{file.name}: no such message in the code" for file in found if file not in known]


def write(project: Path = PROJECT) -> list[str]:
    """Bring the files up to date, unless that would break readers: then nothing is written and the reasons returned."""
    problems = [line for message in MESSAGES for line in _broken(message, project)]
    if problems:
        return problems
    for folder in ("golden", "examples"):
        (project / folder).mkdir(exist_ok=True)
    for message in MESSAGES:
        for file, text in _files(message, project):
            file.write_text(text)
    return orphans(project)


def main() -> None:
    """The command; exits with 1 when something is not in order."""
    parser = argparse.ArgumentParser(prog="python -m lantoa_contracts.golden")
    parser.add_argument("action", choices=("write", "check"))
    problems = write() if parser.parse_args().action == "write" else check()
    sys.stdout.write("".join(f"{line}\n" for line in problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
