"""What people who mean no good send is refused with a problem in their language, and nothing of it is written."""

import asyncio
import base64
import json
from collections import Counter

import pytest
from hostile_answers import fire, titles, wrong_with
from hostile_shots import Shot, filled, shots, takes_json
from hostile_world import ANONYMOUS, CITIZEN, ELSEWHERE, EVERYBODY, SERVICES, VALID, Target
from yarl import URL

from lantoa_cli.openapi import operations
from lantoa_runtime.http.auth import HEADER
from lantoa_testing.plugin import token_for

HUGE = 60 * 1024 * 1024
BOOKKEEPING = {
    "directory": {"attempts", "citizens", "challenges", "accounts", "tickets", "audit", "audit_chains"},
}
"""Failed sign-ins are counted: that is what they are to write. What was done before is written down meanwhile."""
OPEN_TO_ALL = {"fleet_enrol"}
"""A device proves itself by its signature."""


@pytest.mark.parametrize("name", SERVICES)
async def test_hostile_requests_are_refused_in_the_readers_language_and_write_nothing(opened, name):
    target = await opened(name)
    known = {language: titles(language, name) for language in ("vi", "en")}
    before = await target.counts()
    faults, seen = [], Counter()
    for number, shot in enumerate(shots(target.document)):
        language = ("vi", "en")[number % 2]
        caller = CITIZEN if "attempts" in shot.path else EVERYBODY
        answer = await fire(target, shot, caller, language)
        seen[answer[0]] += 1
        if fault := wrong_with(shot, answer, language, known):
            faults.append(f"{shot.method} {shot.path[:90]} [{shot.what}]: {fault}")
    assert seen[422]
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:60])
    after = await target.counts()
    for collection in BOOKKEEPING.get(name, ()):
        before.pop(collection, None), after.pop(collection, None)
    assert after == before


async def raw(target: Target, *pieces: bytes) -> tuple[int, bytes, int]:
    """Send pieces until an answer comes; its status, the answer and how many bytes had been sent."""
    url = URL(target.running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = asyncio.create_task(reader.read(65_536))
    sent = 0
    for piece in pieces:
        if answer.done():
            break
        try:
            writer.write(piece)
            await writer.drain()
        except ConnectionError:
            break
        sent += len(piece)
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        got = await answer
    writer.close()
    return int(got.split(b" ", 2)[1]), got, sent


def head(target: Target, method: str, path: str, *lines: str) -> bytes:
    token = token_for(target.running.ring, EVERYBODY, target.name)
    fixed = ("Host: x", f"{HEADER}: {token}", "Content-Type: application/json")
    return "\r\n".join([f"{method.upper()} {path} HTTP/1.1", *fixed, *lines, "", ""]).encode("latin-1")


async def test_sixty_megabytes_are_not_read_to_the_end(opened):
    target = await opened("content")
    piece = b'{"title":"' + b"x" * (64 * 1024)
    many = [piece] * (HUGE // len(piece))
    length = f"Content-Length: {sum(map(len, many))}"
    for path, method, operation in operations(target.document):
        if "requestBody" in operation:
            start = head(target, method, path.replace("{item_id}", "x"), length)
            status, answer, sent = await raw(target, start, *many)
            assert status == 413, (path, answer)
            assert b"application/problem+json" in answer
            assert sent < HUGE / 4, path


async def test_headers_that_no_client_writes_get_no_server_error_and_write_nothing(opened):
    target = await opened("content")
    before = await target.counts()
    body = json.dumps(VALID["content_create"]).encode()
    base = "/api/v1/content/items"
    length = f"Content-Length: {len(body)}"
    key = "Idempotency-Key: hostile-0002"
    for lines in (
        ("Idempotency-Key: key\x01\x02-00000", length),
        ("Idempotency-Key: key-\x7f-000000", length),
        ("Idempotency-Key: key\t00000000000", length),
        (key, "Content-Length: -1"),
        (key, length, "Transfer-Encoding: gzip, chunked"),
        (key, length, "Content-Encoding: gzip"),
        (key, length, "Content-Encoding: identity, gzip"),
    ):
        status, answer, _ = await raw(target, head(target, "POST", base, *lines), body)
        assert 400 <= status < 500, (lines, answer)
    assert await target.counts() == before
    for odd in ("Host: [", "Host: a/b?c#d", "Accept-Language: " + "en;q=," * 500, "traceparent: 00-zz-zz-zz"):
        got = await raw(
            target, head(target, "GET", base, odd).replace(b"Host: x\r\n", b"" if "Host" in odd else b"Host: x\r\n")
        )
        assert got[0] < 500, (odd, got)


async def test_tokens_that_the_gateway_did_not_sign_open_nothing(opened):
    target = await opened("content")
    good = token_for(target.running.ring, EVERYBODY, "content")
    part, claims, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    deep = base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=")
    for token in (
        token_for(target.running.ring, EVERYBODY, "fleet"),
        f"{none}.{claims}.",
        f"{deep}.{claims}.{signature}",
        f"{part}.{deep}.{signature}",
        f"{part}.{claims}.{signature[:-4]}AAAA",
        good + ".",
        "\xff" * 40,
    ):
        status, body, _ = await target.running.call("GET", "/items", headers={HEADER: token})
        assert (status, body["code"]) == (401, "sign-in-required"), token[:60]


NOT_THERE = ("fleet.no-such-device",)
STRANGERS = {"wrong unit": ELSEWHERE, "citizen": CITIZEN, "anonymous": ANONYMOUS}


@pytest.mark.parametrize("name", SERVICES)
async def test_whoever_has_no_right_changes_nothing(opened, name):
    target = await opened(name)
    before = await target.counts()
    faults = []
    for path, method, operation in operations(target.document):
        if method == "get" or operation["operationId"] in OPEN_TO_ALL:
            continue
        body = VALID[operation["operationId"]] if takes_json(operation) else None
        shot = Shot(method, filled(path), "", body, headers={"Idempotency-Key": "stranger-1", "If-Match": '"1"'})
        for who, caller in STRANGERS.items():
            status, answer, _ = await fire(target, shot, caller, "vi")
            # Whether a file could be read at all may be said before whose it is; what is hidden is not there.
            excused = (status in (415, 422) and not takes_json(operation)) or answer.get("code") in NOT_THERE
            if status not in (401, 403, 404) and not excused:
                faults.append(f"{who}: {method} {path}: {status} {answer}")
    assert faults == []
    assert await target.counts() == before
