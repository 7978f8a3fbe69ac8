"""The files are kept in step with the code, and what would break a reader is not written."""

import json
from pathlib import Path

import pytest

from lantoa_contracts import golden

AIRING = "broadcast.airing.confirmed.v1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose files are up to date."""
    assert golden.write(tmp_path) == []
    assert golden.check(tmp_path) == []
    return tmp_path


def edit(file: Path, change) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_every_message_has_its_two_files(project):
    keys = sorted(message.key for message in golden.MESSAGES)
    assert sorted(file.name.removesuffix(".schema.json") for file in (project / "golden").iterdir()) == keys
    assert sorted(file.name.removesuffix(".json") for file in (project / "examples").iterdir()) == keys


@pytest.mark.parametrize("folder", ["golden", "examples"])
def test_a_missing_file_is_told(project, folder):
    (file,) = (project / folder).glob(f"{AIRING}*")
    file.unlink()
    assert golden.check(project) == [f"{AIRING}: {folder}/{file.name} is missing, run write"]


@pytest.mark.parametrize("folder", ["golden", "examples"])
def test_a_file_of_no_message_is_told(project, folder):
    (project / folder / "content.item.eaten.v1.json").write_text("{}")
    assert golden.check(project) == [f"{folder}/content.item.eaten.v1.json: no such message in the code"]
    assert golden.write(project) == [f"{folder}/content.item.eaten.v1.json: no such message in the code"]


def test_a_change_that_breaks_nobody_asks_for_a_write(project):
    file = project / "golden" / f"{AIRING}.schema.json"
    edit(file, lambda schema: schema.update(description="Said in other words."))
    assert golden.check(project) == [f"{AIRING}: golden/{AIRING}.schema.json is not up to date, run write"]
    assert golden.write(project) == []
    assert golden.check(project) == []


def test_a_change_that_breaks_readers_is_not_written(project):
    file = project / "golden" / f"{AIRING}.schema.json"
    edit(file, lambda schema: schema["properties"].update(weather={"type": "string"}))
    agreed = {path: path.read_text() for path in project.glob("*/*")}
    assert golden.write(project) == [f"{AIRING}: .weather: field was removed"]
    assert {path: path.read_text() for path in project.glob("*/*")} == agreed
    assert f"{AIRING}: .weather: field was removed" in golden.check(project)


def test_an_example_that_is_no_longer_read_is_not_written_over(project):
    file = project / "examples" / f"{AIRING}.json"
    edit(file, lambda example: example.update(revision="two"))
    (line,) = golden.write(project)
    assert line.startswith(f"{AIRING}: its example is no longer read")
    assert json.loads(file.read_text())["revision"] == "two"


@pytest.mark.parametrize(("action", "code"), [("write", 0), ("check", 0)])
def test_the_command_ends_well_when_all_is_in_order(monkeypatch, capsys, action, code):
    monkeypatch.setattr("sys.argv", ["golden", action])
    monkeypatch.setattr(golden, "write", list)
    with pytest.raises(SystemExit) as ended:
        golden.main()
    assert (ended.value.code, capsys.readouterr().out) == (code, "")


def test_the_command_names_what_is_wrong_and_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["golden", "check"])
    monkeypatch.setattr(golden, "check", lambda: ["one", "two"])
    with pytest.raises(SystemExit) as ended:
        golden.main()
    assert (ended.value.code, capsys.readouterr().out) == (1, "one\ntwo\n")
