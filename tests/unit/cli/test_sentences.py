"""A command that cannot do its work says why in one sentence, and leaves nothing behind."""

import pytest
from typer.testing import CliRunner

from lantoa_cli.errors import Refused, words
from lantoa_cli.layout import load_layout
from lantoa_cli.main import app
from lantoa_runtime.topology.keys import ensure_keys

ORDER = ("--date", "2026-01-01", "--act", "1/NQ")
COMMANDS = (
    ("units", "find", "trà"),
    ("units", "merge", "u-1", "u-2", "--into", "u-3", *ORDER),
    ("units", "reverse", "act-1"),
    ("audit", "verify"),
    ("audit", "export", "--out", "audit.jsonl"),
    ("replay", "directory"),
    ("demo", "session", "u-1"),
)
GATEWAY = ("--gateway", "http://127.0.0.1:1")


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The one sentence in which a command refuses, told where nothing else can be written."""
    monkeypatch.chdir(tmp_path)
    for name in ("LANTOA_DATA", "LANTOA_GATEWAY", "LANTOA_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*command):
        done = CliRunner().invoke(app, command)
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        (sentence,) = done.stderr.splitlines()
        return sentence

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_was_never_started_is_named_and_stays_as_it_is(told, tmp_path, command):
    sentence = told(*command, "--data", "data")
    assert (
        sentence == f"Chưa có nền tảng nào ở {tmp_path}/data. Khởi động bằng: make up. Nếu ở thư mục khác, thêm --data."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [("units", "find", "trà"), ("audit", "verify"), ("replay", "directory")], ids=" ".join
)
def test_a_platform_that_does_not_run_is_said_without_the_words_of_a_program(told, tmp_path, command):
    data = tmp_path / "data"
    load_layout(tmp_path, data, free_ports=True)
    ensure_keys(data / "keys")
    sentence = told(*command, "--data", str(data))
    assert sentence.startswith("Không kết nối được tới ")
    assert sentence.endswith("lantoa status")
    assert "Errno" not in sentence


def test_letters_that_nobody_could_deliver_are_not_looked_for_without_keys(told, tmp_path):
    sentence = told("dlq", "list", "--keys", "keys")
    assert sentence.startswith("Không có khóa keys/topology.nk.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS[:1] + COMMANDS[4:5], ids=" ".join)
def test_a_gateway_elsewhere_wants_a_token_and_is_named_where_nobody_answers(told, tmp_path, command):
    assert "LANTOA_TOKEN" in told(*command, *GATEWAY)
    assert told(*command, *GATEWAY, "--token", "x").startswith("Không kết nối được tới 127.0.0.1:1.")
    assert told(*command, "--gateway", "lantoa", "--token", "x").startswith("Địa chỉ không đúng: lantoa")
    assert list(tmp_path.iterdir()) == []


def test_whoever_checks_another_platform_s_audit_needs_its_key(told):
    assert "--key audit.pub" in told("audit", "verify", *GATEWAY, "--token", "x")


def test_a_file_that_cannot_be_read_is_named(told, tmp_path):
    (tmp_path / "audit.jsonl").mkdir()
    (tmp_path / "audit.pub").write_text("%")
    assert told("audit", "verify", "--file", "audit.jsonl", "--key", "audit.pub") == (
        "Không đọc được khóa công khai trong audit.pub."
    )


def test_a_service_s_own_words_come_with_what_they_point_to():
    errors = [{"pointer": "/into/name", "message": "Chưa điền ô này"}, {"pointer": "", "message": "Sai"}]
    refused = Refused("…", {"title": "Sai", "detail": "Xin xem lại.", "errors": errors})
    assert words(refused) == "Sai. Xin xem lại.\n/into/name: Chưa điền ô này"
