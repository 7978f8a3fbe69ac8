"""What `lantoa` refuses to start on, in one sentence each, and what it knows of an installation."""

import json
import os
import shutil
import socket
import sys
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from lantoa_cli import up
from lantoa_cli.demo import passwords
from lantoa_cli.layout import kiosk, load_layout
from lantoa_cli.main import app
from lantoa_cli.servers import EmbeddedDatabase, MissingProgram, free_port, program
from lantoa_cli.up import StartRefused, bring_up, check
from lantoa_contracts.catalogue import SERVICES
from lantoa_runtime.topology.keys import ensure_keys


class Usage(NamedTuple):
    """As much of a disk's state as is looked at."""

    free: int


@pytest.fixture
def layout(tmp_path, monkeypatch):
    """An installation that is fit to start."""
    monkeypatch.delenv("LANTOA_ENV", raising=False)
    console = tmp_path / "services/console/dist"
    console.mkdir(parents=True)
    (console / "index.html").write_text("<html>")
    return load_layout(tmp_path, tmp_path / "data", free_ports=True)


def test_a_fit_machine_is_not_refused(layout):
    check(layout)


def refused(layout, sentence):
    with pytest.raises(StartRefused) as error:
        check(layout)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_port_in_use_is_named_with_its_owner(layout):
    port = layout.ports["nats"]
    with socket.create_server(("127.0.0.1", port)):
        refused(layout, f"Cổng {port} (nats)")


def test_a_full_disk_is_named(layout, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(12_000_000))
    refused(layout, "chỉ còn 12 MB")


def test_a_console_that_was_not_built_is_named(layout):
    (layout.root / "services/console/dist/index.html").unlink()
    refused(layout, "make console")


def test_production_is_refused(layout, monkeypatch):
    monkeypatch.setenv("LANTOA_ENV", "production")
    refused(layout, "LANTOA_ENV=production")


def test_a_second_start_is_refused(layout):
    layout.run_file.write_text(json.dumps({"supervisor": os.getpid(), "children": {}}))
    refused(layout, f"pid {os.getpid()}")


async def test_a_start_that_is_refused_starts_nothing(layout, monkeypatch):
    monkeypatch.setattr(up, "Supervisor", None)
    with socket.create_server(("127.0.0.1", layout.ports["mongo"])), pytest.raises(StartRefused):
        await bring_up(layout)
    assert not layout.run_file.exists()


def test_the_command_tells_the_sentence_and_fails(layout, monkeypatch):
    monkeypatch.setenv("LANTOA_ENV", "production")
    result = CliRunner().invoke(app, ["up", "--data", str(layout.data)])
    assert result.exit_code == 1
    assert "LANTOA_ENV=production" in result.output
    assert "Traceback" not in result.output


def test_down_and_status_of_what_does_not_run_say_so(layout):
    runner = CliRunner()
    down = runner.invoke(app, ["down", "--data", str(layout.data)])
    assert (down.exit_code, "không chạy" in down.output) == (0, True)
    status = runner.invoke(app, ["status", "--data", str(layout.data)])
    assert (status.exit_code, "không chạy" in status.output) == (1, True)


def test_logs_of_an_unknown_process_say_so(layout):
    result = CliRunner().invoke(app, ["logs", "nobody", "--data", str(layout.data)])
    assert (result.exit_code, "nobody" in result.output) == (1, True)


def test_a_missing_wheel_is_named():
    with pytest.raises(MissingProgram, match="no-such-program is missing: install the wheel some-wheel"):
        program("no-such-program", "some-wheel")


def test_ports_are_chosen_at_the_first_start_and_stay(tmp_path):
    first = load_layout(tmp_path, tmp_path / "data", free_ports=True)
    assert len(set(first.ports.values())) == len(first.ports)
    assert load_layout(tmp_path, tmp_path / "data").ports == first.ports


def test_every_service_of_the_catalogue_is_started_with_its_own_key(layout):
    ensure_keys(layout.ring.folder)
    programs = {made.name: made for made in layout.services()}
    assert set(programs) == {"callout", *SERVICES}
    seeds = {made.env["LANTOA_NATS_SEED_FILE"] for made in programs.values()}
    assert len(seeds) == len(programs)
    assert all(made.health for made in programs.values())
    assert all(made.command[0] == sys.executable for made in programs.values())


def test_the_embedded_database_never_loses_what_it_acknowledged(tmp_path):
    database = EmbeddedDatabase(tmp_path / "db", free_port())
    assert "--sync-on-commit" in database.command()
    assert "retryWrites=false" in database.url


def test_the_page_of_a_board_runs_without_a_sandbox_only_as_root(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--no-sandbox" not in kiosk("chromium", tmp_path, "http://127.0.0.1/")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--no-sandbox" in kiosk("chromium", tmp_path, "http://127.0.0.1/")


def test_the_version_is_printed():
    assert CliRunner().invoke(app, ["version"]).output.startswith("lantoa ")


def test_somebody_new_among_the_demo_people_gets_a_password_and_the_others_keep_theirs(layout):
    people = layout.root / "demo" / "people.json"
    people.parent.mkdir()
    people.write_text(json.dumps({"people": [{"login": "lan"}]}))
    first = passwords(layout)
    people.write_text(json.dumps({"people": [{"login": "lan"}, {"login": "linh"}]}))
    assert passwords(layout) == {**first, "linh": passwords(layout)["linh"]}
    assert passwords(layout)["linh"]
    assert layout.passwords_file.stat().st_mode & 0o777 == 0o600
