"""For every route that roles open, a request which nothing but a missing right can stop."""

import json
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hostile_world import CONTEST, GRID, ITEM, NOTICE, ROOT
from rights_world import COMMUNE, HAMLET, PATHS, PROVINCE, Ask, Case, Listing, Make, World, fixed, keyed

from lantoa_content.domain.item import Content, Item, Person, Rendition, Unit, hash_to_approve
from lantoa_content.usecases.stored import with_history
from lantoa_contracts.catalogue import POST_CONFIRMED
from lantoa_contracts.events.content import PostConfirmed
from lantoa_contracts.policy import (
    CONTEST_REVIEW,
    ITEM_APPROVE,
    ITEM_EDIT,
    ITEM_WRITE,
    PERSON_WRITE,
    REPORT_OVERSEE,
)
from lantoa_runtime.http.auth import Caller
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "alert"))
from cap_signing import message

NOW = datetime.now(UTC)
ALERT_DAY = datetime.fromisoformat("2026-11-24T09:00:00+00:00")
"""When the messages of the CAP tests are sent."""
IN_PROVINCE = (PROVINCE,)
COUNTS = "/counts?" + "&".join(f"unit_id={unit}" for unit in PATHS)
Cases = tuple[list[Case], list[Listing]]


def _devices(counted: dict[str, int]) -> int:
    return counted["radios"] + counted["boards"] + counted["both"]


def ids_by_unit(units: dict[str, str], name: str) -> Callable[[Any], set[str]]:
    """Reads from a page which units' objects it holds; ``units`` tells the unit of an object's id."""
    return lambda answer: {units[one[name]] for one in answer["items"] if one[name] in units}


# -- content -----------------------------------------------------------------------------------------------------------


async def content(world: World, _: EventProbe) -> Cases:
    """Items at every unit, and one of its own for whoever may change it."""
    blob = await world.running.service.blobs.put(b"<p>Xin chao</p>", "text/html")
    written = Content(ITEM["title"], ITEM["body"], "normal", ("08",), "skills", "vi")
    made = (Rendition("web", blob.sha256, blob.bytes, "text/html"),)

    async def item(author: str, unit: str = COMMUNE, **fields: Any) -> Item:
        path = PATHS[unit]
        one = Item(f"i-{secrets.token_hex(6)}", Person(author, author), Unit(unit, unit, path), written, NOW, NOW)
        one = replace(one, **fields)
        document = with_history({"ver": 0, "history": []}, one, "submitted", one.author, NOW)
        await world.db["items"].insert_one({"_id": one.id, "ver": 1, **document})
        return one

    async def in_review() -> Item:
        return await item("p-else", state="in_review", renditions=made)

    def step(verb: str, of: Callable[[Caller], Awaitable[Item]], body: Any = None, method: str = "POST") -> Make:
        async def make(caller: Caller) -> Ask:
            one = await of(caller)
            sent = {"approval_sha256": hash_to_approve(one)} if verb == "/approve" else body
            return Ask(method, f"/items/{one.id}{verb}", sent, headers={"If-Match": '"1"'})

        return make

    def pictured(of: Callable[[Caller], Awaitable[Item]]) -> Make:
        async def make(caller: Caller) -> Ask:
            return Ask("POST", f"/items/{(await of(caller)).id}/pictures", data=b"no picture")

        return make

    async def own(caller: Caller) -> Item:
        return await item(caller.id)

    async def anothers(_: Caller) -> Item:
        return await item("p-else")

    async def reviewed(_: Caller) -> Item:
        return await in_review()

    async def approved(_: Caller) -> Item:
        approver = Person("p-x", "X")
        return await item("p-else", state="approved", renditions=made, approver=approver, approval_sha256="a" * 64)

    later = NOW + timedelta(hours=1)  # The newest ones are listed first.
    listed = {(await item("p-else", unit, updated_at=later)).id: unit for unit in PATHS}
    one = (await in_review()).id
    picture = {"item_id": one, "sha256": blob.sha256, "width": 4, "height": 3, "bytes": blob.bytes}
    await world.db["pictures"].insert_one({"_id": f"{one}.{blob.sha256}", **picture})
    title = {"title": "Lịch tiêm chủng khác"}
    await world.running.service.bus.finish()  # Nobody here waits for what is submitted to be spoken.
    return [
        Case("content_topics", fixed("GET", "/topics"), path=None),
        Case("content_again", fixed("POST", "/replay"), path=None),
        Case("content_one", fixed("GET", f"/items/{one}")),
        Case("content_history", fixed("GET", f"/items/{one}/history")),
        Case("content_rendition", fixed("GET", f"/items/{one}/renditions/web")),
        Case("content_revision", fixed("GET", f"/items/{one}/revisions/1")),
        Case("content_picture", fixed("GET", f"/items/{one}/pictures/{blob.sha256}")),
        Case("content_add_picture", pictured(own), permission=ITEM_WRITE),
        Case("content_add_picture", pictured(anothers), permission=ITEM_EDIT),
        Case("content_create", fixed("POST", "/items", {**ITEM, "unit_id": COMMUNE})),
        Case("content_edit", step("", own, title, "PATCH"), permission=ITEM_WRITE),
        Case("content_edit", step("", anothers, title, "PATCH"), permission=ITEM_EDIT),
        Case("content_submit", step("/submit", own), permission=ITEM_WRITE),
        Case("content_submit", step("/submit", anothers), permission=ITEM_EDIT),
        Case("content_approve", step("/approve", reviewed)),
        Case("content_send_back", step("/return", reviewed, {"comment": "Xin sửa giờ."})),
        # An approver who wrote it is told that a draft is not what they take back: no way in either.
        Case("content_withdraw", step("/withdraw", own), permission=ITEM_WRITE, let=lambda status, _: status == 200),
        Case("content_withdraw", step("/withdraw", approved), permission=ITEM_APPROVE),
    ], [
        Listing("content_listed", "/items?limit=100", ids_by_unit(listed, "id")),
        Listing("content_listed", "/items?limit=100&q=lich+tie", ids_by_unit(listed, "id")),
    ]


