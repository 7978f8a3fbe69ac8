"""Routes are built once, when they are asked for, as FastAPI builds those of a router that it includes."""

import json
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from lantoa_runtime.http import Routes
from lantoa_runtime.http.routes import LateRoute

SEEN: list[str] = []


async def answer(app: FastAPI, path: str) -> tuple[int, Any]:
    """Status and body of a GET, asked of the application itself."""
    sent: list[Any] = []

    async def nothing_more() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, nothing_more, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def outer() -> None:
    SEEN.append("outer")


def inner() -> None:
    SEEN.append("inner")


def own() -> None:
    SEEN.append("own")


def things(kind: Any) -> Any:
    """The same routes, written on either kind of router."""
    routes = kind(prefix="/things", tags=["things"], dependencies=[Depends(inner)])

    @routes.get("/{name}", tags=["reading"], dependencies=[Depends(own)])
    def thing(name: str) -> dict[str, str]:
        """One thing."""
        return {"name": name}

    @routes.api_route("", methods=["GET", "HEAD"], include_in_schema=False)
    def all_of_them() -> list[str]:
        return []

    @routes.post("", status_code=201)
    def make(size: int) -> int:
        return size

    routes.put("/{name}")(thing)
    routes.patch("/{name}")(thing)
    routes.delete("/{name}")(thing)
    return routes


@pytest.fixture(params=[APIRoute, LateRoute])
def app(request):
    made = FastAPI(dependencies=[Depends(outer)])
    made.router.route_class = request.param
    things(Routes).add_to(made.router, "/api", ["all"])
    return made


def test_what_is_built_is_what_fastapi_builds_of_an_included_router(app):
    included = FastAPI()
    included.include_router(things(APIRouter), prefix="/api", tags=["all"])
    assert app.openapi()["paths"] == included.openapi()["paths"]
    assert app.openapi()["paths"]["/api/things/{name}"]["get"]["tags"] == ["all", "things", "reading"]


async def test_dependencies_are_asked_from_the_outside_in(app):
    SEEN.clear()
    assert await answer(app, "/api/things/one") == (200, {"name": "one"})
    assert SEEN == ["outer", "inner", "own"]


async def test_every_route_is_built_once_and_not_before_an_application_takes_it_up():
    built = []

    class Counted(APIRoute):
        def __init__(self, path: str, *arguments: Any, **options: Any) -> None:
            built.append(path)
            super().__init__(path, *arguments, **options)

    routes, whole = Routes("/a", route_class=Counted), Routes("/whole")
    routes.get("/b")(outer)
    routes.add_to(whole)
    assert built == []
    app = FastAPI()
    whole.add_to(app.router, "/api")
    assert await answer(app, "/api/whole/a/b") == (200, None)
    assert built == ["/api/whole/a/b"]


async def test_a_late_route_is_built_by_whoever_asks_for_it_first():
    built = []

    class Counted(LateRoute):
        def get_route_handler(self) -> Any:
            built.append(self.name)
            return super().get_route_handler()

    app = FastAPI()
    app.router.route_class = Counted
    things(Routes).add_to(app.router)
    assert (await answer(app, "/nothing"))[0] == 404
    assert built == []
    for _ in range(2):
        assert await answer(app, "/things/one") == (200, {"name": "one"})
    assert built == ["thing"]
    app.openapi()
    assert sorted(built) == sorted(["all_of_them", "make", *["thing"] * 4])
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = app.routes[-1].no_such_thing


async def test_nothing_of_hidden_routes_is_documented():
    app, routes = FastAPI(), Routes(include_in_schema=False)
    routes.get("/a", include_in_schema=True)(outer)
    routes.add_to(app.router)
    assert app.openapi()["paths"] == {}
    assert await answer(app, "/a") == (200, None)
