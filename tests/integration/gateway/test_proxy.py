import asyncio
import io

import aiohttp
import pytest

from lantoa_gateway.api import connection, proxy
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_testing import eventually
from lantoa_testing.plugin import token_for

ECHO = "/api/v1/content/echo"
PATIENCE = 60.0
"""For what is broken, not for what is slow."""


async def test_a_service_learns_who_calls_from_the_token_alone(door):
    sid = await door.sign_in()
    admin = Caller("p-vinh", "Vinh", (Grant("admin", "u-1"),))
    spoofed = {
        HEADER: token_for(door.running.ring, admin, "content"),
        "X-Internal_Token": "x",
        "X-User": "vinh",
        "X-User-Id": "p-vinh",
        "Forwarded": "for=1.2.3.4",
        "X-Forwarded-For": "1.2.3.4",
        "Connection": "keep-alive, x-hop",
        "X-Hop": "1",
        "TE": "trailers",
    }
    status, body, _ = await door("GET", ECHO, sid, headers=spoofed)
    assert (status, body["caller"]) == (200, ["p-lan", "Lan", [["author", "u-1"]]])
    arrived = set(body["headers"]) - {"host"}
    assert arrived <= {HEADER, "accept", "accept-encoding", "traceparent"}
    assert "__Host-sid" not in str(body)


async def test_a_service_learns_from_which_address_staff_come(door):
    _, body, _ = await door("GET", ECHO, await door.sign_in())
    assert body["origin"] == "127.0.0.1"


async def test_behind_an_edge_it_is_the_address_that_the_edge_saw(start_door):
    door = await start_door(gateway_edges=("127.0.0.1",))
    said = {"x-forwarded-for": "10.6.6.6, 203.0.113.9"}  # The first is what the client said itself.
    _, body, _ = await door("GET", ECHO, await door.sign_in(), headers=said)
    assert body["origin"] == "203.0.113.9"


async def test_a_token_without_a_session_opens_nothing(door):
    token = token_for(door.running.ring, Caller("p-vinh", "Vinh", (Grant("admin", "u-1"),)), "content")
    status, problem, headers = await door("GET", ECHO, headers={HEADER: token, "Authorization": f"Bearer {token}"})
    assert (status, problem["code"]) == (401, "sign-in-required")
    assert headers["content-type"] == "application/problem+json"


async def test_what_a_service_needs_to_know_of_a_request_passes(door):
    sid = await door.sign_in()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    wanted = {
        "if-match": '"3"',
        "if-none-match": '"4"',
        "range": "bytes=0-9",
        "idempotency-key": "12345678",
        "accept-language": "en",
        "content-type": "application/json",
    }
    status, body, _ = await door(
        "PUT", f"{ECHO}?a=1&q=%C4%91%2F", sid, headers={**wanted, "traceparent": trace}, data=b"{}"
    )
    assert status == 200
    assert {name: body["headers"].get(name) for name in wanted} == wanted
    assert body["headers"]["traceparent"].split("-")[1] == trace.split("-")[1]
    assert (body["query"], body["bytes"]) == ("a=1&q=%C4%91%2F", 2)


async def test_ranges_and_validators_work_through_the_proxy(door):
    sid = await door.sign_in()
    status, part, headers = await door("GET", "/api/v1/content/blob", sid, headers={"range": "bytes=255-257"})
    assert (status, part, headers["content-range"]) == (206, b"\xff\x00\x01", "bytes 255-257/1048576")
    status, whole, headers = await door("GET", "/api/v1/content/blob", sid)
    assert (status, len(whole), headers["content-type"]) == (200, 1048576, "audio/ogg")
    status, nothing, _ = await door("GET", "/api/v1/content/blob", sid, headers={"if-none-match": headers["etag"]})
    assert (status, nothing) == (304, b"")
    assert (await door("GET", "/api/v1/content/blob", sid, headers={"range": "bytes=9999999-"}))[0] == 416


async def test_head_and_empty_bodies_pass(door):
    sid = await door.sign_in()
    assert (await door("HEAD", ECHO, sid))[0] == 200
    assert (await door("POST", ECHO, sid))[1]["bytes"] == 0
    assert (await door("DELETE", ECHO, sid))[1]["bytes"] == 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_one_megabyte_passes_and_one_byte_more_does_not(door, chunked, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", PATIENCE)  # However late this client reads the refusal.
    sid = await door.sign_in()

    def body(size):
        async def pieces():
            for start in range(0, size, 65536):
                yield b"x" * min(65536, size - start)

        return pieces() if chunked else io.BytesIO(b"x" * size)

    headers = {"content-type": "application/json"}
    status, answer, _ = await door("POST", ECHO, sid, data=body(1 << 20), headers=headers)
    assert (status, answer["bytes"]) == (200, 1 << 20)
    try:
        status, problem, headers = await door("POST", ECHO, sid, data=body((1 << 20) + 1), headers=headers)
    except aiohttp.ClientConnectionError:
        assert chunked  # The refusal may cross the body that is still being sent.
    else:
        assert (status, problem["code"]) == (413, "body-too-large")
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_first_piece_arrives_while_the_answer_is_still_being_made(door):
    sid = await door.sign_in()
    url = f"{door.running.url}/api/v1/content/endless"
    async with door.running.session.get(url, headers={"cookie": f"__Host-sid={sid}"}) as answer:
        assert await asyncio.wait_for(answer.content.readany(), PATIENCE) == b"first"
        await asyncio.wait_for(door.probe.waiting.wait(), PATIENCE)
        assert not door.probe.left.is_set()
    await asyncio.wait_for(door.probe.left.wait(), PATIENCE)


async def test_a_client_that_leaves_before_the_answer_frees_the_service(door):
    sid = await door.sign_in()
    asking = asyncio.ensure_future(door("GET", "/api/v1/content/silent", sid))
    await asyncio.wait_for(door.probe.waiting.wait(), PATIENCE)
    assert len(door.content.server.server_state.connections) == 1
    asking.cancel()
    await asyncio.wait({asking})
    await eventually(lambda: not door.running.server.server_state.tasks)
    await eventually(lambda: not door.content.server.server_state.connections)


async def test_a_service_that_is_not_there_is_a_clear_503(door):
    sid = await door.sign_in()
    status, problem, headers = await door("GET", "/api/v1/reporting/periods", sid)
    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)
    assert "reporting" in problem["detail"]
    assert problem["title"] == "Dịch vụ tạm thời gián đoạn"
    assert headers["retry-after"]