# -- fleet -------------------------------------------------------------------------------------------------------------


async def fleet(world: World, _: EventProbe) -> Cases:
    """A receiver at every unit, and what hangs on the one of the commune."""
    device_of: dict[str, str] = {}
    for unit in PATHS:
        body = {"name": f"Loa {unit}", "unit_id": unit, "site_type": "hamlet", "groups": [f"Nhóm {unit}"]}
        device_of[unit] = (await world.done("POST", "/receivers", body))["device_id"]
    unit_of = {device: unit for unit, device in device_of.items()}
    for unit, device in device_of.items():
        guess = {"followed": [{"act": "act-1", "from": "u-gone", "to": unit}], "unsure": "act-1", "between": [unit]}
        await world.db["devices"].update_one({"_id": device}, {"$set": guess})
    device, ver = device_of[COMMUNE], {"If_Match": '"1"'}
    body |= {"unit_id": COMMUNE, "groups": []}
    doomed = (await world.done("POST", "/receivers", {**body, "name": "Loa cũ"}))["device_id"]
    # Whoever moves a device has said where it stands: not one of those that wait for that.
    moved = (await world.done("POST", "/receivers", {**body, "name": "Loa chuyển"}))["device_id"]
    await world.done("POST", "/receivers", {**body, "name": "Bảng", "kind": "board"})
    order = (await world.done("POST", "/commands", {"device_ids": [device], "name": "log_upload"}))["order_id"]
    command = (await world.db["commands"].find_one({"order_id": order}))["_id"]
    blob = await world.running.service.blobs.put(b"log", "text/plain")
    await world.db["commands"].update_one({"_id": command}, {"$set": {"upload": blob.model_dump()}})
    for unit, path in PATHS.items():
        alarm = {
            "_id": f"alm-{unit}", "ver": 1, "code": "offline", "unit_id": unit, "path": list(path), "units": list(path),
            "devices": [device_of[unit]], "most": 1, "opened_at": NOW, "closed_at": NOW, "acknowledged": None,
        }  # fmt: skip
        await world.db["alarms"].insert_one(alarm)
    file = (await world.done("PUT", "/updates/files", data=b"program"))["sha256"]
    release = {"version": "1.2.0", "files": [{"path": "app.bin", "sha256": file}], "waves": ["1", "100%"]}
    updates = {}
    for unit in PATHS:
        begun = await world.done("POST", "/updates", {**release, "device_ids": [device_of[unit]]})
        updates[begun["update_id"]] = unit
    update = next(one for one, unit in updates.items() if unit == COMMUNE)
    square = [[[106.0, 9.8], [106.1, 9.8], [106.1, 9.9], [106.0, 9.8]]]
    shape = {
        "type": "Feature",
        "properties": {"unit_id": COMMUNE},
        "geometry": {"type": "Polygon", "coordinates": square},
    }
    place = {"name": "Loa", "unit_id": COMMUNE, "site_type": "hamlet"}
    sheet = f"Tên,Đơn vị,Nơi đặt,Mã nhận\nLoa mới,{COMMUNE},hamlet,mqtt\n".encode()

    async def spreadsheet(_: Caller) -> Ask:
        return Ask("POST", "/devices/import?dry_run=true", data=sheet, headers={"content-type": "text/csv"})

    def row_let(status: int, answer: Any) -> bool:
        return status == 200 and answer["rows"][0]["outcome"] != "refused"

    async def program(_: Caller) -> Ask:
        return Ask("PUT", "/updates/files", data=b"another program")

    def rows(answer: bytes) -> set[str]:
        return {unit for found, unit in unit_of.items() if found in answer.decode()}

    cases = [
        Case(f"fleet_{name}", fixed("GET", address))
        for name, address in (
            ("device", f"/devices/{device}"), ("device_timeline", f"/devices/{device}/timeline"),
            ("hours", f"/devices/{device}/hours"), ("list_device_commands", f"/devices/{device}/commands"),
            ("get_order", f"/commands/{order}"), ("get_upload", f"/commands/uploads/{command}"),
            ("get_update", f"/updates/{update}"),
        )
    ]  # fmt: skip
    cases += [
        Case("fleet_get_shapes", fixed("GET", "/shapes"), path=None),
        Case("fleet_put_update_file", program, path=None),
        Case("fleet_claim", fixed("POST", "/devices/claim", {"claim_code": "ABCD-EFGH", **place})),
        Case("fleet_make_receiver", fixed("POST", "/receivers", place)),
        Case("fleet_new_receiver_token", fixed("POST", f"/receivers/{device}/token")),
        Case("fleet_import_devices", spreadsheet, let=row_let),
        Case("fleet_move", fixed("POST", f"/devices/{moved}/move", {"unit_id": COMMUNE}, **ver)),
        Case("fleet_regroup", fixed("PUT", f"/devices/{device}/groups", {"groups": [f"Nhóm {COMMUNE}"]}, **ver)),
        Case("fleet_revoke", fixed("POST", f"/devices/{doomed}/revoke", **ver)),
        Case("fleet_order_command", fixed("POST", "/commands", {"device_ids": [device], "name": "restart"})),
        Case("fleet_order_command", fixed("POST", "/commands", {"filter": {"kind": "board"}, "name": "restart"})),
        Case("fleet_begin_update", fixed("POST", "/updates", {**release, "device_ids": [device]})),
        Case("fleet_stop_update", fixed("POST", f"/updates/{update}/stop")),
        Case("fleet_resume_update", fixed("POST", f"/updates/{update}/resume")),
        Case("fleet_roll_back_update", fixed("POST", f"/updates/{update}/rollback")),
        Case("fleet_acknowledge_alarm", fixed("POST", f"/alarms/alm-{COMMUNE}/acknowledge", {"note": "Đang xem."})),
        Case(
            "fleet_put_shapes",
            fixed("PUT", "/shapes", {"type": "FeatureCollection", "features": [shape]}, If_Match='"0"'),
            path=IN_PROVINCE,
        ),
        Case("fleet_replay_all", fixed("POST", "/replay"), path=IN_PROVINCE),
    ]
    return cases, [
        Listing("fleet_devices", "/devices?limit=100", ids_by_unit(unit_of, "device_id")),
        Listing("fleet_devices_csv", "/devices.csv", rows),
        Listing(
            "fleet_devices_map", "/map", lambda got: {unit_of[one[0]] for one in got["points"] if one[0] in unit_of}
        ),
        Listing("fleet_counts", COUNTS, lambda got: {one["unit_id"] for one in got["items"] if _devices(one)}),
        Listing("fleet_act_devices", "/acts/act-1", lambda got: int(got["moved"])),
        Listing("fleet_unsure_devices", "/unsure", ids_by_unit(unit_of, "device_id")),
        Listing("fleet_summary", "/summary", lambda got: {one["unit_id"] for one in got["units"]} & PATHS.keys()),
        Listing("fleet_all_groups", "/groups", lambda got: sum(one["devices"] for one in got["items"])),
        Listing(
            "fleet_list_alarms", "/alarms?state=closed", ids_by_unit({f"alm-{one}": one for one in PATHS}, "alarm_id")
        ),
        Listing("fleet_list_updates", "/updates", ids_by_unit(updates, "update_id")),
    ]


