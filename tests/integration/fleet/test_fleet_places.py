"""A device's place: its code, its groups, who came after it, what happened there; outlines and many places at once."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openpyxl import Workbook

from lantoa_contracts.catalogue import DEVICE_CLAIMED, DEVICE_GROUPED, DEVICE_REVOKED
from lantoa_fleet.domain.claims import GUESSES
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing import nkey
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
LOCAL = Caller("p-local", "Trần Văn Kỹ", (Grant("technician", "u-1"),))
AUTHOR = Caller("p-author", "Người viết", (Grant("author", "u-1"),))
WRONG = "ZZZZ-ZZZZ"


async def _claim(fleet: Any, body: dict[str, Any], caller: Caller = LOCAL) -> tuple[int, Any, Any]:
    return await fleet.call("POST", "/devices/claim", caller, json=body)  # type: ignore[no-any-return]


async def test_a_code_that_was_not_used_in_time_is_gone_and_the_device_shows_another(fleet: Any) -> None:
    await fleet.unit("u-1")
    device = fleet.device()
    await fleet.enrol(device)
    late, past = device.code, datetime.now(UTC) - timedelta(seconds=1)
    await fleet.documents.update_one({"_id": device.id}, {"$set": {"code_until": past}})
    status, answer, _ = await _claim(fleet, fleet.place(device, "u-1"))
    assert (status, answer["code"]) == (422, "fleet.claim-code-expired")
    await fleet.enrol(device)
    assert device.code != late
    status, answer, _ = await _claim(fleet, fleet.place(device, "u-1", claim_code=late))
    assert (status, answer["code"]) == (422, "fleet.unknown-claim-code")
    assert (await _claim(fleet, fleet.place(device, "u-1")))[0] == 200


async def test_a_technician_who_guesses_must_wait_and_no_other_with_him(fleet: Any) -> None:
    await fleet.unit("u-1")
    device = fleet.device()
    await fleet.enrol(device)
    guesser = Caller(f"p-{device.id}", "Người đoán", LOCAL.grants)
    for _ in range(GUESSES):
        assert (await _claim(fleet, fleet.place(device, "u-1", claim_code=WRONG), guesser))[0] == 422
    status, answer, headers = await _claim(fleet, fleet.place(device, "u-1"), guesser)
    assert (status, answer["code"]) == (429, "fleet.too-many-guesses")
    assert 0 < int(headers["Retry-After"]) <= 15 * 60
    assert (await _claim(fleet, fleet.place(device, "u-1")))[0] == 200


async def test_a_scanned_code_claims_its_own_device_and_no_other(fleet: Any) -> None:
    await fleet.unit("u-1")
    device, other = fleet.device(), fleet.device()
    await fleet.enrol(device)
    scanned = f"lantoa:claim:{device.code}:{nkey.fingerprint(other.public)}"
    status, answer, _ = await _claim(fleet, fleet.place(device, "u-1", claim_code=scanned))
    assert (status, answer["code"]) == (422, "fleet.another-device")
    scanned = f"lantoa:claim:{device.code}:{nkey.fingerprint(device.public)}"
    status, answer, _ = await _claim(fleet, fleet.place(device, "u-1", claim_code=scanned, kind="board"))
    assert (status, answer["errors"][0]["pointer"]) == (422, "/kind")
    where = {
        "claim_code": scanned,
        "kind": "radio",
        "site_type": "wifi_spot",
        "lat": 9.87,
        "lon": 106.05,
        "model": "LT-S2",
    }
    status, answer, _ = await _claim(fleet, fleet.place(device, "u-1", **where))
    assert status == 200, answer
    assert {name: answer[name] for name in ("site_type", "lat", "lon", "model")} == {
        name: where[name] for name in ("site_type", "lat", "lon", "model")
    }


async def test_a_place_that_is_none_is_refused_at_its_field(fleet: Any) -> None:
    await fleet.unit("u-1")
    changes: list[dict[str, Any]] = [{"site_type": "airport"}, {"lat": 91}, {"groups": ["?"]}, {"name": None}]
    for change in changes:
        status, answer, _ = await _claim(fleet, fleet.place(fleet.device(), "u-1", **change))
        assert status == 422, change
        pointers = [error["pointer"].split("/")[1] for error in answer["errors"]]
        assert pointers == list(change)


async def test_groups_are_made_by_naming_them_and_their_alerts_are_heard_at_once(fleet: Any) -> None:
    await fleet.unit("u-1")
    device = fleet.device()
    await fleet.enrol(device, kind="both")
    _, answer, _ = await _claim(fleet, fleet.place(device, "u-1", groups=["Ven biển"]))
    device.ver = answer["ver"]
    assert answer["groups"] == [{"group_id": "ven-bien", "name": "Ven biển"}]
    assert (await fleet.events.wait(DEVICE_CLAIMED, lambda one: one.device_id == device.id)).groups == ("ven-bien",)
    client = await device.connect()
    match = {"If-Match": f'"{device.ver}"'}
    body = {"groups": ["Chợ nổi", "ven bien"]}
    assert (await fleet.call("PUT", f"/devices/{device.id}/groups", AUTHOR, json=body, headers=match))[0] == 403
    status, answer, _ = await fleet.call("PUT", f"/devices/{device.id}/groups", LOCAL, json=body, headers=match)
    assert status == 200, answer
    assert [group["name"] for group in answer["groups"]] == ["Chợ nổi", "Ven biển"]
    await eventually(lambda: client.is_closed)
    assert (await fleet.events.wait(DEVICE_GROUPED)).groups == ("cho-noi", "ven-bien")
    assert (await fleet.desired(device)).alert_scopes[-2:] == ("grp.cho-noi", "grp.ven-bien")
    _, page, _ = await fleet.call("GET", "/groups", AUTHOR)
    assert {group["name"]: group["devices"] for group in page["items"]} == {"Chợ nổi": 1, "Ven biển": 1}

    async def hears() -> bool:
        fresh = await device.connect()
        try:
            heard = await fresh.subscribe("dev.bc.grp.cho-noi.>")
            await device.barrier(fresh)
            await fleet.platform.publish("dev.bc.grp.cho-noi.sound.x.0", b"la")
            return (await heard.next_msg(timeout=1)).data == b"la"
        except Exception:  # noqa: BLE001 - refused or cut: it came in before the change was everywhere
            return False

    await eventually(hears, 60)


async def test_a_new_device_takes_the_place_of_a_broken_one_with_its_groups_and_history(fleet: Any) -> None:
    broken = await fleet.claimed("u-1")
    match = {"If-Match": f'"{broken.ver}"'}
    await fleet.call("PUT", f"/devices/{broken.id}/groups", LOCAL, json={"groups": ["Ven biển"]}, headers=match)
    old_client = await broken.connect()
    heir, late = fleet.device(), fleet.device()
    for device in (heir, late):
        await fleet.enrol(device)
    body = {"claim_code": heir.code, "replaces": broken.id}
    status, answer, _ = await _claim(fleet, body)
    assert status == 200, answer
    assert (answer["name"], answer["unit_id"], answer["replaces"]) == ("Loa", "u-1", broken.id)
    assert [group["group_id"] for group in answer["groups"]] == ["ven-bien"]
    await eventually(lambda: old_client.is_closed)
    assert (await _claim(fleet, body))[1]["ver"] == answer["ver"], "the same claim again is the same claim"
    _, old, _ = await fleet.call("GET", f"/devices/{broken.id}", LOCAL)
    assert (old["state"], old["replaced_by"], old["place_id"]) == ("revoked", heir.id, answer["place_id"])
    assert (await fleet.events.wait(DEVICE_REVOKED)).device_id == broken.id
    status, refusal, _ = await _claim(fleet, {"claim_code": late.code, "replaces": broken.id})
    assert (status, refusal["code"]) == (409, "fleet.replaced-already")

    found, cursor = [], ""
    while True:
        _, page, _ = await fleet.call("GET", f"/devices/{heir.id}/timeline?limit=2{cursor}", LOCAL)
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(entry["what"] for entry in found) == ["claimed", "grouped", "replaced", "revoked"]
    assert [entry["at"] for entry in found] == sorted((entry["at"] for entry in found), reverse=True)
    replaced = next(entry for entry in found if entry["what"] == "replaced")
    assert (replaced["other_id"], replaced["by_name"], replaced["unit_name"]) == (broken.id, LOCAL.name, "Xã u-1")
    assert (await fleet.call("GET", f"/devices/{heir.id}/timeline?cursor=x", LOCAL))[0] == 400


async def test_a_timeline_has_commands_and_alarms_among_the_steps_of_a_life(fleet: Any) -> None:
    device, now = await fleet.claimed("u-1"), datetime.now(UTC)
    db = fleet.running.service.db
    command = {
        "device_id": device.id,
        "name": "test_tone",
        "at": now,
        "state": "finished",
        "detail": "3 s",
        "by_name": "K",
    }
    alarm = {"devices": ["d-other", device.id], "code": "offline", "opened_at": now - timedelta(days=1)}
    await db["commands"].insert_one({"_id": "cmd-timeline", "order_id": "o", **command})
    await db["alarms"].insert_one({"_id": "alm-timeline", "units": ["u-1"], "unit_id": "u-1", **alarm})
    _, page, _ = await fleet.call("GET", f"/devices/{device.id}/timeline", LOCAL)
    told = [(entry["what"], entry["code"], entry["detail"]) for entry in page["items"]]
    expected = [("command", "test_tone", "finished 3 s"), ("claimed", None, None), ("alarm", "offline", None)]
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert told[-1] == expected[-1], "the oldest comes last"
    for collection in ("commands", "alarms"):
        await db[collection].delete_many({})


async def test_a_replacement_that_a_crash_cut_short_is_brought_to_its_end(fleet: Any) -> None:
    broken, heir = await fleet.claimed("u-1"), await fleet.claimed("u-1")
    half = {"replaces": broken.id, "retire_due": True}
    await fleet.documents.update_one({"_id": heir.id}, {"$set": half})

    async def retired() -> bool:
        found = await fleet.documents.find_one({"_id": broken.id})
        done = await fleet.documents.find_one({"_id": heir.id})
        return bool(found["state"] == "revoked" and found["replaced_by"] == heir.id and "retire_due" not in done)

    await eventually(retired)


async def test_a_point_is_moved_without_a_new_unit_and_without_new_rights(fleet: Any) -> None:
    device = await fleet.claimed("u-1")
    client = await device.connect()
    where = {"unit_id": "u-1", "lat": 9.9, "lon": 106.1, "site_type": "crossroads"}
    moved = await fleet.change(device, "move", where)
    assert {name: moved[name] for name in where} == where
    assert client.is_connected


SQUARE = [[[106.0, 9.8], [106.1, 9.8], [106.1, 9.9], [106.0, 9.8]]]


async def test_outlines_are_replaced_whole_by_who_may_and_read_by_all_staff(fleet: Any) -> None:
    await fleet.unit("u-1")
    await fleet.running.service.db["shapes"].delete_many({})
    shape = {
        "type": "Feature",
        "properties": {"unit_id": "u-1"},
        "geometry": {"type": "Polygon", "coordinates": SQUARE},
    }
    body = {"type": "FeatureCollection", "features": [shape]}
    status, empty, headers = await fleet.call("GET", "/shapes", AUTHOR)
    assert (status, empty["features"], headers["ETag"]) == (200, [], '"0"')
    first = {"If-Match": '"0"'}
    assert (await fleet.call("PUT", "/shapes", LOCAL, json=body, headers=first))[0] == 403
    assert (await fleet.call("PUT", "/shapes", json=body))[0] == 428
    status, kept, headers = await fleet.call("PUT", "/shapes", json=body, headers=first)
    assert (status, headers["ETag"]) == (200, '"1"'), kept
    assert kept["features"][0]["properties"] == {"unit_id": "u-1", "code": "1", "name": "Xã u-1"}
    assert (await fleet.call("PUT", "/shapes", json=body, headers=first))[0] == 412
    assert (await fleet.call("GET", "/shapes", AUTHOR, headers={"If-None-Match": '"1"'}))[0] == 304
    body["features"] = [{**shape, "properties": {"unit_id": "u-none"}}]
    status, answer, _ = await fleet.call("PUT", "/shapes", json=body, headers={"If-Match": '"1"'})
    assert (status, answer["errors"][0]["pointer"]) == (422, "/features/0/properties/unit_id")


HEADER = ["name", "unit", "kind", "site_type", "lat", "lon", "groups", "claim_code"]


def _book(rows: list[list[Any]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in [HEADER, *rows]:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


async def _import(fleet: Any, data: bytes, dry_run: str = "false", caller: Caller = LOCAL) -> tuple[int, Any]:
    headers = {"Accept-Language": "vi", "Content-Type": "application/octet-stream"}
    path = f"/devices/import?dry_run={dry_run}"
    status, answer, _ = await fleet.call("POST", path, caller, data=data, headers=headers)
    return status, answer


async def test_a_sheet_is_judged_row_by_row_and_its_good_rows_are_written_once(fleet: Any) -> None:
    await fleet.unit("u-1")
    await fleet.unit("u-2")
    one, two = fleet.device(), fleet.device()
    for device in (one, two):
        await fleet.enrol(device)
    rows = [
        ["Loa chợ", "Xã u-1", "loa", "Chợ", 9.87, 106.05, "Ven biển", one.code],
        ["Loa MQTT", "u-1", "", "hamlet", None, None, "", "mqtt"],
        ["Loa lạ", "u-1", "", "hamlet", None, None, "", WRONG],
        [],
        ["Loa xa", "u-2", "", "hamlet", None, None, "", two.code],
        ["Bảng", "u-1", "bảng tin", "hamlet", None, None, "", two.code],
        ["Loa lặp", "u-1", "", "hamlet", None, None, "", one.code],
    ]
    outcomes = ["created", "created", "refused", "refused", "refused", "refused"]
    status, tried = await _import(fleet, _book(rows), "true")
    assert status == 200, tried
    assert [row["outcome"] for row in tried["rows"]] == outcomes
    assert (await fleet.documents.find_one({"_id": one.id}))["state"] == "pending", "a trial writes nothing"
    _, done = await _import(fleet, _book(rows))
    assert [(row["row"], row["outcome"]) for row in done["rows"]] == list(
        zip([2, 3, 4, 6, 7, 8], outcomes, strict=True)
    )
    assert done["counts"] == {"created": 2, "unchanged": 0, "refused": 4}
    codes = [row["code"] for row in done["rows"][2:]]
    assert codes == ["fleet.unknown-claim-code", "forbidden", "fleet.other-kind", "fleet.row-twice"]
    assert done["rows"][2]["detail"].startswith("Không có thiết bị nào mang mã này")
    assert (done["rows"][0]["device_id"], bool(done["rows"][1]["token"])) == (one.id, True)
    _, claimed, _ = await fleet.call("GET", f"/devices/{one.id}", LOCAL)
    assert (claimed["site_type"], claimed["groups"][0]["name"]) == ("market", "Ven biển")
    _, again = await _import(fleet, _book(rows))
    assert again["counts"] == {"created": 0, "unchanged": 2, "refused": 4}

    async def signed_and_told() -> bool:
        return (await fleet.desired(one)) is not None and len(await fleet.events.all(DEVICE_CLAIMED)) == 2

    await eventually(signed_and_told)


async def test_a_sheet_that_is_none_is_refused_in_the_readers_language(fleet: Any) -> None:
    status, answer = await _import(fleet, b"name,unit\n=1+1,2\n")
    assert (status, answer["code"]) == (422, "sheet-formula")
    assert "Dòng 2 có công thức" in answer["detail"]
    assert (await _import(fleet, json.dumps({}).encode()))[0] == 422
