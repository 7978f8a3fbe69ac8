"""The registry in memory: whoever looks sees what was written before, also while another is reading it."""

import asyncio
from datetime import UTC, datetime

import pytest

from lantoa_fleet.usecases.listing import Roster
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import connect
from lantoa_runtime.settings import RuntimeSettings

PLACE = {
    "unit_id": "u-1",
    "path": ["u-1"],
    "state": "accepted",
    "seq": 1,
    "last_seen": datetime(2026, 11, 27, tzinfo=UTC),
}


@pytest.fixture
async def database(mongo_url, tmp_path):
    settings = RuntimeSettings(mongo_url=mongo_url, mongo_database_prefix=f"roster_{tmp_path.name[-8:]}_")
    database = connect(settings, "fleet")
    yield database
    await database.drop()
    await database.close()


async def _claim(database, roster, device_id):
    await database["devices"].insert_one({"_id": device_id, "name": device_id, "kind": "radio", **PLACE})
    roster.note(device_id)


async def test_a_device_that_was_just_claimed_is_there_for_everybody_who_looks_at_once(database):
    roster = Roster(database["devices"], database["units"], Clock(), 600.0)
    await roster.fresh()

    async def look(device_id):
        await roster.fresh()
        return device_id in roster.rows

    for number in range(5):
        await _claim(database, roster, f"d-{number}")
        assert all(await asyncio.gather(*(look(f"d-{number}") for _ in range(4))))


async def test_a_unit_that_changes_while_all_is_read_has_all_read_once_more(database):
    roster = Roster(database["devices"], database["units"], Clock(), 600.0)
    reading = asyncio.create_task(roster.fresh())
    await asyncio.sleep(0)
    await database["units"].insert_one({"_id": "u-1", "name": "Xã Một", "kind": "commune", "path": ["u-1"]})
    roster.note_units()
    await reading
    assert (await roster.fresh()).unit_name("u-1") == "Xã Một"
