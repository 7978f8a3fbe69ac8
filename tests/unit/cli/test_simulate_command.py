"""`lantoa fleet simulate` says no where it must."""

import pytest
from typer.testing import CliRunner

from lantoa_cli.main import app

RUNNER = CliRunner()


def test_production_refuses_simulated_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTOA_ENV", "production")
    result = RUNNER.invoke(app, ["fleet", "simulate", "--radios", "1"])
    assert result.exit_code == 1
    assert "production" in result.output


def test_nothing_to_simulate_is_an_error() -> None:
    result = RUNNER.invoke(app, ["fleet", "simulate"])
    assert result.exit_code == 1
    assert "--radios" in result.output


def test_a_platform_that_does_not_run_is_a_sentence(tmp_path: object) -> None:
    result = RUNNER.invoke(app, ["fleet", "simulate", "--radios", "1", "--data", f"{tmp_path}/data"])
    assert result.exit_code == 1
    assert "khang" in result.output
    assert "Traceback" not in result.output
