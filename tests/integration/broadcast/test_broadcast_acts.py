"""Grids and programmes follow their unit through a merger, and go back."""

from datetime import date
from typing import Any

from lantoa_contracts import catalogue
from lantoa_contracts.events.directory import ActDone, ActReversed, Heir, Succession, UnitChanged
from lantoa_testing import eventually

GRID = {"rule": "FREQ=DAILY", "at": "17:30", "max_minutes": 20}
ENDED = date(2020, 12, 31)


class Merger:
    """The neighbour goes into a new unit, as the directory would tell of it."""

    def __init__(self, province: Any) -> None:
        self.province = province
        self.new = f"{province.neighbour}-new"
        self.act = f"act-{province.neighbour}"
        self._ver = 10

    async def unit(self, unit_id: str, valid_to: date | None = None, heirs: tuple[str, ...] = ()) -> None:
        self._ver += 1
        told = UnitChanged(
            unit_id=unit_id, ver=self._ver, code="1", name="Xã", kind="commune", path=(self.province.root, unit_id),
            valid_from=None, valid_to=valid_to, successor_ids=heirs,
        )  # fmt: skip
        await self.province.events.publish(catalogue.UNIT_CHANGED, told)

    async def turn(self, *, done: bool, ver: int) -> None:
        path = (self.province.root,)
        heir = Heir(unit_id=self.new, path=(*path, self.new), made=True)
        gone = Succession(unit_id=self.province.neighbour, path=(*path, self.province.neighbour), heirs=(heir,))
        about = {"act_id": self.act, "ver": ver, "kind": "merge", "date": date(2021, 1, 1), "act": "NQ 1"}
        model, spec = (ActDone, catalogue.ACT_DONE) if done else (ActReversed, catalogue.ACT_REVERSED)
        await self.province.events.publish(spec, model(**about, units=(gone,), at=self.province.now))

    async def grid(self, unit_id: str) -> Any:
        return (
            await self.province.running.call(
                "GET", f"/grids/{unit_id}", self.province.caller("author", self.province.root)
            )
        )[1]

    async def has_grid(self, at: str, ver: int) -> None:
        async def so() -> bool:
            found = await self.grid(self.new)
            return bool(found.get("at") == at and found.get("ver") == ver)

        await eventually(so)


async def test_what_was_planned_is_heard_by_the_stations_where_they_stand_now_and_the_grid_goes_along(
    province: Any,
) -> None:
    merger, station = Merger(province), province.new_station()
    planner = province.caller("technician", province.root)
    assert (await province.running.call("PUT", f"/grids/{province.neighbour}", planner, json=GRID))[0] == 200
    await province.claim(station, province.neighbour)
    await province.approve("Tin của xã cũ", province.neighbour)
    await province.told(station, "Tin của xã cũ")
    counts = (await province.running.call("GET", f"/counts?unit_id={province.neighbour}", planner))[1]
    assert counts["items"] == [{"unit_id": province.neighbour, "grids": 1, "sessions": 1}]

    await merger.unit(merger.new)
    await merger.unit(province.neighbour, ENDED, (merger.new,))
    await merger.turn(done=True, ver=3)
    await province.move(station, merger.new)
    await merger.has_grid("17:30", 1)
    await province.approve("Tin của xã mới", merger.new)
    _, rundown = await province.told(station, "Tin của xã mới", "Tin của xã cũ")
    assert len({session.session_id for session in rundown.sessions}) == 2

    await merger.unit(province.neighbour)
    await merger.turn(done=False, ver=5)
    await province.move(station, province.neighbour, ver=9)
    await province.told(station, "Tin của xã cũ")
    await merger.has_grid("05:00", 0)


async def test_a_reversal_that_comes_first_holds_and_a_grid_that_somebody_set_stays(province: Any) -> None:
    merger = Merger(province)
    planner = province.caller("technician", province.root)
    await province.running.call("PUT", f"/grids/{province.neighbour}", planner, json=GRID)
    await merger.unit(merger.new)
    await merger.unit(province.neighbour, ENDED, (merger.new,))
    await merger.turn(done=False, ver=5)
    await province.handled(catalogue.ACT_REVERSED)
    await merger.turn(done=True, ver=3)
    await province.handled(catalogue.ACT_DONE)
    assert (await merger.grid(merger.new))["ver"] == 0
    await merger.turn(done=True, ver=7)
    await merger.has_grid("17:30", 1)
    theirs = GRID | {"at": "06:15"}
    await province.running.call("PUT", f"/grids/{merger.new}", planner, json=theirs, headers={"If-Match": '"1"'})
    await merger.turn(done=False, ver=9)
    await province.handled(catalogue.ACT_REVERSED)
    await merger.has_grid("06:15", 2)
