"""The HTTP side of a service over a real socket: errors as problems, limits, repeats, probes, metrics."""

import asyncio
import io
import json
import re
import secrets
from typing import Annotated

import aiohttp
import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from opentelemetry.sdk.trace import TracerProvider
from pydantic import Field
from pymongo.errors import ServerSelectionTimeoutError

from lantoa_contracts.policy import Permission
from lantoa_runtime.errors import AppError, Invalid, NotFound, StaleVersion, Unavailable
from lantoa_runtime.http import (
    Caller,
    Grant,
    IfMatch,
    KeyDep,
    PageLimit,
    Routes,
    StrictModel,
    allows,
    blob_response,
    etag,
    idempotent,
)
from lantoa_runtime.http.middleware import MOST_BODY_BYTES
from lantoa_runtime.mongo import DuplicateKey, ReadModel
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually
from lantoa_testing.readers import read_every_event

LAN = Caller("p-lan", "Lan", (Grant("author", "u-1"),))
Looker = Annotated[Caller, allows(Permission("notes.note.read", frozenset({"author", "reporter"})))]
Writer = Annotated[Caller, allows(Permission("notes.note.write", frozenset({"author"})))]


class Note(StrictModel):
    title: str = Field(min_length=2, max_length=10)
    tags: list[str] = []
    inner: dict[str, int] = {}


class Notes:
    """A service with one route for each thing that can happen."""

    def __init__(self):
        self.die_before_create = False
        self.creations = 0

    def build(self, service):  # noqa: C901 - a table of routes
        service.stateless = True
        router = Routes()
        notes = service.db["notes"]
        self.db = service.db
        service.on_stop(self.db.close)

        @router.get("/open/{note_id}")
        async def opened(note_id: str) -> dict[str, str]:
            return {"id": note_id}

        @router.get("/list")
        async def listed(limit: PageLimit = 20) -> dict[str, int]:
            return {"limit": limit}

        @router.get("/me")
        async def me(caller: Looker) -> dict[str, str]:
            return {"id": caller.id}

        @router.post("/echo")
        async def echo(note: Note) -> Note:
            return note

        @router.post("/raw")
        async def raw(request: Request) -> dict[str, int]:
            return {"bytes": len(await request.body())}

        @router.patch("/notes/{note_id}")
        async def patch(note_id: str, ver: IfMatch, response: Response) -> dict[str, int]:
            if ver != 3:
                raise StaleVersion
            response.headers["ETag"] = etag(ver + 1)
            return {"ver": ver + 1}

        @router.get("/fail/{how}")
        async def fail(how: str) -> None:
            errors = {
                "missing": NotFound("note"),
                "invalid": Invalid("value-wrong", "/title"),
                "away": Unavailable("nats"),
                "database": ServerSelectionTimeoutError("mongodb://secret"),
                "taken": DuplicateKey({"login": 1}),
                "own": AppError("notes.unheard-of", 409),
            }
            raise errors.get(how, RuntimeError("a bug with a secret in it"))

        @router.get("/half")
        async def half() -> StreamingResponse:
            async def pieces():
                yield b"x" * 10
                raise RuntimeError("in the middle")

            return StreamingResponse(pieces())

        @router.post("/notes", status_code=201)
        async def create(note: Note, caller: Writer, key: KeyDep, request: Request, response: Response):
            async def make(note_id: str):
                if self.die_before_create:
                    self.die_before_create = False
                    raise RuntimeError("killed")
                self.creations += 1
                await asyncio.sleep(0.01)
                await notes.insert_one({"_id": note_id, "title": note.title})
                return {"id": note_id}

            async def find(note_id: str):
                return {"id": note_id} if await notes.find_one({"_id": note_id}) else None

            return await idempotent(request, response, service.db["idempotency"], caller, key, note, make, find)

        @router.get("/blobs/{sha256}")
        async def blob(sha256: str, request: Request):
            return await blob_response(request, service.blobs, sha256, "audio/ogg")

        service.routes(router)


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
async def app(start_service, notes):
    return await start_service("content", RuntimeSettings, notes.build)


