"""Devices follow their units through mergers and splits, and go back with the opposite."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from lantoa_contracts import catalogue
from lantoa_contracts.events.directory import ActDone, ActReversed, Heir, Succession
from lantoa_fleet.telemetry import UNSURE
from lantoa_testing import eventually

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _square(unit_id: str, west: float) -> dict[str, Any]:
    ring = [[west, 9.0], [west + 1, 9.0], [west + 1, 10.0], [west, 10.0], [west, 9.0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"unit_id": unit_id}, "geometry": geometry}


async def _turn(fleet: Any, act: str, ver: int, into: tuple[str, ...], *, done: bool = True, unit: str = "u-1") -> None:
    heirs = tuple(Heir(unit_id=one, path=("u-province", one), made=True) for one in into)
    gone = Succession(unit_id=unit, path=("u-province", unit), heirs=heirs)
    model, spec = (ActDone, catalogue.ACT_DONE) if done else (ActReversed, catalogue.ACT_REVERSED)
    about = {"act_id": act, "ver": ver, "kind": "merge", "date": date(2026, 1, 1), "act": "1687/NQ-UBTVQH15"}
    await fleet.events.publish(spec, model(**about, units=(gone,), at=datetime.now(UTC)))


async def _stands(fleet: Any, device: Any, unit_id: str) -> dict[str, Any]:
    async def there() -> Any:
        found = await fleet.documents.find_one({"_id": device.id})
        return found if found["unit_id"] == unit_id and found["path"] == ["u-province", unit_id] else None

    found: dict[str, Any] = await eventually(there)  # type: ignore[assignment]
    return found


async def _look(fleet: Any) -> None:
    """Let the job that counts devices take its turn now."""
    await next(job for name, _, job in fleet.running.service._jobs if name == "alarms")()


async def test_devices_of_a_merged_unit_stand_in_the_new_one_with_new_rights_and_go_back(fleet: Any) -> None:
    await fleet.unit("u-1", path=("u-province", "u-1"))
    await fleet.unit("u-9", path=("u-province", "u-9"))
    device, moved_on = await fleet.claimed("u-1"), await fleet.claimed("u-1")
    before = await fleet.desired(device)

    async def signed_anew() -> bool:
        desired = await fleet.desired(device)
        return bool(desired.unit_id == "u-9" and desired.seq > before.seq)

    act = f"act-{device.id[:12]}"
    counts = (await fleet.call("GET", "/counts?unit_id=u-1&unit_id=u-9"))[1]
    assert {one["unit_id"]: one["radios"] for one in counts["items"]}["u-9"] == 0
    for _ in range(2):
        await _turn(fleet, act, 3, ("u-9",))
        found = await _stands(fleet, device, "u-9")
        moved_on.ver = (await _stands(fleet, moved_on, "u-9"))["rev"]
    await eventually(signed_anew)
    assert [entry["what"] for entry in found["life"]] == ["claimed", "moved"]
    timeline = (await fleet.call("GET", f"/devices/{device.id}/timeline"))[1]["items"]
    assert (timeline[0]["by_name"], timeline[0]["previous_unit_id"]) == ("1687/NQ-UBTVQH15", "u-1")
    await fleet.events.wait(catalogue.DEVICE_MOVED, lambda event: event.device_id == device.id)
    told = [event for event in await fleet.events.all(catalogue.DEVICE_MOVED) if event.device_id == device.id]
    assert {(event.previous_unit_id, event.unit_id) for event in told} == {("u-1", "u-9")}

    await fleet.unit("u-2", path=("u-province", "u-2"))
    await fleet.change(moved_on, "move", {"unit_id": "u-2"})
    await _turn(fleet, act, 5, ("u-9",), done=False)
    await _stands(fleet, device, "u-1")
    # The word that the act was done comes late once more: its opposite holds.
    await _turn(fleet, act, 3, ("u-9",))
    later = f"{act}-later"
    await _turn(fleet, later, 3, ("u-8",))
    await _stands(fleet, device, "u-8")
    assert (await fleet.documents.find_one({"_id": moved_on.id}))["unit_id"] == "u-2"


async def test_after_a_split_the_point_decides_where_outlines_are_and_a_technician_looks_after_the_rest(
    fleet: Any,
) -> None:
    for unit_id in ("u-1", "u-6", "u-7"):
        await fleet.unit(unit_id, path=("u-province", unit_id))
    east, nowhere = fleet.device(), fleet.device()
    for device, point in ((east, {"lat": 9.5, "lon": 107.5}), (nowhere, {})):
        await fleet.enrol(device)
        status, answer, _ = await fleet.call("POST", "/devices/claim", json=fleet.place(device, "u-1", **point))
        assert status == 200, answer
    shapes = {"type": "FeatureCollection", "features": [_square("u-6", 106.0), _square("u-7", 107.0)]}
    await fleet.running.service.db["shapes"].update_one(
        {"_id": "shapes"}, {"$set": {"text": json.dumps(shapes), "ver": 1}}, upsert=True
    )
    act = f"act-{east.id[:12]}"
    await _turn(fleet, act, 3, ("u-6", "u-7"))
    await _stands(fleet, east, "u-7")
    nowhere.ver = (await _stands(fleet, nowhere, "u-6"))["rev"]
    told = (await fleet.call("GET", f"/acts/{act}"))[1]
    assert (told["moved"] >= 2, [one["device_id"] for one in told["unsure"]]) == (True, [nowhere.id])
    waiting = (await fleet.call("GET", "/unsure"))[1]
    (one,) = waiting["items"]
    assert (waiting["total"], one) == (1, told["unsure"][0])
    assert (one["ver"], one["unit_id"], one["previous_unit_id"], one["act_id"]) == (nowhere.ver, "u-6", "u-1", act)
    assert [choice["unit_id"] for choice in one["choices"]] == ["u-6", "u-7"]
    await _look(fleet)
    assert UNSURE._value.get() == 1.0
    await fleet.change(nowhere, "move", {"unit_id": "u-6"})
    assert (await fleet.call("GET", f"/acts/{act}"))[1]["unsure"] == []
    assert (await fleet.call("GET", "/unsure"))[1] == {"items": [], "total": 0}
    told = await fleet.events.wait(catalogue.DEVICE_PLACED, lambda event: event.device_id == nowhere.id)
    assert (told.unit_id, told.ver) == ("u-6", (await fleet.documents.find_one({"_id": nowhere.id}))["ver"])


async def test_a_device_that_is_no_more_waits_for_nobody(fleet: Any) -> None:
    for unit_id in ("u-3", "u-4", "u-5"):
        await fleet.unit(unit_id, path=("u-province", unit_id))
    device = await fleet.claimed("u-3")
    await _turn(fleet, f"act-{device.id[:12]}", 3, ("u-4", "u-5"), unit="u-3")
    device.ver = (await _stands(fleet, device, "u-4"))["rev"]
    assert device.id in {one["device_id"] for one in (await fleet.call("GET", "/unsure"))[1]["items"]}
    await fleet.change(device, "revoke")
    assert device.id not in {one["device_id"] for one in (await fleet.call("GET", "/unsure"))[1]["items"]}
