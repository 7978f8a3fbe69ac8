"""`lantoa load` on an installation where nobody can sign in yet."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from lantoa_cli.main import app

UNIT = {"unit_id": "u-1-2025", "code": "1", "name": "Tỉnh Một", "kind": "province", "valid_from": "2025-07-01"}
PERSON = {
    "id": "p-hoa",
    "login": "hoa",
    "name": "Nguyễn Thị Hoa",
    "grants": [{"role": "admin", "unit_id": "u-1-2025"}],
}


@pytest.fixture
def run_load(nats_server, tmp_path):
    async def run(url, text, *options):
        file = tmp_path / "first.json"
        file.write_text(text)
        command = ["load", "directory", str(file), "--url", url, "--keys", str(nats_server.ring.folder), *options]
        return await asyncio.to_thread(CliRunner().invoke, app, command)

    return run


async def test_the_first_administrator_signs_in_with_the_password_that_was_printed(directory, run_load, who):
    done = await run_load(directory.url, json.dumps({"units": [UNIT], "people": [PERSON]}), "--make-passwords")
    assert done.exit_code == 0, done.output
    login, password = done.output.splitlines()[-1].split()
    assert login == "hoa"
    status, answer, _ = await directory.call("POST", "/sign-in", who.gateway, {"login": login, "password": password})
    assert (status, answer["person"]["name"]) == (200, "Nguyễn Thị Hoa")


async def test_the_same_file_again_keeps_the_password(directory, run_load, who):
    first = json.dumps({"units": [UNIT], "people": [{**PERSON, "password": "mot-hai-ba-bon"}]})
    assert (await run_load(directory.url, first)).exit_code == 0
    assert (await run_load(directory.url, json.dumps({"people": [PERSON]}))).exit_code == 0
    status, _, _ = await directory.call("POST", "/sign-in", who.gateway, {"login": "hoa", "password": "mot-hai-ba-bon"})
    assert status == 200


async def test_a_file_that_is_wrong_is_told_and_not_half_taken(directory, run_load, who):
    no_json = await run_load(directory.url, "{")
    assert (no_json.exit_code, "không phải là JSON" in no_json.output) == (1, True)
    wrong = await run_load(directory.url, json.dumps({"units": [UNIT], "people": [{**PERSON, "role": "king"}]}))
    assert wrong.exit_code == 1
    assert "/people/0/role" in wrong.output
    status, _, _ = await directory.call("GET", "/units/u-1-2025", who.operator)
    assert status == 404
