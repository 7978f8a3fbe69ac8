"""Playlists follow their unit through a merger: boards show what the units before theirs had."""

from datetime import date
from typing import Any

from lantoa_contracts import catalogue
from lantoa_contracts.events.directory import ActDone, Heir, Succession, UnitChanged


async def test_a_board_shows_what_its_unit_had_before_the_merger_and_no_more_after_the_opposite(province: Any) -> None:
    board, old, new = province.new_board(), province.neighbour, f"{province.neighbour}-new"
    viewer = province.caller("author", province.root)

    async def unit(unit_id: str, ver: int, valid_to: date | None = None, heirs: tuple[str, ...] = ()) -> None:
        told = UnitChanged(
            unit_id=unit_id, ver=ver, code="1", name="Xã", kind="commune", path=(province.root, unit_id),
            valid_from=None, valid_to=valid_to, successor_ids=heirs,
        )  # fmt: skip
        await province.events.publish(catalogue.UNIT_CHANGED, told)

    await province.claim(board, old)
    await province.approve("Tin của xã cũ", old)
    await province.told(board, "Tin của xã cũ")
    counts = (await province.running.call("GET", f"/counts?unit_id={old}", viewer))[1]
    assert counts["items"] == [{"unit_id": old, "entries": 1}]

    await unit(new, 10)
    await province.move(board, new)
    await province.told(board)
    await unit(old, 11, date(2020, 12, 31), (new,))
    await province.told(board, "Tin của xã cũ")
    await province.approve("Tin của xã mới", new)
    await province.told(board, "Tin của xã cũ", "Tin của xã mới")

    heir = Heir(unit_id=new, path=(province.root, new), made=True)
    gone = Succession(unit_id=old, path=(province.root, old), heirs=(heir,))
    done = ActDone(
        act_id=f"act-{old}", ver=3, kind="merge", date=date(2021, 1, 1), act="NQ 1", units=(gone,), at=province.now
    )
    await province.events.publish(catalogue.ACT_DONE, done)
    await province.handled(catalogue.ACT_DONE)
    await unit(old, 12)
    await province.told(board, "Tin của xã mới")
