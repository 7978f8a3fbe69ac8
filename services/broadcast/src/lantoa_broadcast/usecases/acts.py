"""Grids and programmes follow their unit through an act, and go back with its opposite.

Sessions stay with the unit for which they were planned: the stations of the unit that took over hear them
(:meth:`Stores.heard_in`), so there is nothing to move and nothing to bring back.
"""

from lantoa_broadcast.usecases.rundowns import compile_below
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts.events.directory import ActDone
from lantoa_runtime.mongo import DuplicateKey

_GRID = ("rule", "at", "max_minutes", "since")


async def act_turned(stores: Stores, event: ActDone) -> None:
    """Take up that an act was done or reversed; what it says may come twice and in any order."""
    holds = await stores.acts.take(event)
    await _settle(stores, event, holds)
    if await stores.acts.holds(event.act_id) != holds:  # Its opposite was handled meanwhile.
        await _settle(stores, event, not holds)
    for unit_id in sorted(event.unit_ids):
        await compile_below(stores, unit_id)


async def _settle(stores: Stores, event: ActDone, holds: bool) -> None:
    """A unit that the act made gets the grid of the first of those before it that had one."""
    grids: dict[str, str] = {}
    for gone in event.units:
        if await stores.grids.load(gone.unit_id) is not None:
            for heir in gone.heirs:
                if heir.made:
                    grids.setdefault(heir.unit_id, gone.unit_id)
    for heir_id, before_id in grids.items():
        if not holds:
            # One that somebody has set since is theirs.
            ours = {"_id": heir_id, "by_act": event.act_id, "ver": 1}
            await stores.grids.collection.delete_one(ours)
            continue
        before = await stores.grids.load(before_id)
        if before is not None:
            try:
                await stores.grids.insert(heir_id, {**{name: before[name] for name in _GRID}, "by_act": event.act_id})
            except DuplicateKey:
                continue