def is_problem(answer, status, code):
    got, body, headers = answer
    assert (got, body["status"], body["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:lantoa:error:{code}"
    assert body["title"]
    assert set(body) <= {"type", "title", "status", "detail", "code", "retryable", "trace_id", "errors"}
    return body


BIG = b"1" * (MOST_BODY_BYTES + 1)
CASES = [
    ("GET", "/api/v1/content/nowhere", {}, 404, "no-such-address"),
    ("GET", "/elsewhere", {}, 404, "no-such-address"),
    ("DELETE", "/list", {}, 405, "method-not-allowed"),
    ("GET", "/fail/missing", {}, 404, "not-found"),
    ("GET", "/fail/invalid", {}, 422, "value-wrong"),
    ("GET", "/fail/away", {}, 503, "unavailable"),
    ("GET", "/fail/database", {}, 503, "unavailable"),
    ("GET", "/fail/taken", {}, 409, "already-exists"),
    ("GET", "/fail/bug", {}, 500, "unexpected"),
    ("GET", "/me", {}, 401, "sign-in-required"),
    ("PATCH", "/notes/a", {}, 428, "if-match-required"),
    ("PATCH", "/notes/a", {"headers": {"If-Match": '"2"'}}, 412, "stale-version"),
    ("PATCH", "/notes/a", {"headers": {"If-Match": "*"}}, 412, "stale-version"),
    ("POST", "/raw", {"data": BIG}, 413, "body-too-large"),
    ("POST", "/echo", {"data": BIG, "headers": {"Content-Type": "application/json"}}, 413, "body-too-large"),
    ("POST", "/echo", {"json": {}}, 422, "invalid-request"),
    ("GET", "/list?limit=0", {}, 422, "invalid-request"),
]


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), CASES)
async def test_every_error_is_a_problem_in_the_readers_language(app, method, path, sent, status, code):
    url = app.url + (path if path.startswith(("/api/", "/elsewhere")) else f"/api/v1/content{path}")
    titles = set()
    for language in ("vi", "en"):
        headers = {"Accept-Language": language, **sent.get("headers", {})}
        data = io.BytesIO(sent["data"]) if "data" in sent else None
        async with app.session.request(method, url, json=sent.get("json"), data=data, headers=headers) as response:
            body = is_problem((response.status, await response.json(content_type=None), response.headers), status, code)
            assert response.headers["content-language"] == language
            assert ("retry-after" in response.headers) == (status == 503)
        titles.add(body["title"])
        assert "secret" not in json.dumps(body)
    assert len(titles) == 2


async def test_a_405_tells_what_is_allowed(app):
    _, _, headers = await app.call("DELETE", "/list")
    assert headers["allow"] == "GET"


async def test_an_error_of_the_service_that_has_no_text_still_has_its_code(app):
    is_problem(await app.call("GET", "/fail/own"), 409, "notes.unheard-of")


async def test_an_unforeseen_error_has_the_callers_trace_id_to_find_it_by_and_is_counted(app, monkeypatch):
    monkeypatch.setattr("lantoa_runtime.telemetry.tracer", TracerProvider().get_tracer("test"))
    parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    body = is_problem(await app.call("GET", "/fail/bug", headers=parent), 500, "unexpected")
    assert body["trace_id"] == "a" * 32
    assert await series(app, 'route="/api/v1/content/fail/{how}",status="500"')


async def test_an_error_after_the_answer_began_cuts_the_connection(app):
    with pytest.raises(aiohttp.ClientError):
        await app.call("GET", "/half")


