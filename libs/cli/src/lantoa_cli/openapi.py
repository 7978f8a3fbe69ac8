"""OpenAPI documents: of each service as its own code says, and of the platform as it is seen through the gateway."""

import contextlib
import importlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lantoa_cli.layout import checkout, load_layout
from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.policy import PERMISSIONS
from lantoa_runtime import __version__
from lantoa_runtime.service import Service, assemble
from lantoa_runtime.topology.keys import ensure_keys

Document = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_SCHEMAS = "#/components/schemas/"
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-sid",
    "description": "Opaque session id, given by `POST /auth/sign-in`. Requests that change something come as JSON.",
}

_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "An integration's access token (`POST /auth/tokens`) or an app's. It comes without a cookie.",
}
_CITIZEN = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-citizen",
    "description": "Opaque session id of a citizen, given by `POST /auth/citizen/sign-in`.",
}
_ASKED: Mapping[str, list[dict[str, list[str]]]] = {
    "anyone": [],
    "citizen": [{"citizen": []}],
    "role": [{"session": []}, {"token": []}],
    "system": [{"session": []}, {"token": []}],
}
"""What the gateway asks of who comes for a permission."""


def documents() -> dict[str, Document]:
    """The document of every service by its name, in catalogue order."""
    return {name: service.app.openapi() for name, service in assembled().items()}


def assembled() -> dict[str, Service[Any]]:
    """Every service by its name, in catalogue order. Nothing is connected to and nothing listens."""
    with tempfile.TemporaryDirectory() as folder:
        layout = load_layout(checkout(), Path(folder))
        ensure_keys(layout.ring.folder)
        made = {}
        for name in SERVICES:
            env = {key: value for key, value in layout.service_env(name).items() if not key.endswith("CONSOLE_DIR")}
            with _environment(env):
                made[name] = _assembled(name)
        return made


def _assembled(name: str) -> Service[Any]:
    # By name and at run time: services are strangers to each other, and an image of this command has none of them.
    module = importlib.import_module(f"lantoa_{name}.main")
    (settings_type,) = get_args(get_type_hints(module.build)["service"])
    service = assemble(name, settings_type())
    module.build(service)
    return service


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Document]]:
    """Path, method and operation of each operation in a document."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def merge(services: Mapping[str, Document]) -> Document:
    """One document of what the gateway lets through: no internal addresses, a session in place of internal tokens.

    A schema that several services have in different forms is named with its service in front.
    """
    target_of = importlib.import_module("lantoa_gateway.domain").target_of
    names = _names(services)
    paths: Document = {}
    schemas: Document = {}
    for service, document in services.items():
        renamed = _renamed(document, names[service])
        own = {names[service].get(name, name): schema for name, schema in renamed["components"]["schemas"].items()}
        used: set[str] = set()
        for path, method, operation in operations(renamed):
            target = target_of(path) if path.startswith("/api/v1/") else None
            if target and target.internal:
                continue
            shown = {key: value for key, value in operation.items() if key != "security"}
            # The gateway says itself what it asks for; services know internal tokens alone.
            asked = _ASKED[PERMISSIONS[operation["x-permission"]].who] if target else operation.get("security")
            if asked:
                shown["security"] = asked
            paths.setdefault(path, {})[method] = shown
            used |= _reached(own, shown)
        schemas |= {name: own[name] for name in sorted(used)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lan Tỏa",
            "version": __version__,
            "description": "Everything that people and devices reach over HTTP. Errors are `application/problem+json`, "
            "in Vietnamese or, by `Accept-Language`, in English.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"session": _SESSION, "token": _TOKEN, "citizen": _CITIZEN},
        },
    }


def _names(services: Mapping[str, Document]) -> dict[str, dict[str, str]]:
    """For each service the new names of its schemas that others have otherwise."""
    schemas = {service: document.get("components", {}).get("schemas", {}) for service, document in services.items()}
    names: dict[str, dict[str, str]] = {service: {} for service in services}
    while True:
        # Again until nothing changes: what refers to a schema with two forms has two forms itself.
        forms: dict[str, set[str]] = {}
        for service, found in schemas.items():
            for name, schema in found.items():
                forms.setdefault(name, set()).add(json.dumps(_renamed(schema, names[service]), sort_keys=True))
        split = {name for name, texts in forms.items() if len(texts) > 1}
        after = {
            service: {
                name: f"{service.capitalize()}{name}" for name in found if name in split or name in names[service]
            }
            for service, found in schemas.items()
        }
        if after == names:
            return names
        names = after


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A copy in which references to schemas have their new names."""
    if isinstance(node, list):
        return [_renamed(child, names) for child in node]
    if not isinstance(node, dict):
        return node
    made = {key: _renamed(child, names) for key, child in node.items()}
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith(_SCHEMAS):
        name = ref.removeprefix(_SCHEMAS)
        made["$ref"] = _SCHEMAS + names.get(name, name)
    return made


def _reached(schemas: Mapping[str, Any], node: Any) -> set[str]:
    """Names of the schemas that a node refers to, directly and through others."""
    found: set[str] = set()
    waiting = list(_references(node))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        ref = node.get("$ref")
        if isinstance(ref, str):
            yield ref.removeprefix(_SCHEMAS)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _references(child)
