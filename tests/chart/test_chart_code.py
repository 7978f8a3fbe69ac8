"""The chart against the code: what the code reads, opens and connects to is what the chart gives, and nothing else."""

import copy
import importlib.util
from functools import cache
from pathlib import Path

import declared
import pytest
from chart_checks import edges
from chart_render import (
    CHART,
    INSTALLATIONS,
    PROCESSES,
    component,
    everything,
    installed,
    merged,
    named,
    of_kind,
    pods,
    render,
    values_of,
)
from pydantic import ValidationError

from lantoa_runtime.service import assemble
from lantoa_runtime.settings import RuntimeSettings

SERVING = sorted(declared.PROCESSES)
OUTSIDE = {
    name: {"peers": [{"namespaceSelector": {"matchLabels": {"is": name}}}], **({"port": port} if port else {})}
    for name, port in (
        ("edge", 0),
        ("monitoring", 0),
        ("nats", 4222),
        ("mongodb", 27017),
        ("media", 443),
        ("public", 8443),
        ("feeds", 9443),
        ("traces", 4318),
        ("dns", 53),
    )
}


def _env(objects, process):
    server = named(objects, "Deployment", f"lantoa-{process}")["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", "mongodb://user:secret@mongo/") for entry in server["env"]}


def _variable_faults(objects, process, data):
    given = set(_env(objects, process))
    unknown, missing = given - set(declared.variables(process)), declared.needed(process, data) - given
    return [*(f"unknown {name}" for name in sorted(unknown)), *(f"missing {name}" for name in sorted(missing))]


def test_the_chart_runs_every_process_of_the_platform():
    assert sorted(PROCESSES) == SERVING == sorted(component(one) for one in of_kind(installed("demo"), "Deployment"))


@pytest.mark.parametrize("process", SERVING)
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_variables_are_those_that_the_settings_class_reads(installation, process, tmp_path):
    assert _variable_faults(installed(installation), process, tmp_path) == []


@pytest.mark.parametrize("process", SERVING)
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_settings_class_accepts_what_the_chart_says(installation, process, monkeypatch):
    for name, value in _env(installed(installation), process).items():
        monkeypatch.setenv(name, value)
    settings = declared.settings_class(process)()
    assert settings.http_port == 8080
    assert settings.http_host == "0.0.0.0"  # noqa: S104 - a pod is reached by its address


@pytest.mark.parametrize("process", SERVING)
def test_settings_of_the_values_files_are_known(process):
    for installation in INSTALLATIONS:
        own = values_of(installation)["services"].get(process, {}).get("settings", {})
        assert set(own) <= set(declared.variables(process))


def test_the_gateway_knows_every_upstream_by_its_service(monkeypatch, tmp_path):
    objects = installed("demo")
    for name, value in _env(objects, "gateway").items():
        monkeypatch.setenv(name, value)
    addresses = declared.settings_class("gateway")().gateway_upstreams
    services = {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in of_kind(objects, "Service")}
    assert set(addresses) == declared.upstreams(tmp_path)
    assert all(address == f"http://lantoa-{n}:{services[f'lantoa-{n}']}" for n, address in addresses.items())


