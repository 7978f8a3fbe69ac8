"""Requests of people who mean no good, made from what a service's document says that it takes."""

import base64
import copy
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hostile_world import COMMUNE, VALID

from lantoa_cli.openapi import operations
from lantoa_runtime.http.middleware import MOST_BODY_BYTES

DEEP = 100_000
CLEANED = ("/title", "/body", "/body_html", "/comment")
"""Texts from which signs that cannot be shown are taken out."""
_KEY = {"Idempotency-Key": "hostile-0001"}
_BOMB = gzip.compress(b" " * 50_000_000)
_JSON = {"Content-Type": "application/json"}


@dataclass
class Shot:
    """One request: ``pointer`` is where its fault lies in the body, ``None`` where that cannot be told."""

    method: str
    path: str
    what: str
    json: Any = None
    data: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pointer: str | None = None
    statuses: tuple[int, ...] = ()
    may_pass: bool = False
    """Nothing is wrong with it that a service must see: it finds nothing."""


def filled(path: str) -> str:
    """An address of a path's template."""
    known = {"unit_id": COMMUNE, "kind": "audio", "code": "08"}
    for name in [part.partition("}")[0] for part in path.split("{")[1:]]:
        path = path.replace(f"{{{name}}}", known.get(name, "x-unknown"))
    return path


