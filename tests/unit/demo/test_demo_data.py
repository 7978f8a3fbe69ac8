"""The demo province: its units, plan, people, devices, grids and bulletins hang together."""

import importlib.util
import json
import re
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lantoa_calendar.recurrence import Slot, next_occurrence
from lantoa_contracts.policy import NOTICE_ISSUE

DEMO = Path(__file__).parents[3] / "demo"
UNIT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
KINDS = {"province", "district", "ward", "commune", "town", "body"}
COMMUNE_KINDS = {"ward", "commune", "town"}
ROLES = {"author", "approver", "technician", "reporter", "admin"}
DEMO_DAY = "2026-11-23"

Record = dict[str, Any]


def load(name: str) -> Record:
    made: Record = json.loads((DEMO / f"{name}.json").read_text(encoding="utf-8"))
    return made


UNITS: list[Record] = load("units")["units"]
ALL_LINKS: list[Record] = load("units")["successors"]
LINKS = [link for link in ALL_LINKS if link["unit_id"] != "u-84-2022"]
PEOPLE = load("people")
PLAN = load("plan75")
BY_ID = {unit["unit_id"]: unit for unit in [*UNITS, *PEOPLE["bodies"]]}
OLD = [unit for unit in UNITS if unit["kind"] in COMMUNE_KINDS and unit["valid_to"]]
NEW = [unit for unit in UNITS if unit["kind"] in COMMUNE_KINDS and not unit["valid_to"]]


def valid_on(unit: Record, day: str) -> bool:
    return (unit["valid_from"] or "") <= day <= (unit["valid_to"] or "9999")


def test_unit_ids_are_unique_well_formed_and_never_a_bare_code() -> None:
    ids = [unit["unit_id"] for unit in [*UNITS, *PEOPLE["bodies"]]]
    assert len(ids) == len(set(ids))
    assert all(UNIT_ID.fullmatch(unit_id) for unit_id in ids)
    assert all(unit["unit_id"] != unit["code"] for unit in UNITS)


def test_kinds_are_normalised_and_names_are_composed() -> None:
    assert {unit["kind"] for unit in BY_ID.values()} == KINDS
    assert all(unicodedata.is_normalized("NFC", unit["name"]) for unit in BY_ID.values())


def test_three_generations_of_communes_are_there() -> None:
    assert Counter(unit["kind"] for unit in OLD) == {"commune": 85, "ward": 11, "town": 10}
    assert Counter(unit["kind"] for unit in NEW) == {"commune": 35, "ward": 6}
    counts = [sum(valid_on(unit, day) for unit in [*OLD, *NEW]) for day in ("2022-10-31", "2025-01-01", "2025-07-01")]
    assert counts == [106, 104, 41]
    assert {unit["code"] for unit in NEW} <= {unit["code"] for unit in OLD}


def test_every_parent_exists_and_is_valid_while_its_child_is() -> None:
    for unit in BY_ID.values():
        if unit["parent"] is None:
            assert unit["kind"] == "province"
            continue
        parent = BY_ID[unit["parent"]]
        assert valid_on(parent, unit["valid_from"] or "")
        assert valid_on(parent, unit["valid_to"] or "9999")


def test_the_provinces_and_nine_districts_are_roots_and_branches() -> None:
    provinces = {unit["code"]: unit for unit in UNITS if unit["kind"] == "province"}
    assert (provinces["84"]["name"], provinces["84"]["valid_to"]) == ("Tỉnh Trà Vinh", "2025-06-30")
    assert (provinces["86"]["name"], provinces["86"]["valid_from"]) == ("Tỉnh Vĩnh Long", "2025-07-01")
    districts = [unit for unit in UNITS if unit["kind"] == "district"]
    assert len(districts) == 9
    assert {unit["parent"] for unit in districts} == {provinces["84"]["unit_id"]}
    assert {unit["parent"] for unit in OLD} == {unit["unit_id"] for unit in districts}
    assert {unit["parent"] for unit in NEW} == {provinces["86"]["unit_id"]}


def test_every_old_commune_has_one_successor_that_takes_over_the_day_after() -> None:
    assert len(LINKS) == 106
    assert sorted(link["unit_id"] for link in LINKS) == sorted(unit["unit_id"] for unit in OLD)
    for link in LINKS:
        last_day = date.fromisoformat(BY_ID[link["unit_id"]]["valid_to"])
        assert (date.fromisoformat(link["date"]) - last_day).days == 1
        assert valid_on(BY_ID[link["successor_id"]], link["date"])
        assert link["successor_id"] != link["unit_id"]
        assert link["act"].endswith("/NQ-UBTVQH15")


def test_following_the_links_leads_from_every_old_commune_to_one_of_today_and_reaches_them_all() -> None:
    successor = {link["unit_id"]: link["successor_id"] for link in LINKS}

    def today(unit_id: str) -> str:
        return today(successor[unit_id]) if unit_id in successor else unit_id

    assert {today(unit["unit_id"]) for unit in OLD} == {unit["unit_id"] for unit in NEW}
    assert today("u-29245-2022") == "u-29242-2025"  # Phường 2, by way of Phường 3, is Phường Trà Vinh


def test_the_old_province_is_succeeded_by_the_new_one_and_districts_by_nobody() -> None:
    (link,) = [link for link in ALL_LINKS if link not in LINKS]
    assert link == {
        "unit_id": "u-84-2022",
        "successor_id": "u-86-2025",
        "date": "2025-07-01",
        "act": "202/2025/QH15",
    }
    districts = {unit["unit_id"] for unit in UNITS if unit["kind"] == "district"}
    assert districts.isdisjoint(link["unit_id"] for link in ALL_LINKS)


