import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from people_world import Town

from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_directory.main import INDEXES, build
from lantoa_directory.settings import DirectorySettings
from lantoa_runtime.http.auth import Caller, Grant

DEMO = Path(__file__).parents[3] / "demo"
PASSWORD = " Mật khẩu của Lan 1 "
SYSTEM_GRANTS = (Grant(SYSTEM, EVERYWHERE),)


@pytest.fixture(scope="session")
def who():
    """Callers of the tests, by what they are."""
    return SimpleNamespace(
        operator=Caller("operator", "operator", SYSTEM_GRANTS),
        gateway=Caller("gateway", "gateway", SYSTEM_GRANTS),
        author=Caller("p-lan", "Lan", (Grant("author", "u-1"),)),
        admin=Caller("p-vinh", "Vinh", (Grant("admin", "u-p"),)),
        ward_admin=Caller("p-tam", "Tâm", (Grant("admin", "u-1"),)),
        anonymous=Caller("anonymous", ""),
    )


def unit(unit_id, name, kind="commune", parent="u-p", **fields):
    return {"unit_id": unit_id, "code": unit_id[2:], "name": name, "kind": kind, "parent": parent, **fields}


@pytest.fixture(scope="session")
def small_import():
    """A province of five units and two people; Lan's password begins and ends with a blank."""
    return {
        "units": [
            unit("u-p", "Tỉnh Vĩnh Long", "province", None, valid_from="2025-07-01"),
            unit("u-1", "Phường Trà Vinh", "ward", valid_from="2025-07-01"),
            unit("u-2", "Xã Cầu Kè", valid_from="2025-07-01"),
            unit("u-3", "Xã Đại An", valid_from="2025-07-01"),
            unit("u-9", "Thị trấn Cầu Kè", "town", None, valid_to="2025-06-30"),
        ],
        "people": [
            {
                "id": "p-lan",
                "login": "lan",
                "name": "Nguyễn Thị Phương Lan",
                "title": "Chuyên viên",
                "grants": [{"role": "author", "unit_id": "u-1"}],
                "password": PASSWORD,
            },
            {
                "id": "p-vinh",
                "login": "vinh",
                "name": "Đỗ Quang Vinh",
                "grants": [{"role": "admin", "unit_id": "u-p"}],
                "password": "một câu dài khác",
            },
        ],
    }


@pytest.fixture(scope="session")
def demo_import():
    """The demo province as the files have it, with the ids and passwords that the loader adds."""
    units = json.loads((DEMO / "units.json").read_text())
    people = json.loads((DEMO / "people.json").read_text())
    given = [{**person, "id": f"p-{person['login']}", "password": "x" * 12} for person in people["people"]]
    return {"units": units["units"] + people["bodies"], "successors": units["successors"], "people": given}


@pytest.fixture
async def start_directory(start_service, nats_server):
    """Start the directory as one machine's platform has it; settings may be given."""

    async def start(**overrides):
        settings = {"directory_key_file": nats_server.ring.directory_file, "directory_second_factor": "offered"}
        return await start_service("directory", DirectorySettings, build, INDEXES, **{**settings, **overrides})

    return start


@pytest.fixture
async def directory(start_directory):
    return await start_directory()


@pytest.fixture
async def loaded(directory, who, small_import):
    status, body, _ = await directory.call("POST", "/import", who.operator, small_import)
    assert (status, body) == (200, {"units_changed": 5, "people_changed": 2})
    return directory


@pytest.fixture
def sign_in(loaded, who):
    """Sign in as the gateway does for a browser."""

    async def do(login="lan", password=PASSWORD, **options):
        body = {"login": login, "password": password}
        return await loaded.call("POST", "/sign-in", who.gateway, body, **options)

    return do


@pytest.fixture
async def open_town(start_service, nats_server, monkeypatch):
    """Start the directory with a key to seal, and people in it. It seals when its settings or a test say so."""
    monkeypatch.setattr("lantoa_directory.main._SEAL_LOOK_SECONDS", 3600.0)

    async def start(**overrides):
        quiet = {"directory_audit_key_file": nats_server.ring.audit_file}
        town = Town(await start_service("directory", DirectorySettings, build, INDEXES, **(quiet | overrides)))
        await town.load()
        return town

    return start


@pytest.fixture
async def town(open_town):
    return await open_town()
