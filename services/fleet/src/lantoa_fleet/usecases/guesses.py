"""How often a technician may give a wrong code, counted where every replica sees it."""

import math
from datetime import datetime, timedelta

from lantoa_fleet.domain.claims import TooManyGuesses
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Collection, DuplicateKey


class Guesses:
    """At most ``most`` wrong codes of one person within ``window``. A try counts until it has proved right."""

    def __init__(self, collection: Collection, clock: Clock, most: int, window: timedelta, what: str) -> None:
        self._collection = collection
        self._clock = clock
        self._most = most
        self._window = window
        self._what = what

    async def take(self, person_id: str) -> datetime:
        """Count a try before it is judged, so that many at once are as many; its mark for :meth:`give_back`.

        Raises:
            TooManyGuesses: there were too many.
        """
        key, now = f"{self._what}:{person_id}", self._clock.now()
        await self._collection.update_one({"_id": key}, {"$pull": {"at": {"$lte": now - self._window}}})
        free = {"_id": key, f"at.{self._most - 1}": {"$exists": False}}
        counted = {"$push": {"at": now}, "$set": {"until": now + self._window}}
        try:
            await self._collection.update_one(free, counted, upsert=True)
        except DuplicateKey as error:
            kept = await self._collection.find_one({"_id": key})
            oldest = min(kept["at"]) if kept and kept["at"] else now - self._window
            seconds = math.ceil((oldest + self._window - now).total_seconds())
            raise TooManyGuesses(max(1, seconds)) from error
        return now

    async def give_back(self, person_id: str, mark: datetime) -> None:
        """The try was right, it does not count."""
        await self._collection.update_one({"_id": f"{self._what}:{person_id}"}, {"$pull": {"at": mark}})