# -- broadcast and signboard -------------------------------------------------------------------------------------------


async def _shown(world: World, collection: str, **more: Any) -> dict[str, str]:
    """Something that was heard or seen of one item at every unit; the unit of each by its id."""
    await world.db["items"].insert_one({"_id": "i-1", "ver": 1, "revision": 1})
    for unit, path in PATHS.items():
        document = {
            "_id": f"one-{unit}", "ver": 1, "state": "confirmed", "device_id": f"d-{unit}", "device_name": "Loa",
            "unit_id": unit, "path": list(path), "entry_id": "e-1", "item_id": "i-1", "revision": 1, "title": "Tin",
            "started_at": NOW, "ended_at": NOW, "seconds": 9.0, "proofs": [], **more,
        }  # fmt: skip
        await world.db[collection].insert_one(document)
    return {f"one-{unit}": unit for unit in PATHS}


async def broadcast(world: World, _: EventProbe) -> Cases:
    """A commune's grid and sessions, and what was heard."""
    heard = await _shown(world, "airings", session_id="s-1")
    return [
        Case("broadcast_get_grid", fixed("GET", f"/grids/{COMMUNE}")),
        Case("broadcast_put_grid", fixed("PUT", f"/grids/{COMMUNE}", GRID)),
        Case("broadcast_sessions", fixed("GET", f"/sessions?unit_id={COMMUNE}")),
        Case("broadcast_start_now", fixed("POST", "/sessions/start-now", {"unit_id": COMMUNE})),
        Case("broadcast_airings", fixed("GET", f"/airings?unit_id={COMMUNE}")),
        Case("broadcast_replay_all", fixed("POST", "/replay"), path=IN_PROVINCE),
    ], [
        Listing("broadcast_counts", COUNTS, lambda got: {one["unit_id"] for one in got["items"]}),
        Listing("broadcast_airings", "/airings?item_id=i-1", ids_by_unit(heard, "id")),
        Listing("broadcast_item_status", "/items/i-1/status", lambda got: int(got["confirmed"])),
    ]


