"""Outbox, bus and database seam against the bare drivers, on a real nats-server and the real development database."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nats.errors
from bench_rows import Row, compared
from pymongo import AsyncMongoClient

from lantoa_cli.servers import EmbeddedDatabase, answers, free_port
from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_SUBMITTED, ITEM_WITHDRAWN, UNIT_CHANGED
from lantoa_contracts.envelope import Envelope
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.bus import Bus
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Database, Index, connect
from lantoa_runtime.mongo.aggregates import Outgoing
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing.processes import ServerProcess, eventually
from lantoa_testing.servers import NatsServer, make_nats

SERVICE = "content"
AT_ONCE = 16
_FETCH = 8
_LONGEST_BLOCK_SECONDS = 120.0
_BODY = "Thông báo lịch tiêm phòng cho gia súc trên địa bàn xã. " * 12


@dataclass(frozen=True)
class Servers:
    """What the figures are taken on."""

    nats: NatsServer
    mongo: ServerProcess
    mongo_url: str

    def settings(self, **over: Any) -> RuntimeSettings:
        """Settings of the measured service."""
        return RuntimeSettings(
            nats_url=self.nats.url,
            nats_seed_file=self.nats.ring.seed_file(SERVICE),
            mongo_url=self.mongo_url,
            mongo_database_prefix="bench_",
            log_level="WARNING",
            **over,
        )

    def stop(self) -> None:
        """End both."""
        self.nats.stop()
        self.mongo.stop()


def start_servers(folder: Path) -> Servers:
    """NATS with the generated accounts and ``sync_interval: always``, and the embedded database."""
    embedded = EmbeddedDatabase(folder / "db", free_port())
    database = ServerProcess("secantusd-py", embedded.command(), lambda: answers(embedded.port), folder / "mongo.log")
    database.start()
    return Servers(make_nats(folder), database, embedded.url)


class Finish:
    """Counts what was handled and tells when it was all."""

    def __init__(self) -> None:
        self._left = 0
        self._done = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[None]] = {}

    def expect(self, count: int) -> None:
        """So many are to come."""
        self._left = count
        self._done.clear()

    def handled(self, key: str) -> None:
        """One came."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.set_result(None)
        self._left -= 1
        if self._left == 0:
            self._done.set()

    def arrival(self, key: str) -> asyncio.Future[None]:
        """Done when this one came."""
        self._waiting[key] = asyncio.get_running_loop().create_future()
        return self._waiting[key]

    async def all(self) -> None:
        """All came.

        Raises:
            TimeoutError: they did not.
        """
        await asyncio.wait_for(self._done.wait(), _LONGEST_BLOCK_SECONDS)


def _event(key: str, ver: int) -> ItemSubmitted:
    return ItemSubmitted(item_id=key, ver=ver, revision=ver, unit_id="u-29242-2025", author_id="p-lan")


def _document(key: str) -> dict[str, Any]:
    return {"_id": key, "ver": 1, "title": "Lịch tiêm phòng", "body": _BODY, "state": "draft", "tasks": ["08"]}


def _headers(event_id: str) -> dict[str, str]:
    return dict(Envelope(event_id, ITEM_SUBMITTED.type, "lantoa/content", Clock().now()).headers())


@contextlib.asynccontextmanager
async def _our_bus(servers: Servers, finish: Finish) -> AsyncIterator[Bus]:
    bus = Bus(SERVICE, servers.settings(), Clock())

    @bus.on(ITEM_SUBMITTED)
    async def submitted(event: ItemSubmitted, meta: Any) -> None:
        finish.handled(f"{event.item_id}:{event.ver}")

    async def idle(event: Any, meta: Any) -> None:
        """The catalogue wants it; nothing of the kind is published here."""

    for spec in (UNIT_CHANGED, ITEM_APPROVED, ITEM_WITHDRAWN):
        bus.on(spec)(idle)
    bus.start()
    await eventually(lambda: not bus.failures(), 20)
    try:
        yield bus
    finally:
        await bus.stop()


