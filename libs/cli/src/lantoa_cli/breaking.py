"""What in a new OpenAPI document breaks the clients of the old one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lantoa_cli.openapi import operations

Node = Mapping[str, Any]
_LOWER = ("minLength", "minItems", "minimum", "exclusiveMinimum")
_UPPER = ("maxLength", "maxItems", "maximum", "exclusiveMaximum")
_ANYTHING = "anything"


def breaking(old: Node, new: Node) -> list[str]:
    """What breaks, one line each; empty when every client of ``old`` goes on working.

    A client may go on sending what it sent, and finds in answers what it found: so requests may only be let in wider,
    answers may only grow. An operation or an answer that is new breaks nobody.
    """
    return list(_Comparison(old, new).all())


@dataclass
class _Comparison:
    """Two documents, whose components the references point into. ``pairs`` ends recursion in schemas."""

    old: Node
    new: Node
    pairs: set[tuple[str, str, bool]] = field(default_factory=set)

    def all(self) -> Iterator[str]:
        has = {(path, method): operation for path, method, operation in operations(self.new)}
        for path, method, before in operations(self.old):
            name = f"{method.upper()} {path}"
            after = has.get((path, method))
            if after is None:
                yield f"{name}: operation was removed"
                continue
            for line in self._operation(before, after):
                yield f"{name}: {line}"

    def _operation(self, before: Node, after: Node) -> Iterator[str]:
        if before.get("operationId") != after.get("operationId"):
            yield f"operationId was {before.get('operationId')} and became {after.get('operationId')}"
        if after.get("security") and not before.get("security"):
            yield "it now asks for a sign-in"
        yield from self._parameters(before, after)
        yield from self._body(before.get("requestBody", {}), after.get("requestBody", {}))
        for status, answer in before.get("responses", {}).items():
            if status not in after.get("responses", {}):
                yield f"answer {status} was removed"
                continue
            other = after["responses"][status].get("content", {})
            for media_type, content in answer.get("content", {}).items():
                place = f"answer {status}"
                if media_type not in other:
                    yield f"{place}: {media_type} was removed"
                else:
                    yield from self._schema(content.get("schema", {}), other[media_type].get("schema", {}), place, True)

    def _parameters(self, before: Node, after: Node) -> Iterator[str]:
        had = {(one["in"], one["name"]): one for one in before.get("parameters", ())}
        has = {(one["in"], one["name"]): one for one in after.get("parameters", ())}
        for key in sorted(had.keys() - has.keys()):
            yield f"parameter {key[1]} was removed"
        for key, parameter in sorted(has.items()):
            if parameter.get("required") and not had.get(key, {}).get("required"):
                yield f"parameter {key[1]} is now required"
        for key in sorted(had.keys() & has.keys()):
            yield from self._schema(
                had[key].get("schema", {}), has[key].get("schema", {}), f"parameter {key[1]}", False
            )

    def _body(self, before: Node, after: Node) -> Iterator[str]:
        if after.get("required") and not before.get("required"):
            yield "a body is now required"
        others = after.get("content", {})
        for media_type, content in before.get("content", {}).items():
            if media_type not in others:
                yield f"body: {media_type} is no longer taken"
            else:
                yield from self._schema(content.get("schema", {}), others[media_type].get("schema", {}), "body", False)

    def _schema(self, old: Node, new: Node, place: str, answer: bool) -> Iterator[str]:
        pair = (str(old.get("$ref")), str(new.get("$ref")), answer)
        if "$ref" in old and "$ref" in new:
            if pair in self.pairs:
                return
            self.pairs.add(pair)
        before, after = _branches(self.old, old), _branches(self.new, new)
        kept, offered = (after, before) if answer else (before, after)
        word = "may now be" if answer else "may no longer be"
        if _ANYTHING not in (types := {_type(branch) for branch in offered}):
            for branch in kept:
                known = _type(branch) in types or (_type(branch) == "integer" and "number" in types)
                if not known:
                    yield f"{place}: {word} {_type(branch)}"
        for branch in before:
            alike = [other for other in after if _type(other) == _type(branch)]
            if len(alike) == 1:
                yield from self._node(branch, alike[0], place, answer)

    def _node(self, old: Node, new: Node, place: str, answer: bool) -> Iterator[str]:
        had, has = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(had.keys() - has.keys()):
            yield f"{place}.{name}: field was removed"
        if answer:
            for name in sorted((needed - needs) & has.keys()):
                yield f"{place}.{name}: may now be missing"
        else:
            for name in sorted(needs - needed):
                yield f"{place}.{name}: {'field is now' if name in had else 'new field is'} required"
            yield from _narrowed(old, new, place)
        for name in sorted(had.keys() & has.keys()):
            yield from self._schema(had[name], has[name], f"{place}.{name}", answer)
        for part, shown in (("items", "[]"), ("additionalProperties", ".*")):
            before, after = old.get(part), new.get(part)
            if isinstance(after, Mapping):
                yield from self._schema(before if isinstance(before, Mapping) else {}, after, place + shown, answer)
            elif after is False and before is not False and not answer:
                yield f"{place}: unknown fields are now refused"


def _branches(root: Node, node: Node) -> list[Node]:
    """The alternatives of a node, references followed."""
    if "$ref" in node:
        return _branches(root, root["components"]["schemas"][node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        return [branch for part in node["anyOf"] for branch in _branches(root, part)]
    return [node]


def _type(node: Node) -> str:
    return str(node.get("type", _ANYTHING))


def _narrowed(old: Node, new: Node, place: str) -> Iterator[str]:
    """Values that a request could have and now may not."""
    had = [old["const"]] if "const" in old else old.get("enum")
    has = [new["const"]] if "const" in new else new.get("enum")
    if has is not None and had is None:
        yield f"{place}: only {has} is allowed now"
    for value in had or ():
        if has is not None and value not in has:
            yield f"{place}: value {value!r} is no longer allowed"
    for rule in ("pattern", "format"):
        if rule in new and new[rule] != old.get(rule):
            yield f"{place}: {rule} was {old.get(rule)!r} and became {new[rule]!r}"
    for bounds, tighter in ((_LOWER, 1), (_UPPER, -1)):
        for bound in bounds:
            if bound in new and (bound not in old or (new[bound] - old[bound]) * tighter > 0):
                yield f"{place}: {bound} was {old.get(bound)} and became {new[bound]}"