async def signboard(world: World, _: EventProbe) -> Cases:
    """A commune's playlist, and what was shown."""
    shown = await _shown(world, "displays")
    return [
        Case("signboard_playlist", fixed("GET", f"/playlists/{COMMUNE}")),
        Case("signboard_displays", fixed("GET", f"/displays?unit_id={COMMUNE}")),
        Case("signboard_replay_all", fixed("POST", "/replay"), path=IN_PROVINCE),
    ], [
        Listing("signboard_counts", COUNTS, lambda got: {one["unit_id"] for one in got["items"]}),
        Listing("signboard_displays", "/displays?item_id=i-1", ids_by_unit(shown, "id")),
        Listing("signboard_item_status", "/items/i-1/status", lambda got: int(got["confirmed"])),
    ]


# -- alert -------------------------------------------------------------------------------------------------------------


async def alert(world: World, _: EventProbe) -> Cases:
    """Notices for the commune, which all staff see and whoever approves there issues."""
    body = {**NOTICE, "scopes": [COMMUNE]}

    async def notice() -> str:
        return str((await world.done("POST", "/notices", body))["id"])

    asked, in_force, refused, spoken = [await notice() for _ in range(4)]
    second = replace(world.root, id="p-second")
    for one in (in_force,):
        status, answer = await world.send(second, Ask("POST", f"/notices/{one}/confirm", {"ver": 1}))
        assert status == 200, answer
    source = {"name": "Đài", "url": "https://cap.example.vn/feed"}
    source_id = (await world.done("POST", "/cap/sources", source))["source_id"]

    async def cap(_: Caller) -> Ask:
        xml = message(identifier=f"vn-{secrets.token_hex(4)}")
        return Ask("POST", "/cap", data=xml, headers={"content-type": "application/cap+xml"})

    async def sound(_: Caller) -> Ask:
        return Ask("PUT", f"/notices/{spoken}/sound", data=b"no sound", headers={"content-type": "audio/wav"})

    seen = [
        Case(f"alert_{name}", fixed("GET", f"/notices{address}"), path=None)
        for name, address in (
            ("listed", ""), ("one", f"/{asked}"), ("reach", f"/{in_force}/reach"), ("silent", f"/{in_force}/silent"),
            ("report", f"/{in_force}/report"),
        )
    ]  # fmt: skip
    hear = Case("alert_hear", fixed("GET", f"/notices/{asked}/sound"), path=None, let=_but_no_sound)
    return [
        *seen,
        hear,
        Case("alert_request", fixed("POST", "/notices", body)),
        Case("alert_confirm", fixed("POST", f"/notices/{asked}/confirm", {"ver": 1})),
        Case("alert_refuse", fixed("POST", f"/notices/{refused}/refuse", {"reason": "Sai địa bàn."})),
        Case("alert_update", fixed("POST", f"/notices/{in_force}/update", body)),
        Case("alert_record", sound),
        Case("alert_cancel", fixed("POST", f"/notices/{in_force}/cancel")),
        Case("alert_take_cap", cap),
        Case("alert_cap_sources", fixed("GET", "/cap/sources"), path=IN_PROVINCE),
        Case("alert_add_cap_source", fixed("POST", "/cap/sources", source), path=IN_PROVINCE),
        Case("alert_remove_cap_source", _source(source_id), path=IN_PROVINCE, let=_even_if_gone),
    ], []