@pytest.fixture(scope="module")
def build_units() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_units", DEMO / "build_units.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_builder_normalises_kinds_names_and_the_unit_that_a_code_meant_on_the_day(build_units: ModuleType) -> None:
    old = {"code": "1", "type": "thi-tran", "district_code": "9", "district": "Huyện A", "valid_to": "2025-06-30"}
    new = {"code": "1", "type": "xã", "district_code": None, "district": None, "valid_from": "2025-07-01"}
    decomposed = unicodedata.normalize("NFD", "Thị trấn  Á")
    source: Record = {
        "source": "s",
        "units": [new | {"name": "Xã Á"}, old | {"name": decomposed}],
        "successors": [{"old": "1", "new": "1", "on": "2025-07-01", "act": "x"}],
    }
    made = build_units.convert(source)
    town = next(unit for unit in made["units"] if unit["kind"] == "town")
    assert (town["unit_id"], town["name"], town["parent"]) == ("u-1-2022", "Thị trấn Á", "u-9-2022")
    town_link, province_link = made["successors"]
    assert town_link == {"unit_id": "u-1-2022", "successor_id": "u-1-2025", "date": "2025-07-01", "act": "x"}
    assert province_link == ALL_LINKS[[link["unit_id"] for link in ALL_LINKS].index("u-84-2022")]
    source["units"].reverse()
    assert build_units.convert(source) == made


def test_the_plan_has_fifteen_tasks_with_known_leads_partners_and_channels() -> None:
    assert [task["code"] for task in PLAN["tasks"]] == [f"{number:02d}" for number in range(1, 16)]
    selectors = {selector["key"] for selector in PLAN["selectors"]}
    channels = {channel["key"] for channel in PLAN["channels"]}
    assert selectors == {"S", "O", "N", "B", "I", "D*", "H*", "A*"}
    for task in PLAN["tasks"]:
        assert task["vi"]
        assert task["en"]
        assert task["lead"]
        assert {*task["lead"], *task["with"]} <= selectors
        assert task["channels"]
        assert set(task["channels"]) <= channels


def test_the_plan_has_its_topics_channels_and_phases() -> None:
    keys = [topic["key"] for topic in PLAN["topics"]]
    assert keys == ["concepts", "duties", "legal", "stories", "programmes", "applications", "skills", "security"]
    assert [channel["number"] for channel in PLAN["channels"]] == list(range(1, 13))
    assert len(PLAN["phases"]) == 3
    assert len(PLAN["legal_base"]) == 7


def test_every_grant_is_of_a_known_role_on_a_unit_in_force() -> None:
    assert len(PEOPLE["people"]) == 8
    assert len(PEOPLE["bodies"]) == 4
    for person in PEOPLE["people"]:
        assert re.fullmatch("[a-z]{2,12}", person["login"])
        assert valid_on(BY_ID[person["body"]], DEMO_DAY)
        assert person["grants"]
        for grant in person["grants"]:
            assert grant["role"] in ROLES
            assert valid_on(BY_ID[grant["unit_id"]], DEMO_DAY)
    assert len({person["login"] for person in PEOPLE["people"]}) == 8


def test_each_demo_commune_has_an_author_and_another_person_who_approves() -> None:
    communes = {grid["unit_id"] for grid in load("grids")["grids"]}
    assert len(communes) == 2
    holders = {(grant["role"], grant["unit_id"]): p["login"] for p in PEOPLE["people"] for grant in p["grants"]}
    for unit_id in communes:
        assert holders["author", unit_id] != holders["approver", unit_id]
    for role in ("technician", "reporter", "admin"):
        assert (role, "u-86-2025") in holders


def test_two_people_can_warn_the_whole_province() -> None:
    may = {
        person["login"]
        for person in PEOPLE["people"]
        for grant in person["grants"]
        if grant["unit_id"] == "u-86-2025" and grant["role"] in NOTICE_ISSUE.roles
    }
    assert len(may) >= 2


def test_each_demo_commune_has_a_station_and_one_has_a_board() -> None:
    devices = load("devices")["devices"]
    communes = sorted(grid["unit_id"] for grid in load("grids")["grids"])
    assert sorted(device["unit_id"] for device in devices if device["kind"] == "station") == communes
    assert [device["unit_id"] in communes for device in devices if device["kind"] == "board"] == [True]
    assert len({device["key"] for device in devices}) == 3


def test_each_grid_has_a_session_every_day_at_five() -> None:
    for grid in load("grids")["grids"]:
        (session,) = grid["sessions"]
        slot = Slot(session["rule"], session["at"])
        start = slot.start(date.fromisoformat(session["starts_on"]))
        eve = Slot(slot.rule, "05:00").start(date(2026, 11, 22))
        found = next_occurrence(slot.rule, start, eve)
        assert found is not None
        assert found.isoformat() == "2026-11-23T05:00:00+07:00"


def test_each_bulletin_is_of_fair_length_and_written_by_an_author_of_its_commune() -> None:
    items = load("items")["items"]
    grants = {(p["login"], grant["role"], grant["unit_id"]) for p in PEOPLE["people"] for grant in p["grants"]}
    assert len(items) == 3
    for item in items:
        assert 60 <= len(item["body"].split()) <= 120
        assert (item["author"], "author", item["unit_id"]) in grants
        assert {"05", "08"} <= set(item["tasks"]) <= {task["code"] for task in PLAN["tasks"]}
        assert item["topic"] in {topic["key"] for topic in PLAN["topics"]}
