"""The gateway as a process of its own under people who mean no good: it stays small, and others do not notice."""

import asyncio
import contextlib

import aiohttp
import pytest

from lantoa_testing import eventually
from lantoa_testing.front_door import FrontDoor, StandIns, cookie
from lantoa_testing.live_pages import LIVE

IDLE_PAGES = 1000
SLOW_HEADS = 300
MB = 1_000_000


@pytest.fixture(scope="module")
def door(nats_server, tmp_path_factory):
    """One gateway for all: what one test does to it, the next must not notice."""
    behind = StandIns()
    made = FrontDoor(tmp_path_factory.mktemp("door"), nats_server, behind.url)
    made.stand_ins_port = behind.port
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
async def stand_ins(door):
    made = StandIns(port=door.stand_ins_port)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def session():
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as made:
        yield made


async def _asked(session, door, path, person=1, **options):
    headers = {**cookie(person), **options.pop("headers", {})}
    method = options.pop("method", "GET")
    async with session.request(method, door.url + path, headers=headers, **options) as answer:
        return answer.status, await answer.read()


async def _works(session, door):
    """Whoever does a day's work is answered, reading and writing."""
    assert (await _asked(session, door, "/api/v1/content/plain"))[0] == 200
    status, body = await _asked(session, door, "/api/v1/content/plain", method="POST", json={"a": 1})
    assert (status, b"bytes" in body) == (200, True)


async def _pieces(count):
    for _ in range(count):
        yield b"x" * 65536


async def _sent(session, door, path, headers, data):
    """The answer's status; ``None`` where the connection was closed while the body was still being sent."""
    with contextlib.suppress(aiohttp.ClientConnectionError):
        return (await _asked(session, door, path, method="POST", headers=headers, data=data))[0]
    return None


async def test_bodies_of_sixty_megabytes_and_nesting_without_end_leave_no_trace(door, session):
    await _works(session, door)
    before = door.rss_mb
    json_ = {"content-type": "application/json"}
    for path in ("/api/v1/content/plain", "/auth/sign-in"):
        said = {**json_, "content-length": str(60 * MB)}
        assert await _sent(session, door, path, said, b"x") in (413, None)
        assert await _sent(session, door, path, json_, _pieces(60 * MB // 65536)) in (413, None)
        for deep in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000):
            status = await _sent(session, door, path, json_, deep)
            assert status in ((422,) if path == "/auth/sign-in" else (200,))
    assert door.rss_mb - before < 40
    await _works(session, door)


async def test_a_thousand_idle_pages_and_heads_that_never_end_take_little_and_hold_up_nobody(door, session):
    await _works(session, door)
    before = door.rss_mb
    heads = []
    for _ in range(SLOW_HEADS):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ")
        heads.append(writer)
    forever = aiohttp.ClientTimeout(total=None)

    async def page(number):
        headers = cookie(number % (IDLE_PAGES // 10))
        return await session.get(door.url + LIVE, headers=headers, timeout=forever)

    pages = [answer for _ in range(10) for answer in await asyncio.gather(*map(page, range(IDLE_PAGES // 10)))]
    assert [answer.status for answer in pages] == [200] * IDLE_PAGES
    assert door.rss_mb - before < 150
    await asyncio.gather(*(_works(session, door) for _ in range(20)))
    for answer in pages:
        answer.close()
    for writer in heads:
        writer.close()

    async def gone():
        _, said = await _asked(session, door, "/metrics")
        return b"lantoa_gateway_live_streams 0.0" in said

    await eventually(gone)


async def test_ten_times_the_reports_leave_alerts_and_the_day_s_work_alone(door, stand_ins, session):
    await _works(session, door)
    flood = [
        asyncio.create_task(
            _asked(
                session,
                door,
                "/api/v1/reporting/held",
                n,
            )
        )
        for n in range(80)
    ]
    await eventually(lambda: stand_ins.waiting["reporting"] == 8)
    # At once: the gateway gives up what is held after ten seconds.
    alerts = await asyncio.gather(*(_asked(session, door, "/api/v1/alert/plain", number) for number in range(50)))
    assert {status for status, _ in alerts} == {200}
    await _works(session, door)
    await eventually(lambda: sum(task.done() for task in flood) == 72)
    stand_ins.held.set()
    answers = await asyncio.gather(*flood)
    assert sorted(status for status, _ in answers) == [200] * 8 + [503] * 72
    refused = next(body for status, body in answers if status == 503)
    assert b'"gateway.crowded"' in refused
    assert b'"retryable":true' in refused
    _, said = await _asked(session, door, "/metrics")
    assert b'lantoa_gateway_shed_total{kind="reports"} 72.0' in said
    assert b'lantoa_gateway_shed_total{kind="alert"} 0.0' in said


async def test_one_person_s_haste_is_refused_and_nobody_else_s_work(door, session):
    async def paper(person):
        async with session.get(f"{door.url}/api/v1/reporting/plain.docx", headers=cookie(person)) as answer:
            return answer.status, answer.headers

    answers = []
    while len(answers) < 200 and not (answers and answers[-1][0] == 429):
        answers.append(await paper(1))  # A slow machine may be allowed one more every three seconds.
    assert [status for status, _ in answers] == [404] * (len(answers) - 1) + [429]
    assert len(answers) > 10
    headers = answers[-1][1]
    assert headers["RateLimit-Policy"] == '"paper";q=10;w=30'
    assert headers["RateLimit"].startswith('"paper";r=0;t=')
    assert int(headers["Retry-After"]) >= 1
    assert answers[0][1]["RateLimit"].startswith('"paper";r=9;')
    assert (await paper(2))[0] == 404
    await _works(session, door)
