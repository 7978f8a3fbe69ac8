"""The shape of the code: what a reviewer would otherwise have to watch for."""

import ast
import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("*/*/src/lantoa_*/__init__.py"))
SOURCES = sorted(file for package in PACKAGES for file in package.rglob("*.py"))
SERVICES = ("alert", "gateway", "directory", "content", "fleet", "broadcast", "signboard", "contest", "reporting")
ROOMS = {
    "main",
    "settings",
    "domain",
    "usecases",
    "adapters",
    "api",
    "consumers",
    "jobs",
    "telemetry",
    "locales",
    "pages",
    "callout",
}


def _linter() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    return config


def test_every_package_is_known_to_the_import_linter():
    listed = set(_linter()["importlinter"]["root_packages"].split())
    assert listed == {package.name for package in PACKAGES}


def test_every_service_is_held_to_the_rooms():
    containers = set(_linter()["importlinter:contract:rooms"]["containers"].split())
    assert containers == {f"lantoa_{name}" for name in SERVICES}


def test_every_domain_is_held_to_purity():
    listed = set(_linter()["importlinter:contract:pure-domains"]["source_modules"].split())
    domains = {
        f"{package.name}.domain"
        for package in PACKAGES
        if (package / "domain.py").exists() or (package / "domain").is_dir()
    }
    assert listed == domains


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_the_same_rooms_and_no_others(name):
    package = ROOT / "services" / name / "src" / f"lantoa_{name}"
    found = {path.stem for path in package.iterdir() if path.suffix in (".py", "") and not path.name.startswith("__")}
    assert found - ROOMS <= {"py"}, f"rooms that nobody knows: {found - ROOMS}"
    assert "main" in found
    assert (ROOT / "services" / name / "README.md").exists()


def test_no_file_outgrows_a_readers_patience():
    folders = (file.relative_to(ROOT) for file in ROOT.rglob("*.py"))
    files = [file for file in folders if not {".venv", "node_modules", "build", "data"} & set(file.parts)]
    assert len(files) > len(SOURCES)
    lengths = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in files}
    assert [file for file in files if lengths[file] > (600 if "tests" in file.parts else 400)] == []


def test_only_the_clock_reads_the_wall_clock():
    clocks = {"datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today"}
    read = [
        f"{file}:{node.lineno}"
        for file in SOURCES
        if file.name != "clock.py"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in clocks
    ]
    assert read == []


def test_nobody_but_the_runtime_publishes_on_the_broker():
    others = [file for file in SOURCES if "lantoa_runtime" not in file.parts]
    assert [file for file in others if re.search(r"broker\.publish|find_one_and_", file.read_text("utf-8"))] == []


def test_the_embedded_database_is_started_and_never_imported():
    for file in SOURCES:
        assert not re.search(r"^\s*(import|from) secantus", file.read_text("utf-8"), re.MULTILINE), file
    locked = (ROOT / "requirements" / "run.txt").read_text()
    assert "secantusdb" not in locked
    assert "espeakng-loader" not in locked


def test_lock_files_carry_hashes_and_no_index():
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text()
        assert "--hash=sha256:" in text
        assert "--index" not in text
        assert "://" not in text


def test_the_speech_worker_imports_nothing_of_ours():
    for file in (ROOT / "workers").rglob("*.py"):
        assert "lantoa" not in {name.split("_")[0] for name in _imports(file)}, file


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
