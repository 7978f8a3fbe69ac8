"""One replica keeps watch at a time: it writes history, raises alarms, repeats commands. All others could at once."""

import secrets
from datetime import timedelta

from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import DuplicateKey
from lantoa_runtime.mongo import Collection, Document


class Lease:
    """Held by whoever wrote his name last, until it runs out. Doing the work twice is harmless, so is a short gap."""

    def __init__(self, records: Collection, name: str, clock: Clock, seconds: float) -> None:
        self._records = records
        self._name = name
        self._clock = clock
        self._lifetime = timedelta(seconds=seconds)
        self._holder = secrets.token_hex(8)
        self.held = False
        """As of the last turn."""

    async def turn(self) -> bool:
        """Take it or keep it; whether it is ours now.

        Raises:
            MongoError: the database is away; then nobody can take it from us either, but ours may run out.
        """
        now = self._clock.now()
        wanted = {"holder": self._holder, "until": now + self._lifetime}
        found: Document | None = await self._records.find_one({"_id": self._name})
        if found is None:
            try:
                await self._records.insert_one({"_id": self._name, **wanted})
                self.held = True
            except DuplicateKey:
                self.held = False
        elif found["holder"] != self._holder and found["until"] > now:
            self.held = False
        else:
            guard = {"_id": self._name, "holder": found["holder"], "until": found["until"]}
            self.held = (await self._records.update_one(guard, {"$set": wanted})).matched == 1
        return self.held

    async def let_go(self) -> None:
        """Leave it to the others at once."""
        if self.held:
            self.held = False
            await self._records.delete_one({"_id": self._name, "holder": self._holder})
