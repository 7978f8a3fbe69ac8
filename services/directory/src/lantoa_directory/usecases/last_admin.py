"""A root keeps an administrator: two who leave at once do not both get away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from lantoa_directory.domain.people import ADMIN, Holder, last_admin
from lantoa_directory.usecases.grants import holder_of, paths_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Unavailable
from lantoa_runtime.mongo import Database, Document, DuplicateKey

_RACES = 20
_LEAVING = timedelta(minutes=1)
"""How long somebody counts as leaving whose change never came to its end."""


class LastAdmin:
    """Watches over the administrators of the roots.

    Whoever is about to lose a root is put down as leaving before the others are counted, by compare-and-set on the
    root's own document: of two at once the second sees the first leave.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._people = db["people"]
        self._units = db["units"]
        self._roots = db["roots"]
        self._clock = clock

    @asynccontextmanager
    async def kept(self, before: Holder, after: Holder, today: date) -> AsyncIterator[None]:
        """Write the change inside.

        Raises:
            Conflict: ``directory.last-admin``, it would take from a root its last administrator.
        """
        reigned = {grant.unit_id for grant in before.own(today) if grant.role == ADMIN}
        paths = await paths_of(self._units, reigned) if reigned and before != after else {}
        roots = sorted(unit_id for unit_id, path in paths.items() if len(path) == 1)
        left: list[str] = []
        try:
            for root in roots:
                left += [root] if await self._leave(root, before, after, today) else []
            yield
        finally:
            for root in left:
                change = {"$unset": {f"leaving.{before.id}": ""}, "$inc": {"ver": 1}}
                await self._roots.update_one({"_id": root}, change)

    async def _leave(self, root: str, before: Holder, after: Holder, today: date) -> bool:
        for _ in range(_RACES):
            seat, now = await self._seat(root), self._clock.now()
            leaving = {person: at for person, at in seat["leaving"].items() if at > now - _LEAVING}
            others = await self._others(root, {before.id, *leaving})
            if not last_admin(before, after, (), root, today):
                return False
            if last_admin(before, after, others, root, today):
                raise Conflict("directory.last-admin")
            fields = {"leaving": {**leaving, before.id: now}, "ver": seat["ver"] + 1}
            if (await self._roots.update_one({"_id": root, "ver": seat["ver"]}, {"$set": fields})).matched:
                return True
        raise Unavailable("mongo")

    async def _seat(self, root: str) -> Document:
        seat = await self._roots.find_one({"_id": root})
        if seat is None:
            seat = {"_id": root, "leaving": {}, "ver": 1}
            try:
                await self._roots.insert_one(seat)
            except DuplicateKey:
                return await self._seat(root)
        return seat

    async def _others(self, root: str, without: set[str]) -> list[Holder]:
        found = await self._people.find({"units": root}, {"grants": 1, "locked": 1})
        return [holder_of(person) for person in found if person["_id"] not in without]