async def test_a_service_that_says_nothing_is_given_up(door, monkeypatch):
    monkeypatch.setattr(proxy, "RESPONSE_START_SECONDS", 0.3)
    sid = await door.sign_in()
    # By the deadline for the start: the one for silence comes after a minute.
    status, problem, _ = await asyncio.wait_for(door("GET", "/api/v1/content/silent", sid), PATIENCE / 2)
    assert (status, problem["code"]) == (503, "unavailable")


async def test_an_answer_slower_than_the_deadline_for_its_start_is_not_cut(door, monkeypatch):
    monkeypatch.setattr(proxy, "RESPONSE_START_SECONDS", 0.3)
    sid = await door.sign_in()
    url = f"{door.running.url}/api/v1/content/endless"

    async def begun():
        """A machine that stands still for a moment keeps no deadline."""
        answer = await door.running.session.get(url, headers={"cookie": f"__Host-sid={sid}"})
        if answer.status == 200:
            return answer
        answer.close()
        return None

    async with await eventually(begun) as answer:
        assert await answer.content.readany() == b"first"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.content.readany(), 0.7)


async def test_a_service_that_dies_midway_leaves_no_answer_that_looks_whole(start_door, crude_server):
    said = {
        "fleet": b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this",
        "content": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    }
    door = await start_door(upstreams={name: await crude_server(words) for name, words in said.items()})
    sid = await door.sign_in()
    for service in said:
        with pytest.raises(aiohttp.ClientPayloadError):
            await door("GET", f"/api/v1/{service}/enrolments", sid)
    assert (await door("GET", "/auth/me", sid))[0] == 200


async def test_a_service_that_dies_before_its_answer_is_a_503(start_door, crude_server):
    said = {"fleet": b"", "content": b"HTTP/1.1 200 OK\r\nconte", "signboard": b"nonsense\r\n\r\n"}
    door = await start_door(upstreams={name: await crude_server(words) for name, words in said.items()})
    sid = await door.sign_in()
    for service in said:
        status, problem, _ = await door("POST", f"/api/v1/{service}/enrolments", sid, json={})
        assert (status, problem["code"]) == (503, "unavailable")


async def test_strangers_reach_enrolment_as_nobody_and_nothing_else(start_door, crude_server):
    said = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    door = await start_door(upstreams={"fleet": await crude_server(said)})
    assert (await door("POST", "/api/v1/fleet/enrolments", json={}))[0] == 202
    assert (await door("GET", "/api/v1/fleet/devices"))[0] == 401
    assert (await door("POST", "/api/v1/fleet/devices/claim", json={}))[0] == 401


INNER = [
    "/api/v1/directory/sign-in",
    "/api/v1/directory/sign-in/",
    "/api/v1/directory/%73ign-in",
    "/api/v1/directory%2Fsign-in",
    "/api/v1/directory/sessions/resolve",
    "/api/v1/directory/sessions%2fend",
    "/api/v1/content/%2e%2e/directory/sign-in",
    "/api/v1/content/..%2fdirectory/sign-in",
    "/api/v1//directory/sign-in",
    "/api/v1/unknown/x",
    "/api/v1/content",
]


async def test_what_is_internal_or_not_there_is_not_reached(door):
    sid = await door.sign_in("vinh")
    for path in INNER:
        status, problem, _ = await door("POST", path, sid, json={"login": "lan", "password": "đúng"})
        assert (status, problem["code"]) == (404, "no-such-address"), path


async def test_loading_is_open_to_an_administrator_with_a_session(door):
    lan, vinh = await door.sign_in("lan"), await door.sign_in("vinh")
    unit = {"unit_id": "u-2", "code": "2", "name": "Tổ 2", "kind": "body", "parent": "u-1"}
    assert (await door("POST", "/api/v1/directory/import", lan, json={"units": [unit]}))[0] == 403
    assert (await door("POST", "/api/v1/directory/import", vinh, json={"units": [unit]}))[0] == 200
    assert (await door("POST", "/api/v1/directory/replay", vinh))[1] == {"units": 2}
    assert (await door("POST", "/api/v1/directory/import", json={}))[0] == 401


async def test_a_service_sets_no_cookie_and_shows_no_inner_address(door):
    sid = await door.sign_in()
    status, _, headers = await door("GET", "/api/v1/content/away", sid)
    assert (status, headers["location"]) == (307, "/api/v1/content/echo")
    assert "set-cookie" not in headers
