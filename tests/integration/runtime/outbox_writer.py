"""A process that changes state and is killed for it: run by test_outbox_crash.py, never imported.

Arguments: settings as JSON, how many documents, how many changes of each, and a file that says how many of them it may
do by now: so it never ends before it was killed, however slow its killer is. It goes on from what the documents say,
tries again whatever fails, and prints a line when all is done and published.
"""

import asyncio
import json
import sys
from pathlib import Path

from nats.errors import Error as NatsError

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Aggregates, Change, Document, Outgoing
from lantoa_runtime.mongo.driver import MongoError
from lantoa_runtime.service import assemble
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually
from lantoa_testing.readers import read_every_event

_AWAY = (MongoError, NatsError, AppError)


def _state(key: str, ver: int) -> UnitChanged:
    return UnitChanged(
        unit_id=key, ver=ver, code=key, name="Xã", kind="commune", path=(key,), valid_from=None, valid_to=None
    )


async def _work(units: Aggregates, key: str, changes: int, allowed: Path) -> None:
    def next_change(document: Document | None) -> Change | None:
        done, ver = (document["n"], document["ver"]) if document else (0, 0)
        if done >= min(changes, int(allowed.read_text())):
            return None
        return Change({"n": done + 1}, [Outgoing(UNIT_CHANGED, _state(key, ver + 1))])

    done = 0
    while done < changes:
        before = done
        try:
            document = await units.change(key, next_change)
            done = document["n"] if document else 0
        except _AWAY:
            pass
        if done == before:
            await asyncio.sleep(0.05)


async def _all_published(units: Aggregates) -> bool:
    try:
        return await units.collection.count({"ob_at": {"$exists": True}}) == 0
    except _AWAY:
        return False


async def main(settings: RuntimeSettings, documents: int, changes: int, allowed: Path) -> None:
    """Work until all is done, through whatever dies meanwhile."""
    service = assemble("directory", settings)
    units = service.aggregates("units")
    read_every_event(service)
    async with service.running():
        await asyncio.gather(*(_work(units, f"k{number}", changes, allowed) for number in range(documents)))
        await eventually(lambda: _all_published(units))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    asyncio.run(main(RuntimeSettings(**json.loads(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