@contextlib.asynccontextmanager
async def _raw_bus(servers: Servers, finish: Finish) -> AsyncIterator[Any]:
    """nats-py alone, with the service's own rights and durable: fetch, parse the body, acknowledge."""
    client = await servers.nats.connect(SERVICE)
    stream = client.jetstream()
    subscription = await stream.pull_subscribe_bind(
        durable=ITEM_SUBMITTED.durable(SERVICE),
        stream=ITEM_SUBMITTED.stream,
        inbox_prefix=f"_INBOX_{SERVICE}.".encode(),
    )

    async def consume() -> None:
        while True:
            try:
                messages = await subscription.fetch(_FETCH, timeout=5)
            except nats.errors.TimeoutError:
                continue
            for message in messages:
                event = ItemSubmitted.model_validate_json(message.data)
                finish.handled(f"{event.item_id}:{event.ver}")
                await message.ack()

    task = asyncio.create_task(consume())
    try:
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def _spread(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """``count`` pieces of work, :data:`AT_ONCE` at a time; worker w gets w, w + AT_ONCE, ..."""

    async def worker(first: int) -> None:
        for number in range(first, count, AT_ONCE):
            await work(number)

    await asyncio.gather(*(worker(first) for first in range(AT_ONCE)))


async def _our_throughput(servers: Servers, count: int) -> float:
    finish = Finish()
    database = connect(servers.settings(), SERVICE)
    async with _our_bus(servers, finish) as bus:
        items = Aggregates(database["items"], bus, Clock(), "lantoa/content")
        await database.ensure_indexes([Aggregates.index("items")])
        keys = [secrets.token_hex(8) for _ in range(AT_ONCE)]
        documents = {key: _document(key) for key in keys}
        for document in documents.values():
            await database["items"].insert_one(document)
        finish.expect(count)

        async def change(number: int) -> None:
            key = keys[number % AT_ONCE]
            document = documents[key]
            event = Outgoing(ITEM_SUBMITTED, _event(key, document["ver"] + 1))
            saved = await items.save({**document, "outbox": []}, {"state": "submitted"}, [event])
            documents[key] = {**document, "ver": saved["ver"]}

        began = time.perf_counter()
        await _spread(count, change)
        await finish.all()
        took = time.perf_counter() - began
        await items.drain()
    await database.close()
    return count / took


async def _raw_throughput(servers: Servers, count: int) -> float:
    finish = Finish()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(servers.mongo_url, maxPoolSize=AT_ONCE)
    items = client["bench_content"]["items"]
    async with _raw_bus(servers, finish) as stream:
        keys = [secrets.token_hex(8) for _ in range(AT_ONCE)]
        await items.insert_many([_document(key) for key in keys])
        finish.expect(count)

        async def change(number: int) -> None:
            key, ver = keys[number % AT_ONCE], 2 + number // AT_ONCE
            update = {"$set": {"state": "submitted"}, "$inc": {"ver": 1}}
            await items.update_one({"_id": key, "ver": ver - 1}, update)
            body = _event(key, ver).model_dump_json().encode()
            await stream.publish(ITEM_SUBMITTED.subject, body, headers=_headers(f"{key}:{ver}"))

        began = time.perf_counter()
        await _spread(count, change)
        await finish.all()
        took = time.perf_counter() - began
    await client.close()
    return count / took


async def _hops(publish: Callable[[str, bytes, dict[str, str]], Awaitable[Any]], finish: Finish, count: int) -> float:
    finish.expect(count)
    run = secrets.token_hex(8)

    async def hop(number: int) -> None:
        arrived = finish.arrival(f"{run}:{number}")
        body = _event(run, number).model_dump_json().encode()
        await publish(ITEM_SUBMITTED.subject, body, _headers(f"{run}:{number}"))
        await arrived

    began = time.perf_counter()
    await asyncio.wait_for(_spread(count, hop), _LONGEST_BLOCK_SECONDS)
    return count / (time.perf_counter() - began)


async def _our_hops(servers: Servers, count: int) -> float:
    finish = Finish()
    async with _our_bus(servers, finish) as bus:
        return await _hops(bus.publish, finish, count)


async def _raw_hops(servers: Servers, count: int) -> float:
    finish = Finish()
    async with _raw_bus(servers, finish) as stream:
        return await _hops(lambda subject, body, headers: stream.publish(subject, body, headers=headers), finish, count)


async def _mixed(database: Database, count: int) -> float:
    """Of five operations two read by id, one lists twenty, one changes, one inserts."""
    items = database["mixed"]
    run = secrets.token_hex(6)
    for number in range(100):
        await items.insert_one({**_document(f"{run}-{number}"), "owner": f"{run}-{number % 5}"})

    async def work(number: int) -> None:
        key = f"{run}-{number % 100}"
        turn = number // AT_ONCE % 5
        if turn == 0:
            await items.insert_one({**_document(f"{run}-new-{number}"), "owner": run})
        elif turn == 1:
            await items.update_one({"_id": key}, {"$set": {"state": "submitted"}, "$inc": {"ver": 1}})
        elif turn == 2:
            await items.find({"owner": f"{run}-{number % 5}"}, limit=20)
        else:
            await items.find_one({"_id": key})

    began = time.perf_counter()
    await _spread(count, work)
    return count / (time.perf_counter() - began)


async def _on_driver(servers: Servers, driver: str, count: int) -> float:
    database = connect(servers.settings(mongo_driver=driver), "mixed")
    await database.ensure_indexes([Index("mixed", ("owner",))])
    try:
        return await _mixed(database, count)
    finally:
        await database.close()


async def rows(servers: Servers, rounds: int, count: int) -> list[Row]:
    """``bus_throughput``, ``bus_hop`` and ``motor_ratio``."""
    throughput = await compared(
        "bus_throughput",
        partial(_our_throughput, servers, count),
        partial(_raw_throughput, servers, count),
        rounds,
        "changes/s",
        f"state change to handler done, {count} changes of {AT_ONCE} documents by {AT_ONCE} tasks: Aggregates + Bus "
        "against bare update_one, publish with PubAck and nats-py fetch; aim >= 0.5",
    )
    hop = await compared(
        "bus_hop",
        partial(_our_hops, servers, count),
        partial(_raw_hops, servers, count),
        rounds,
        "hops/s",
        f"publish with PubAck to handler called, {AT_ONCE} in flight, each waits for its handler before the next "
        "(rate = in flight / mean latency): Bus against nats-py pull consumer; aim >= 0.4",
    )
    motor = await compared(
        "motor_ratio",
        partial(_on_driver, servers, "motor", count),
        partial(_on_driver, servers, "pymongo", count),
        rounds,
        "operations/s",
        f"the seam on motor against the seam on pymongo, {AT_ONCE} tasks: 2 find_one, 1 find of 20, 1 update, 1 insert",
    )
    return [throughput, hop, motor]
