"""An application whose OpenAPI document says what an error looks like."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from lantoa_contracts.policy import Permission
from lantoa_runtime import __version__
from lantoa_runtime.http.auth import Allows, Declares
from lantoa_runtime.http.bodies import fit_json
from lantoa_runtime.http.models import Problem
from lantoa_runtime.http.routes import LateRoute

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; `code` says why, `errors` which fields are wrong.", "content": _PROBLEM},
    "5XX": {
        "description": "Went wrong here; when `retryable`, the same request may succeed later.",
        "content": _PROBLEM,
    },
}
NEEDED: dict[str, Any] = {"x-needed": True}
"""Marks a header that the document calls required although FastAPI may not refuse it, because its absence has a status
of its own."""


@dataclass(frozen=True)
class Declared:
    """A route and the permissions that it names; it should name one."""

    path: str
    methods: frozenset[str]
    permissions: frozenset[Permission]


def declared(app: FastAPI) -> Iterator[Declared]:
    """Every route of an application, those of included routers too. What is mounted names nothing."""
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        named = frozenset(_named(dependant)) if dependant else frozenset()
        yield Declared(route.path_format or route.path or "", frozenset(route.methods or ()), named)


def _named(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, Allows | Declares):
        yield dependant.call.permission
    for inner in dependant.dependencies:
        yield from _named(inner)


class Api(FastAPI):
    """The application of one service."""

    def __init__(self, name: str) -> None:
        super().__init__(
            title=f"Lan Tỏa {name}",
            version=__version__,
            openapi_url=f"/api/v1/{name}/openapi.json",
            docs_url=None,
            redoc_url=None,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            responses=_ERRORS,
            dependencies=[Depends(fit_json)],
            generate_unique_id_function=_operation_id_of(name),
            # FastAPI's own spans hold whole queries, among them signatures of media addresses; the chassis makes ours.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self.router.route_class = LateRoute

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        document = super().openapi()
        # FastAPI collects the schemas of bodies and answers only, not what the shared responses refer to.
        template = "#/components/schemas/{model}"
        schema = Problem.model_json_schema(ref_template=template, mode="serialization")
        defined = {**schema.pop("$defs", {}), "Problem": schema}
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(defined)
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        paths = document.get("paths", {})
        for route in declared(self):
            for method in route.methods:
                operation = paths.get(route.path, {}).get(method.lower())
                if operation and route.permissions:
                    (operation["x-permission"],) = {one.name for one in route.permissions}
        for item in paths.values():
            for operation in item.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["schema"].keys() & NEEDED.keys():
                        parameter |= {"required": True, "schema": {"type": "string"}}
        return document

    def methods_at(self, path: str) -> set[str]:
        """The methods that the document has for an address; empty when it does not know it."""
        documented: dict[str, dict[str, Any]] = self.openapi()["paths"]
        if path in documented:
            return {method.upper() for method in documented[path]}
        found = (item for template, item in documented.items() if compile_path(template)[0].match(path))
        return {method.upper() for item in found for method in item}


def _operation_id_of(name: str) -> Any:
    def operation_id(route: APIRoute) -> str:
        """``<service>_<function>``: what generated clients call their methods."""
        return f"{name}_{route.name}"

    return operation_id