def _source(source_id: str) -> Make:
    return fixed("DELETE", f"/cap/sources/{source_id}")


def _even_if_gone(status: int, _: Any) -> bool:
    return status not in (401, 403)  # Whoever may not is told 403: neither sources nor people are secret by their id.


def _but_no_sound(status: int, _: Any) -> bool:
    return status == 404  # No voice speaks here; who may not hear it is told 403.


# -- contest -----------------------------------------------------------------------------------------------------------


async def contest(world: World, _: EventProbe) -> Cases:
    """Drafts at every unit, and a published one of the commune."""
    soon = {"opens_at": (NOW + timedelta(hours=1)).isoformat(), "closes_at": (NOW + timedelta(days=1)).isoformat()}
    body = {**CONTEST, **soon, "unit_id": COMMUNE}

    async def draft(unit: str = COMMUNE) -> str:
        given = {**body, "unit_id": unit, "id": f"thi-{secrets.token_hex(5)}"}
        return str((await world.done("POST", "/contests", given))["id"])

    async def creation(_: Caller) -> Ask:
        return Ask("POST", "/contests", {**body, "id": f"thi-{secrets.token_hex(5)}"}, headers=keyed())

    drafts = {await draft(unit): unit for unit in PATHS}
    one, doomed, published = [await draft() for _ in range(3)]
    await world.done("POST", f"/contests/{published}/publish", headers={"If-Match": '"1"'})
    return [
        Case("contest_one", fixed("GET", f"/contests/{one}"), permission=CONTEST_REVIEW),
        Case("contest_create", creation),
        Case("contest_replace", fixed("PUT", f"/contests/{one}", body, If_Match='"1"')),
        Case("contest_publish", fixed("POST", f"/contests/{doomed}/publish", If_Match='"1"')),
        Case("contest_ranking", fixed("GET", f"/contests/{published}/ranking"), permission=CONTEST_REVIEW),
        Case("contest_ledger", fixed("GET", f"/contests/{published}/ledger")),
        Case("contest_replay_all", fixed("POST", "/replay"), path=IN_PROVINCE),
    ], [
        Listing(
            "contest_listed",
            "/contests?limit=100",
            ids_by_unit(drafts, "id"),
            permission=CONTEST_REVIEW,
            open_to_all=True,
        )
    ]