WRONG = [
    ({"title": "tốt", "evil": 1}, "/evil"),
    ({"title": {"$gt": ""}}, "/title"),
    ({"title": "x"}, "/title"),
    ({"title": "x" * 11}, "/title"),
    ({"title": "   "}, "/title"),
    ({}, "/title"),
    ({"title": "tốt", "tags": ["a", 3]}, "/tags/1"),
    ({"title": "tốt", "inner": {"a/b~c": "x"}}, "/inner/a~1b~0c"),
    ([], ""),
    ("text", ""),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG)
async def test_a_wrong_body_is_told_by_pointer(app, body, pointer):
    problem = is_problem(await app.call("POST", "/echo", json=body), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert all(error["message"] for error in problem["errors"])


@pytest.mark.parametrize("data", [b"{", b"{'a':1}", b"\xff", b'{"title":"a"', b"nul", b"[" * 5000])
async def test_malformed_json_is_told_as_such(app, data):
    answer = await app.call("POST", "/echo", data=data, headers={"Content-Type": "application/json"})
    is_problem(answer, answer[0], answer[1]["code"])
    assert answer[0] in (400, 422)


async def test_a_body_that_is_not_json_is_refused(app):
    answer = await app.call("POST", "/echo", data=b'{"title":"abc"}', headers={"Content-Type": "text/plain"})
    is_problem(answer, 415, "not-json")


async def test_text_is_stripped_and_a_right_body_passes(app):
    assert (await app.call("POST", "/echo", json={"title": "  tốt  "}))[1]["title"] == "tốt"


async def test_a_stream_without_a_length_is_cut_off_at_the_limit(app):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 65536
            yield b"x" * 65536
            await asyncio.sleep(0)

    try:
        async with app.session.post(f"{app.url}/api/v1/content/raw", data=endless()) as response:
            assert response.status == 413
    except aiohttp.ClientError:
        pass  # The server answered and closed while we were still sending.
    assert sent < 8 * MOST_BODY_BYTES


async def test_a_body_of_exactly_the_limit_passes(app):
    status, body, _ = await app.call("POST", "/raw", data=b"x" * MOST_BODY_BYTES)
    assert (status, body["bytes"]) == (200, MOST_BODY_BYTES)


async def test_a_change_with_the_right_version_passes_and_tells_the_next(app):
    status, _, headers = await app.call("PATCH", "/notes/a", headers={"If-Match": '"3"'})
    assert (status, headers["etag"]) == (200, '"4"')


async def test_only_the_gateways_token_opens_a_route(app):
    assert (await app.call("GET", "/me", caller=LAN))[1] == {"id": "p-lan"}
    for bad in ("", "x", "a.b.c", "ố"):
        headers = {"x-internal-token": bad.encode().decode("latin-1")}
        is_problem(await app.call("GET", "/me", headers=headers), 401, "sign-in-required")


def keyed(key=None):
    return {"Idempotency-Key": key or secrets.token_hex(8)}


async def test_a_post_without_a_key_is_refused(app):
    for key in (None, "short", "x" * 81):
        headers = {"Idempotency-Key": key} if key else {}
        answer = await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
        is_problem(answer, 400, "idempotency-key-required")


async def test_a_repeat_gets_the_first_answer(app, notes):
    headers = keyed()
    first = await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
    again = await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
    assert first[:2] == again[:2]
    assert first[0] == 201
    assert "idempotent-replay" not in first[2]
    assert again[2]["idempotent-replay"] == "true"
    assert notes.creations == 1


async def test_a_key_with_another_body_is_refused(app):
    headers = keyed()
    await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
    answer = await app.call("POST", "/notes", caller=LAN, json={"title": "other"}, headers=headers)
    is_problem(answer, 422, "idempotency-key-reused")


async def test_a_key_belongs_to_its_caller(app):
    headers = keyed()
    ha = Caller("p-ha", "Hà", LAN.grants)
    one = await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
    two = await app.call("POST", "/notes", caller=ha, json={"title": "abc"}, headers=headers)
    assert one[1]["id"] != two[1]["id"]


async def test_many_at_once_with_one_key_make_one(app, notes):
    headers = keyed()
    calls = [app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers) for _ in range(12)]
    answers = await asyncio.gather(*calls)
    assert {status for status, _, _ in answers} == {201}
    assert len({body["id"] for _, body, _ in answers}) == 1
    assert await notes.db["notes"].count({}) == 1