def _resolved(schema: Any, document: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _leaves(
    schema: Any, document: Any, value: Any, where: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each place of a valid body with its schema."""
    schema = _resolved(schema, document)
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            yield from _leaves(option, document, value, where)
            return
    yield where, schema
    if isinstance(value, dict):
        for name, child in value.items():
            if name in schema.get("properties", {}):
                yield from _leaves(schema["properties"][name], document, child, (*where, name))
    elif isinstance(value, list) and value:
        yield from _leaves(schema["items"], document, value[0], (*where, "0"))


def _with(body: Any, where: tuple[str, ...], value: Any) -> Any:
    if not where:
        return value
    made = copy.deepcopy(body)
    inner = made
    for step in where[:-1]:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[int(where[-1]) if isinstance(inner, list) else where[-1]] = value
    return made


def _wrong_values(leaf: Any, cleaned: bool) -> list[tuple[str, Any]]:
    """What each kind of value must not be."""
    kind = leaf.get("type")
    if kind == "string":
        wrong: list[tuple[str, Any]] = [("operator", {"$gt": ""}), ("operator", {"$ne": None}), ("number", 7)]
        wrong += [("list", ["x"])] + ([] if cleaned else [("surrogate", "a\ud800")])
        if "maxLength" in leaf:
            wrong.append(("too long", "x" * (leaf["maxLength"] + 1)))
        if leaf.keys() & {"enum", "pattern", "format"}:
            wrong.append(("control", "\x00\x1b"))
        if leaf.keys() & {"enum", "format"}:
            wrong.append(("operator as text", "$where"))
        return wrong
    if kind in ("integer", "number"):
        return [("operator", {"$gt": 0}), ("text", "seven"), ("huge", 10**400), ("list", [1])]
    if kind == "array":
        return [("operator", {"$in": []}), ("text", "x"), ("number", 1)]
    return [("list", []), ("text", "x"), ("number", 7)] if kind == "object" else []


def _at(body: Any, where: tuple[str, ...]) -> Any:
    for step in where:
        body = body[int(step) if isinstance(body, list) else step]
    return body


def takes_json(operation: Any) -> bool:
    """Whether the operation has a JSON body; what takes a file has tests of its own."""
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def _bodies(method: str, path: str, operation: Any, document: Any) -> Iterator[Shot]:
    """An operation's valid body with one thing wrong at a time."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = VALID[operation["operationId"]]
    at = filled(path)
    headers = _KEY | {"If-Match": '"1"'}

    def shot(what: str, where: tuple[str, ...], value: Any, pointer: str) -> Shot:
        return Shot(method, at, what, _with(body, where, value), headers=headers, pointer=pointer, statuses=(422,))

    for where, leaf in _leaves(schema, document, body):
        pointer = "".join(f"/{step}" for step in where)
        for what, value in _wrong_values(leaf, pointer in CLEANED):
            yield shot(f"{what} at {pointer or '/'}", where, value, pointer)
        if "maxItems" in leaf:
            yield shot(f"too many at {pointer}", where, _at(body, where)[:1] * (leaf["maxItems"] + 1), pointer)
        if leaf.get("additionalProperties") is False:
            value = _at(body, where)
            yield shot("half a letter as a name", where, {**value, "\ud800": 1}, pointer)
            for name in ("evil", "$set", "__proto__", "a/b~c"):
                shown = name.replace("~", "~0").replace("/", "~1")
                yield shot(f"unknown {name}", where, {**value, name: 1}, f"{pointer}/{shown}")
    yield from _texts(method, at, body, headers)


def _texts(method: str, at: str, body: Any, headers: dict[str, str]) -> Iterator[Shot]:
    """Bodies that are no good JSON."""
    whole = json.dumps(body).encode()
    name = next(iter(body))
    said = json.dumps(name).encode()
    told = headers | _JSON
    unfit = {
        "nothing": b"",
        "cut off": whole[:-1],
        "more": whole + b"{}",
        "no text": b'{"\xff\xfe":"\xc3\x28"}',
        "deep list": b"[" * DEEP + b"]" * DEEP,
        "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        "deep in a field": b"{" + said + b":" + b"[" * DEEP + b"]" * DEEP + b"}",
        "nested without need": b"{" + said + b":" + b"[" * 300 + b"]" * 300 + b"}",
        "NaN": b"{" + said + b":NaN}",
        "Infinity": b"{" + said + b":-Infinity}",
        "1e999": b"{" + said + b":1e999}",
        "endless number": b"{" + said + b":" + b"9" * 5000 + b"}",
        "twice": whole[:-1] + b"," + said + b":" + json.dumps(body[name]).encode() + b"}",
    }
    for what, data in unfit.items():
        yield Shot(method, at, what, data=data, headers=told, statuses=(422,))
    yield Shot(method, at, "too large", data=b" " * MOST_BODY_BYTES + whole, headers=told, statuses=(413,))
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ):
        yield Shot(method, at, kind, data=whole, headers=headers | {"Content-Type": kind}, statuses=(415,))
    for packing in ("gzip", "br", "deflate, gzip"):
        packed = told | {"Content-Encoding": packing}
        yield Shot(method, at, packing, data=_BOMB, headers=packed, statuses=(415,))


def _opaque(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_CURSORS = (
    "x",
    "====",
    "%00",
    "%FF%FE",
    "%C3%A9",
    "a" * 5000,
    *map(
        _opaque,
        (
            '{"$gt":""}',
            '["",{"$ne":null}]',
            "[" * 30_000,
            "[1,2]",
            "\x00",
            "0001-01-01T00:00:00+14:00 x",
            "0001-01-01T00:00:00+14:00|x",
            "0001-01-01T00:00:00+00:00|x",
            "9999-12-31T23:59:59-14:00 x",
            "2026-01-01T00:00:00|",
        ),
    ),
)
_LIMITS = ("99999999999999", "-1", "0", "1e9", "NaN", "", "%7B%22$gt%22:0%7D", "9" * 5000)
_IDS = (
    "$where",
    "..",
    "%2e%2e%2f%2e%2e",
    "%00",
    "a%00b",
    "x" * 5000,
    "%7B%22$gt%22%3A%22%22%7D",
    "%FF",
    "%C3%A9",
    "*",
    "evt.%3E",
)


_TAGS = ("", "*", "W/", '"', '"x"', '"-1"', '"1e3"', '"1", "2"', '"' + "9" * 5000 + '"', '"\u0661"', '"0x1"')
_KEYS = ("", "short", "x" * 81, "x" * 10_000, "khóa-lạ-000")


def _queries(method: str, path: str, operation: Any) -> Iterator[Shot]:
    given = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
    at = f"{filled(path)}?" + (f"unit_id={COMMUNE}" if "unit_id" in given else "")
    if "limit" in given:
        for limit in _LIMITS:
            yield Shot(method, f"{at}&limit={limit}", f"limit {limit[:20]}", statuses=(422,))
    if "cursor" in given:
        for cursor in _CURSORS:
            yield Shot(method, f"{at}&cursor={cursor}", f"cursor {cursor[:20]}", may_pass=True)
    for name, parameter in given.items():
        if any(word in str(parameter["schema"]) for word in ("pattern", "enum", "format")):
            for value in ("$gt", "%00", "x" * 3000):
                yield Shot(method, f"{at}&{name}={value}", f"{name}={value[:9]}", statuses=(422,))


def _headers(method: str, path: str, operation: Any) -> Iterator[Shot]:
    body = VALID[operation["operationId"]] if takes_json(operation) else None
    at = filled(path)
    sane = _KEY | {"If-Match": '"1"'}
    if "{" in path:
        before, _, after = path.partition("{")
        for value in _IDS:
            rest = filled(after.partition("}")[2])
            yield Shot(method, f"{before}{value}{rest}", f"id {value[:9]}", body, headers=sane)
    said = [one["name"].lower() for one in operation.get("parameters", ()) if one["in"] == "header"]
    for name, values, statuses in (("if-match", _TAGS, ()), ("idempotency-key", _KEYS, (400,))):
        for value in values if name in said else ():
            raw = value.encode().decode("latin-1")
            yield Shot(method, at, f"{name} {value[:9]!r}", body, headers=sane | {name.title(): raw}, statuses=statuses)


def shots(document: Any) -> Iterator[Shot]:
    """Everything for one service."""
    for path, method, operation in operations(document):
        if takes_json(operation):
            yield from _bodies(method, path, operation, document)
        yield from _queries(method, path, operation)
        yield from _headers(method, path, operation)