# -- reporting ---------------------------------------------------------------------------------------------------------


async def reporting(world: World, events: EventProbe) -> Cases:
    """A post of every unit, its numbers and its papers."""
    plan = json.loads((ROOT / "demo" / "plan75.json").read_text())
    await world.done("POST", "/plan", plan)
    facts = {}
    for unit in PATHS:
        event = PostConfirmed(
            post_id=f"web-{unit}", ver=2, channel="web", item_id=f"i-{unit}", revision=1, title="Tin",
            priority="normal", unit_id=unit, tasks=("08",), topic="skills", language="vi",
            url=f"https://lantoa.example.vn/tin/{unit}", approval_sha256="a" * 64, page_sha256="d" * 64,
            published_at=NOW, confirmed_at=NOW,
        )  # fmt: skip
        await events.publish(POST_CONFIRMED, event)
        facts[f"post:web-{unit}"] = unit

    async def counted() -> bool:
        _, answer = await world.send(world.root, Ask("GET", "/tasks/08"))
        return bool(answer["totals"]["posts"] == len(PATHS))

    await eventually(counted)

    def number(of: str, path: str, seen: Callable[[Any], set[str] | int]) -> Listing:
        return Listing(f"reporting_{of}", path, seen, overseen=REPORT_OVERSEE)

    papers = [
        Case(f"reporting_{name}", fixed("GET", f"/documents/{file}?unit_id={COMMUNE}"))
        for name, file in (("yearly", "yearly.docx"), ("evidence", "evidence.xlsx"))
    ]
    return [
        *papers,
        Case("reporting_periods", fixed("GET", "/periods"), path=None),
        Case("reporting_proof", fixed("GET", f"/proofs/post:web-{COMMUNE}")),
        Case("reporting_import_plan", fixed("POST", "/plan", plan), path=IN_PROVINCE),
        Case("reporting_rebuild", fixed("POST", "/rebuild"), path=IN_PROVINCE),
    ], [
        number("summary", "/summary", lambda got: int(got["totals"]["posts"])),
        number("tasks", "/tasks", lambda got: sum(one["totals"]["posts"] for one in got["items"])),
        number("task", "/tasks/08", lambda got: {one["unit_id"] for one in got["by_unit"]}),
        number("proofs", "/tasks/08/proofs", ids_by_unit(facts, "fact_id")),
    ]


# -- directory ---------------------------------------------------------------------------------------------------------


