"""How a person's document is changed: checked and decided on one state, written if it is still that one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lantoa_contracts.catalogue import EventSpec
from lantoa_directory.usecases.grants import holder_of
from lantoa_directory.usecases.last_admin import LastAdmin
from lantoa_directory.usecases.people import Reach, borrowers_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Invalid, StaleVersion
from lantoa_runtime.mongo import Change, Document, Outgoing

_RACES = 20


class Editing:
    """Changes people. Every change is an event, which tells gateways to ask anew."""

    def __init__(self, reach: Reach, guard: LastAdmin, clock: Clock) -> None:
        self.reach = reach
        self.clock = clock
        self._guard = guard

    async def known(self, unit_id: str | None, pointer: str) -> None:
        """Pass for no unit, and for one that is there.

        Raises:
            Invalid: there is none.
        """
        if unit_id is not None and await self.reach.paths([unit_id]) == [()]:
            raise Invalid("unknown-unit", pointer, unit_id=unit_id)

    async def edit(self, person_id: str, decide: Callable[[Document], Awaitable[Change | None]]) -> Document:
        """Check and decide on one state of a document, and write if it is still that one; ``None`` changes nothing.

        Raises:
            NotFound: there is no such person.
            Conflict: ``directory.last-admin``.
            StaleVersion: it lost the race too often.
        """
        for _ in range(_RACES):
            document = await self.reach.load(person_id)
            change = await decide(document)
            if change is None:
                return document
            after = {**document, **change.set}
            try:
                async with self._guard.kept(holder_of(document), holder_of(after), self.reach.today()):
                    return await self.reach.people.save(document, change.set, change.events)
            except StaleVersion:
                await asyncio.sleep(0)
        raise StaleVersion

    async def told(
        self, document: Document, fields: dict[str, Any], spec: EventSpec, model: Any, **more: Any
    ) -> Change:
        """A change with its event.

        ``more`` are the event's own fields.
        """
        also = await borrowers_of(self.reach.people.collection, document["_id"])
        event = model(person_id=document["_id"], ver=document["ver"] + 1, unit_id=document["body"], also=also, **more)
        return Change(fields, [Outgoing(spec, event)])
