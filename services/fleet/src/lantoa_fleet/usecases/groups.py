"""The groups that somebody has named."""

from collections import Counter
from collections.abc import Iterable, Sequence

from lantoa_contracts.policy import DEVICE_READ
from lantoa_fleet.domain.groups import Group, groups_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Collection, DuplicateKey

_FIRST, _LAST = "", "~"
"""Around every id: the embedded server scans everything for an open range."""


class Groups:
    """Ids and names of groups. A group has the name that it got first, for good."""

    def __init__(self, collection: Collection, devices: Collection, clock: Clock) -> None:
        self._collection = collection
        self._devices = devices
        self._clock = clock

    async def named(self, names: Iterable[str]) -> Sequence[Group]:
        """The groups of these names, made where there is none yet.

        Raises:
            Invalid: more than a device may belong to.
        """
        wanted = groups_of(names)
        known = await self._names([group.group_id for group in wanted])
        for group in wanted:
            if group.group_id not in known:
                try:
                    await self._collection.insert_one(
                        {"_id": group.group_id, "name": group.name, "at": self._clock.now()}
                    )
                except DuplicateKey:  # Somebody named it just now.
                    known |= await self._names([group.group_id])
        return [Group(group.group_id, known.get(group.group_id, group.name)) for group in wanted]

    async def _names(self, group_ids: Sequence[str]) -> dict[str, str]:
        if not group_ids:
            return {}
        found = await self._collection.find({"_id": {"$in": list(group_ids)}}, {"name": 1})
        return {group["_id"]: group["name"] for group in found}

    async def all(self, caller: Caller) -> list[tuple[Group, int]]:
        """Every group with the number of its devices in service that the caller may see."""
        scopes = list(caller.units(DEVICE_READ))
        some = {"groups": {"$gte": _FIRST, "$lt": _LAST}, "path": {"$in": scopes}, "state": "accepted"}
        counts: Counter[str] = Counter()
        for device in await self._devices.find(some, {"groups": 1}):
            counts.update(device["groups"])
        found = await self._collection.find({}, sort=[("_id", 1)])
        return [(Group(group["_id"], group["name"]), counts[group["_id"]]) for group in found]