def test_the_topology_job_says_all_that_the_command_reads():
    for kind, name in (("Job", "lantoa-topology"), ("Pod", "lantoa-test-topology")):
        (pod,) = [pod for one, pod in pods(installed("demo")) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        assert {v["name"] for v in pod["spec"]["containers"][0]["env"]} == declared.topology_variables()


# -- connections -----------------------------------------------------------------------------------------------------


def _declared_edges(data):
    ports = {name: f"{name}:{peer['port']}" for name, peer in OUTSIDE.items() if "port" in peer}
    calls_out = {(process, ports[what]) for process in SERVING for what in declared.connections(process)}
    calls_out |= {("migrate", ports["mongodb"]), ("topology", ports["nats"])}
    calls_out |= {(who, ports["dns"]) for who in (*SERVING, "migrate", "topology", "test")}
    inside = {("gateway", f"{name}:http") for name in declared.upstreams(data)}
    inside |= {("test", f"{name}:http") for name in SERVING}
    calls_in = {("monitoring", f"{name}:http") for name in SERVING} | {("edge", "gateway:http")}
    return {("out", *edge) for edge in calls_out | inside} | {("in", *edge) for edge in calls_in | inside}


@cache
def _doors():
    return render(merged(everything(), {"network": OUTSIDE}))


def _with_all_doors():
    return copy.deepcopy(_doors())


def test_network_policies_open_what_the_code_connects_to_and_nothing_else(tmp_path):
    assert edges(_with_all_doors()) == _declared_edges(tmp_path)


def test_without_a_collector_and_with_a_volume_those_doors_stay_shut():
    objects = render(merged(values_of("demo"), {"network": OUTSIDE}))
    assert not {whom for _, _, whom in edges(objects)} & {"media:443", "traces:4318"}
    assert not {who for _, who, _ in edges(objects)} & {"monitoring"}


# -- keys, programs, probes ------------------------------------------------------------------------------------------


def _mounted(objects, process):
    volumes = named(objects, "Deployment", f"lantoa-{process}")["spec"]["template"]["spec"]["volumes"]
    (secret,) = [volume["secret"] for volume in volumes if volume["name"] == "keys"]
    assert all(item["key"] == item["path"] for item in secret["items"])
    return {item["key"] for item in secret["items"]}


@pytest.mark.parametrize("process", SERVING)
def test_a_pod_sees_the_keys_that_its_program_opens_and_no_others(process, tmp_path):
    assert _mounted(installed("demo"), process) == declared.keys(process, tmp_path)


def test_only_the_provisioner_holds_the_unrestricted_key():
    for one, pod in pods(installed("demo")):
        items = {i["key"] for v in pod["spec"]["volumes"] if "secret" in v for i in v["secret"]["items"]}
        assert ("topology.nk" in items) == (component(one) == "topology")


def _members(image):
    lines = (declared.ROOT / "docker" / "members" / f"{image}.txt").read_text().split()
    return {f"lantoa_{Path(line).name}" for line in lines}


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_program_is_in_the_image_that_runs_it(installation):
    for one, pod in pods(installed(installation)):
        for container in pod["spec"]["containers"]:
            if "command" in container:
                continue
            image = container["image"].split("/")[-1].split(":")[0]
            program = container["args"][0]
            assert importlib.util.find_spec(program), program
            assert program.split(".")[0] in _members(image), one["metadata"]["name"]


def test_images_are_those_that_the_folder_docker_builds():
    images = {
        c["image"].split("/")[-1].split(":")[0] for _, pod in pods(installed("demo")) for c in pod["spec"]["containers"]
    }
    assert images == {file.stem for file in (declared.ROOT / "docker" / "members").glob("*.txt")}


def test_probes_ask_for_what_the_services_serve(tmp_path):
    asked = {"/livez", "/readyz", "/metrics"}
    service = assemble("chart", RuntimeSettings(media_url=f"file://{tmp_path}/media"))
    assert asked <= {getattr(route, "path", "") for route in service.app.routes}
    callout = " ".join(declared.ast.unparse(tree) for tree in declared.sources("callout"))
    assert all(f"@app.get('{path}')" in callout for path in asked)


def test_the_ready_test_fails_where_a_service_is_not_ready(capsys, monkeypatch):
    program = compile((CHART / "files" / "ready.py").read_text(), "ready.py", "exec")
    for addresses in ([], ["http://127.0.0.1:1/readyz"]):
        monkeypatch.setattr("sys.argv", ["-c", *addresses])
        with pytest.raises(SystemExit) as ended:
            exec(program, {})  # noqa: S102 - the file is the chart's own
        assert ended.value.code


# -- planted faults --------------------------------------------------------------------------------------------------


def test_a_misspelt_and_a_forgotten_variable_are_caught(tmp_path):
    objects = installed("demo")
    env = named(objects, "Deployment", "lantoa-fleet")["spec"]["template"]["spec"]["containers"][0]["env"]
    (one,) = [entry for entry in env if entry["name"] == "LANTOA_FLEET_MEDIA_BASE"]
    one["name"] = "LANTOA_FLEET_MEDIA_URL"
    assert _variable_faults(objects, "fleet", tmp_path) == [
        "unknown LANTOA_FLEET_MEDIA_URL",
        "missing LANTOA_FLEET_MEDIA_BASE",
    ]


def test_a_value_that_the_settings_class_cannot_read_is_caught(monkeypatch):
    for name, value in _env(installed("demo"), "gateway").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANTOA_HTTP_PORT", "tcp://10.0.0.1:8080")
    with pytest.raises(ValidationError):
        declared.settings_class("gateway")()


@pytest.mark.parametrize("process", SERVING)
def test_a_door_too_few_or_too_many_is_caught(process, tmp_path):
    for end in ("egress", "ingress"):
        objects = _with_all_doors()
        named(objects, "NetworkPolicy", f"lantoa-{process}")["spec"][end].pop()
        assert edges(objects) != _declared_edges(tmp_path)
    objects = _with_all_doors()
    extra = {"to": [{"namespaceSelector": {"matchLabels": {"is": "internet"}}}], "ports": [{"port": 443}]}
    named(objects, "NetworkPolicy", f"lantoa-{process}")["spec"]["egress"].append(extra)
    assert edges(objects) != _declared_edges(tmp_path)


def test_a_key_too_many_is_caught(tmp_path):
    objects = installed("demo")
    volumes = named(objects, "Deployment", "lantoa-content")["spec"]["template"]["spec"]["volumes"]
    (secret,) = [volume["secret"] for volume in volumes if volume["name"] == "keys"]
    secret["items"].append({"key": "root.key", "path": "root.key"})
    assert _mounted(objects, "content") != declared.keys("content", tmp_path)
