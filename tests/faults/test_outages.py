"""What a service does while something it stands on is away, and with what NATS will never take."""

import time
from typing import Any

import pytest

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Outgoing
from lantoa_runtime.mongo import driver as mongo_driver
from lantoa_runtime.service import Service
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually
from lantoa_testing.readers import read_every_event


def unit(name: str, ver: int) -> Outgoing:
    event = UnitChanged(
        unit_id="u-1", ver=ver, code="1", name=name, kind="commune", path=("u-1",), valid_from=None, valid_to=None
    )
    return Outgoing(UNIT_CHANGED, event)


class Registry:
    """A service with one collection and one route that reads it."""

    def build(self, service: Service[RuntimeSettings]) -> None:
        self.units = service.aggregates("units")
        router = Routes()

        @router.get("/units")
        async def units() -> list[str]:
            return [document["_id"] for document in await self.units.collection.find({})]

        @router.get("/wrong")
        async def wrong() -> list[str]:
            return [document["_id"] for document in await self.units.collection.find({"$nonsense": 1})]

        service.routes(router)
        read_every_event(service)


@pytest.mark.parametrize("driver", ["pymongo", "motor"])
async def test_a_dead_database_is_told_within_seconds_and_the_service_heals_by_itself(
    start_service: Any, mongo_server: Any, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_driver, "_SELECT_MS", 2_000)
    server, _ = mongo_server
    registry = Registry()
    app = await start_service("directory", RuntimeSettings, registry.build, mongo_driver=driver)
    assert (await app.call("GET", "/units"))[0] == 200
    status, body, _ = await app.call("GET", "/wrong")
    assert (status, body["code"]) == (500, "unexpected"), "a fault of our own is no outage"
    server.kill()
    try:
        began = time.monotonic()
        status, body, headers = await app.call("GET", "/units")
        assert time.monotonic() - began < 9, "as long as it looks for a server, not as long as it waits for an answer"
        assert (status, body["code"], body["retryable"], headers["Retry-After"]) == (503, "unavailable", True, "2")
    finally:
        server.start()

    async def answers() -> bool:
        return bool((await app.call("GET", "/units"))[0] == 200)

    await eventually(answers)


async def test_an_event_too_large_for_its_stream_is_set_aside_and_later_ones_are_published(
    start_service: Any, events: Any
) -> None:
    registry = Registry()
    await start_service("directory", RuntimeSettings, registry.build)
    document = await registry.units.insert("u-1", {}, [unit("Xã Cầu Kè", 1)])
    for ver, name in ((2, "x" * 257 * 1024), (3, "y" * 1100 * 1024), (4, "Xã Tam Ngãi")):
        document = await registry.units.save(document, {"ver_of_name": ver}, [unit(name, ver)])
        await registry.units.drain()

    async def emptied() -> Any:
        found: Any = await registry.units.load("u-1")
        return found if found["outbox"] == [] and "ob_at" not in found else None

    stored: Any = await eventually(emptied)
    assert [event.ver for event in await events.all(UNIT_CHANGED)] == [1, 4]
    assert [aside["id"] for aside in stored["ob_refused"]] == ["u-1:2", "u-1:3"]
    assert all("bytes" in aside["error"] for aside in stored["ob_refused"])