async def test_a_crash_between_record_and_creation_is_made_good_by_the_repeat(app, notes):
    headers = keyed()
    notes.die_before_create = True
    assert (await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers))[0] == 500
    assert await notes.db["notes"].count({}) == 0
    status, body, _ = await app.call("POST", "/notes", caller=LAN, json={"title": "abc"}, headers=headers)
    assert status == 201
    assert await notes.db["notes"].find_one({"_id": body["id"]})


async def test_a_stored_file_comes_whole_in_parts_or_not_at_all(app):
    data = secrets.token_bytes(600_000)
    ref = await app.service.blobs.put(data, "audio/ogg")
    path = f"/blobs/{ref.sha256}"
    status, body, headers = await app.call("GET", path)
    assert (status, body, headers["etag"]) == (200, data, f'"{ref.sha256}"')
    status, body, headers = await app.call("GET", path, headers={"Range": "bytes=300000-"})
    assert (status, body, headers["content-range"]) == (206, data[300_000:], "bytes 300000-599999/600000")
    outside = await app.call("GET", path, headers={"Range": "bytes=600000-"})
    is_problem(outside, 416, "range-outside")
    assert outside[2]["content-range"] == "bytes */600000"
    assert (await app.call("GET", path, headers={"If-None-Match": f'"{ref.sha256}"'}))[0] == 304
    is_problem(await app.call("GET", f"/blobs/{'0' * 64}"), 404, "not-found")


async def series(app, fragment=""):
    async with app.session.get(f"{app.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return [line for line in lines if "lantoa_http_request_seconds_count" in line and fragment in line]


async def test_ids_in_addresses_and_made_up_methods_make_no_new_series(app):
    await app.call("GET", "/open/first")
    await app.call("GET", "/api/v1/content/nothing/first")
    await app.call("BREW", "/list")
    before = len(await series(app))
    for number in range(50):
        await app.call("GET", f"/open/i-{number}")
        await app.call("GET", f"/api/v1/content/nothing/{number}")
        await app.call(f"BREW{number}", "/list")
    assert len(await series(app)) == before
    assert not [line for line in await series(app) if re.search(r"i-\d|BREW", line)]


async def test_probes_answer_without_being_counted(app):
    for path in ("/livez", "/readyz", "/metrics"):
        async with app.session.get(app.url + path) as response:
            assert response.status == 200
    assert not [line for line in await series(app) if "livez" in line or "readyz" in line]


def quiet(service):
    """Directory reads every event by one durable: a service of this name has no other to wait for."""
    ReadModel(service.db["units"])
    read_every_event(service)


async def says(app, status, failures):
    """Wait until this is its readiness: a look at a server that takes two seconds counts as none."""

    async def said():
        async with app.session.get(f"{app.url}/readyz") as response:
            return (response.status, (await response.json())["failures"]) == (status, failures)

    await eventually(said)


async def test_readiness_names_what_is_away_and_liveness_does_not_care(start_service, nats_server, mongo_server):
    app = await start_service("directory", RuntimeSettings, quiet)
    await says(app, 200, [])
    nats_server.kill()
    try:
        await says(app, 503, ["nats"])
        async with app.session.get(f"{app.url}/livez") as response:
            assert response.status == 200
    finally:
        nats_server.start()
    await eventually(app.ready)
    app.service.draining = True
    await says(app, 503, ["draining"])
    app.service.draining = False


async def test_readiness_names_the_database_when_it_is_away(start_service, mongo_server):
    server, _ = mongo_server
    app = await start_service("directory", RuntimeSettings, quiet)
    server.kill()
    try:
        await says(app, 503, ["mongo"])
    finally:
        server.start()
    await eventually(app.ready)
