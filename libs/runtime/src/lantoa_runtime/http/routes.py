"""Routes that are built once, and when somebody asks for them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import compile_path

F = TypeVar("F", bound=Callable[..., Any])


class LateRoute(APIRoute):
    """A route that knows its address, and the rest of itself from the first request to it, or from the document, on.

    FastAPI reads an endpoint's signature and makes validators for what it finds: milliseconds for each of a service's
    dozens of routes, before the first of them can answer.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._declared = path, endpoint, options
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:
        """What is asked for first is not there yet; whatever is asked for after it is."""
        declared = self.__dict__.pop("_declared", None)
        if declared is None:
            raise AttributeError(name)
        path, endpoint, options = declared
        super().__init__(path, endpoint, **options)
        return getattr(self, name)


class Routes:
    """Routes written down as for an ``APIRouter``, and built when an application takes them up.

    FastAPI builds the routes of an ``APIRouter`` where they are declared and anew where they are included: twice the
    time in which a service is put together, and twice the memory of its routes. What is given here goes before what a
    route says itself; a route's own options are those of FastAPI.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        tags: Sequence[str] = (),
        dependencies: Sequence[Any] = (),
        include_in_schema: bool = True,
        route_class: type[APIRoute] | None = None,
    ) -> None:
        self._prefix = prefix
        self._tags = tags
        self._dependencies = dependencies
        self._include_in_schema = include_in_schema
        self._route_class = route_class
        self._written: list[tuple[str, Callable[..., Any], dict[str, Any]]] = []

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Write one route down."""
        options["tags"] = [*self._tags, *options.get("tags", ())]
        options["dependencies"] = [*self._dependencies, *options.get("dependencies", ())]
        options["include_in_schema"] = self._include_in_schema and options.get("include_in_schema", True)
        options["route_class_override"] = options.get("route_class_override") or self._route_class
        self._written.append((self._prefix + path, endpoint, options))

    def add_to(self, router: "APIRouter | Routes", prefix: str = "", tags: Sequence[str] = ()) -> None:
        """Let an application's router build these under ``prefix``, or other routes take them over."""
        for path, endpoint, options in self._written:
            router.add_api_route(prefix + path, endpoint, **{**options, "tags": [*tags, *options["tags"]]})

    def api_route(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers at this path."""

        def write(endpoint: F) -> F:
            self.add_api_route(path, endpoint, **options)
            return endpoint

        return write

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers GET."""
        return self.api_route(path, methods=["GET"], **options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers POST."""
        return self.api_route(path, methods=["POST"], **options)

    def put(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers PUT."""
        return self.api_route(path, methods=["PUT"], **options)

    def patch(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers PATCH."""
        return self.api_route(path, methods=["PATCH"], **options)

    def delete(self, path: str, **options: Any) -> Callable[[F], F]:
        """The decorated function answers DELETE."""
        return self.api_route(path, methods=["DELETE"], **options)
