"""Kill -9 of the writer, of NATS and of the database: the stream holds exactly the changes that the documents hold."""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lantoa_cli.servers import EmbeddedDatabase, answers, free_port
from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.envelope import ID
from lantoa_runtime.mongo import connect
from lantoa_runtime.mongo.driver import MongoError
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import ServerProcess, eventually
from lantoa_testing.servers import make_nats

WRITER = Path(__file__).with_name("outbox_writer.py")
DOCUMENTS = 10
AT_A_TIME = 5
"""Changes of each document that the writer may do between two kills."""
VICTIMS = ["writer", "writer", "writer", "nats", "mongo"]
CHANGES = AT_A_TIME * (len(VICTIMS) + 1)
ALL = DOCUMENTS * CHANGES


@pytest.fixture
def nats(tmp_path):
    server = make_nats(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def mongo(tmp_path):
    plan = EmbeddedDatabase(tmp_path / "db", free_port())
    server = ServerProcess("secantusd-py", plan.command(), lambda: answers(plan.port), tmp_path / "mongo.log")
    server.start()
    yield server, plan.url
    server.stop()


@pytest.fixture
async def opened():
    """Open the writer's database for reading."""
    async with contextlib.AsyncExitStack() as stack:

        def connected(settings):
            database = connect(RuntimeSettings(**settings), "directory")
            stack.push_async_callback(database.close)
            return database

        yield connected


class Writer:
    """The writer process, and how far it has come."""

    def __init__(self, settings, database, folder):
        values, self._allowed = json.dumps(settings, default=str), folder / "allowed"
        self._command = [sys.executable, str(WRITER), values, str(DOCUMENTS), str(CHANGES), str(self._allowed)]
        self._documents = database["units"]
        self._log = folder / "writer.log"
        self.process = None

    def may_do(self, changes):
        """Allow so many changes of each document by now."""
        new = self._allowed.with_suffix(".new")
        new.write_text(str(changes))
        new.replace(self._allowed)

    def start(self):
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    async def comes_to(self, changes):
        """Wait until the documents hold so many changes."""

        async def came_so_far():
            assert self.process.poll() is None, "the writer ended before it was killed"
            try:
                return sum(document["n"] for document in await self._documents.find({}, {"n": 1})) >= changes
            except MongoError:
                return False

        await eventually(came_so_far)

    async def finished(self):
        out, _ = await asyncio.to_thread(self.process.communicate, timeout=100)
        assert out.endswith(b"done\n")


async def stored_events(nats):
    """(event id, unit, version) of every message in the stream, in its order."""
    client = await nats.connect()
    js = client.jetstream()
    state = (await js.stream_info("EVT")).state
    found = []
    for seq in range(state.first_seq, state.last_seq + 1):
        message = await js.get_msg("EVT", seq)
        event = UNIT_CHANGED.model.model_validate_json(message.data)
        found.append((message.headers[ID], event.unit_id, event.ver))
    await client.close()
    return found


@pytest.mark.timeout(300)  # Five starts of a Python and two of a server.
async def test_no_change_is_lost_or_told_twice_through_five_kills(nats, mongo, opened, tmp_path):
    server, mongo_url = mongo
    settings = {
        "nats_url": nats.url,
        "nats_seed_file": nats.ring.seed_file("directory"),
        "mongo_url": mongo_url,
        "media_url": f"file://{tmp_path}/media",
        "sweep_seconds": 0.5,
        "log_level": "WARNING",
    }
    database = opened(settings)
    rng = random.Random(75)
    writer = Writer(settings, database, tmp_path)
    writer.may_do(0)
    writer.start()
    for turn, victim in enumerate(rng.sample(VICTIMS, len(VICTIMS))):
        writer.may_do(AT_A_TIME * (turn + 1))
        await writer.comes_to(DOCUMENTS * AT_A_TIME * turn + rng.randint(15, 45))
        if victim == "writer":
            writer.kill()
            writer.start()
        else:
            await asyncio.to_thread(nats.restart if victim == "nats" else server.restart)
    writer.may_do(CHANGES)
    await writer.finished()

    documents = await database["units"].find({})
    changes = {(document["_id"], ver) for document in documents for ver in range(1, document["ver"] + 1)}
    assert len(changes) == ALL
    events = await stored_events(nats)
    assert {(unit, ver) for _, unit, ver in events} == changes
    assert {id_ for id_, _, _ in events} == {f"{unit}:{ver}" for unit, ver in changes}
    first = dict.fromkeys(events)
    assert len(first) == ALL
    for unit in {unit for unit, _ in changes}:
        assert [ver for _, of, ver in first if of == unit] == list(range(1, CHANGES + 1))
    assert all(document["outbox"] == [] and "ob_at" not in document for document in documents)