async def directory(world: World, _: EventProbe) -> Cases:
    """A person at every unit."""

    def person(unit: str) -> dict[str, Any]:
        return {"id": f"p-of-{unit}", "login": f"of-{unit}", "name": f"Người {unit}", "body": unit}

    await world.done("POST", "/import", {"people": [person(unit) for unit in PATHS]})
    renamed = {"unit_id": COMMUNE, "code": "1", "name": "Xã Cầu Kè", "kind": "commune", "parent": PROVINCE}
    people = {f"p-of-{unit}": unit for unit in PATHS}
    one = f"/people/p-of-{COMMUNE}"
    profile = {"name": "Người khác", "body_id": COMMUNE}
    days = {"from": "2026-01-01", "to_day": "2026-01-02", "reason": "Nghỉ phép"}
    loan = {"to": f"p-of-{HAMLET}", "roles": ["author"], "unit_id": COMMUNE, **days}

    def chains(answer: Any) -> set[str]:
        return {one["chain"] for one in answer["items"]} & PATHS.keys()

    async def new_person(_: Caller) -> Ask:
        return Ask("POST", "/people", {**profile, "login": secrets.token_hex(5)}, headers=keyed())

    async def written() -> bool:
        _, answer = await world.send(world.root, Ask("GET", "/audit/chains"))
        return {entry["chain"] for entry in answer["items"]} >= PATHS.keys()

    await eventually(written, timeout=20)
    changing = [
        Case(f"directory_{name}", fixed(method, f"{one}{address}", body), permission=PERSON_WRITE, let=_even_if_gone)
        for name, method, address, body in (
            ("add_grant", "POST", "/grants", {"role": "author", "unit_id": COMMUNE, "reason": "QĐ 12"}),
            ("end_grant", "DELETE", "/grants/g-none", None),
            ("lend_roles", "POST", "/delegations", loan),
            ("take_back", "DELETE", "/delegations/d-none", None),
            ("one_time_password", "POST", "/password", None), ("reset_factors", "POST", "/factors/reset", None),
            ("lock", "POST", "/lock", {"reason": "Mất điện thoại"}), ("unlock", "POST", "/unlock", None),
        )
    ]  # fmt: skip
    return [
        *changing,
        Case("directory_one_person", fixed("GET", one)),
        Case("directory_create_person", new_person),
        Case("directory_change_person", fixed("PUT", one, profile, If_Match='"1"'), permission=PERSON_WRITE),
        Case("directory_list_entries", fixed("GET", f"/audit?unit_id={COMMUNE}")),
        Case("directory_export_chain", fixed("GET", f"/audit/chains/{COMMUNE}/export")),
        Case("directory_export_all", fixed("GET", "/audit/export"), path=None),
        *await _acts(world),
        Case("directory_list_units", fixed("GET", "/units"), path=None),
        Case("directory_one_unit", fixed("GET", f"/units/{COMMUNE}"), path=None),
        Case("directory_load_all", fixed("POST", "/import", {"people": [person(COMMUNE)]})),
        Case("directory_load_all", _another_name(renamed), path=IN_PROVINCE),
        Case("directory_replay", fixed("POST", "/replay"), path=None),
    ], [
        Listing("directory_list_people", "/people?limit=100", ids_by_unit(people, "id")),
        Listing("directory_list_chains", "/audit/chains", chains),
    ]


async def _acts(world: World) -> list[Case]:
    """Acts on what lies below the commune, looked at only, and one of a later day."""
    name = {"kind": "rename", "date": "2026-01-01", "act": "QĐ 1", "from": [HAMLET], "into": {"name": "Khác"}}
    away = {"kind": "move", "date": "2126-01-01", "act": "QĐ 2", "from": [HAMLET], "into": PROVINCE}
    act = (await world.done("POST", "/acts", away))["id"]

    async def sheet(_: Caller) -> Ask:
        return Ask("POST", "/units/import?dry_run=true", data=f"code,name,kind,parent\n77,Hội,body,{COMMUNE}".encode())

    return [
        Case("directory_order_act", fixed("POST", "/acts?dry_run=true", name)),
        Case("directory_reverse_act", fixed("POST", f"/acts/{act}/reverse?dry_run=true"), path=IN_PROVINCE),
        Case("directory_import_units", sheet, let=lambda status, got: status == 200 and not got["counts"]["refused"]),
        Case("directory_list_acts", fixed("GET", "/acts"), path=None),
        Case("directory_one_act", fixed("GET", f"/acts/{act}"), path=None),
    ]


def _another_name(unit: dict[str, Any]) -> Make:
    """Rename a unit, each time otherwise: what changes nothing is nobody's business."""

    async def make(_: Caller) -> Ask:
        return Ask("POST", "/import", {"units": [{**unit, "name": f"Xã Cầu Kè {secrets.token_hex(3)}"}]})

    return make


WORLDS: dict[str, Callable[[World, EventProbe], Awaitable[Cases]]] = {
    "alert": alert,
    "broadcast": broadcast,
    "content": content,
    "contest": contest,
    "directory": directory,
    "fleet": fleet,
    "reporting": reporting,
    "signboard": signboard,
}
