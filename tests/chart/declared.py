"""What the code itself declares: settings, connections, keys. Images, compose and chart are compared with it."""

import ast
import importlib
import json
from functools import cache
from pathlib import Path
from types import ModuleType

import typer.main
from pydantic import AliasChoices

from lantoa_cli.layout import Layout
from lantoa_cli.main import app as cli
from lantoa_contracts.catalogue import SERVICES, consumed_by
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.topology.keys import KeyRing, ensure_keys

ROOT = Path(__file__).parents[2]
PROCESSES = (*SERVICES, "callout")
_DEMO_ONLY = {"LANTOA_DIRECTORY_CODES_FILE", "LANTOA_DIRECTORY_SECOND_FACTOR", "LANTOA_GATEWAY_ALLOWANCE"}
"""What one machine's platform says and production does not."""
_KEY_FILES = [name for name, value in vars(KeyRing).items() if isinstance(value, property) and name.endswith("_file")]


def module(process: str) -> ModuleType:
    """The composition root of a process."""
    return importlib.import_module(
        "lantoa_fleet.callout.__main__" if process == "callout" else f"lantoa_{process}.main"
    )


@cache
def sources(process: str) -> list[ast.Module]:
    """The parsed files of a process: its package, fleet without the callout and the callout alone."""
    owner = "fleet" if process == "callout" else process
    package = ROOT / "services" / owner / "src" / f"lantoa_{owner}"
    files = [file for file in package.rglob("*.py") if ("callout" in file.parts) == (process == "callout")]
    return [ast.parse(file.read_text("utf-8")) for file in sorted(files)]


@cache
def _nodes(process: str) -> list[ast.AST]:
    return [node for tree in sources(process) for node in ast.walk(tree)]


@cache
def settings_class(process: str) -> type[RuntimeSettings]:
    """The class that the composition root gives to ``service_main``."""
    home = module(process)
    if process == "callout":
        found: type = home.CalloutSettings
    else:
        calls = [
            node
            for node in _nodes(process)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "service_main"
        ]
        found = getattr(home, ast.unparse(calls[0].args[1]))
    assert issubclass(found, RuntimeSettings)
    return found


def variables(process: str) -> dict[str, bool]:
    """Every variable that a process reads, and whether it cannot start without."""
    found = {}
    for name, field in settings_class(process).model_fields.items():
        alias = field.validation_alias
        assert not isinstance(alias, AliasChoices)
        found[str(alias) if alias else f"LANTOA_{name.upper()}"] = field.is_required()
    return found


def says(process: str, what: str) -> bool:
    """Whether the service says that it is ``stateless`` or ``without_database``."""
    return any(
        isinstance(node, ast.Assign) and ast.unparse(node) == f"service.{what} = True" for node in _nodes(process)
    )


@cache
def connections(process: str) -> frozenset[str]:
    """Which of nats, mongodb, media, the public pages, feeds and traces a process connects to."""
    imported = {
        name
        for node in _nodes(process)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    attributes = {node.attr for node in _nodes(process) if isinstance(node, ast.Attribute)}
    found = set()
    if process == "callout":
        found |= {"mongodb"} if "lantoa_runtime.mongo" in imported else set()
        found |= {"nats"} if "nats" in imported else set()
        found |= {"traces"} if "configure_traces" in attributes else set()
    else:
        found |= {"traces"} if says(process, "stateless") else {"traces", "nats"}
        found |= {"nats"} if "nats" in imported else set()  # Of its own, beside the chassis.
        found |= set() if says(process, "stateless") or says(process, "without_database") else {"mongodb"}
    assert "nats" in found or not consumed_by(process)
    found |= {"public"} if any(name.endswith("_PUBLIC_URL") for name in variables(process)) else set()
    found |= {"feeds"} if any(name.endswith("_CAP_POLL_SECONDS") for name in variables(process)) else set()
    return frozenset(found | ({"media"} if "blobs" in attributes else set()))


def layout(data: Path) -> Layout:
    """One machine's platform, with keys; its ports are its own numbers."""
    ensure_keys(data / "keys")
    names = (*PROCESSES, "nats", "nats-monitor", "nats-websocket", "nats-mqtt", "mongo", "board-tra-vinh")
    return Layout(ROOT, data, {name: 20000 + number for number, name in enumerate(names)})


def upstreams(data: Path) -> set[str]:
    """Services that the gateway passes requests on to."""
    return set(json.loads(layout(data).service_env("gateway")["LANTOA_GATEWAY_UPSTREAMS"]))


def own_variables(process: str, data: Path) -> dict[str, str]:
    """What an installation must say to this process and to no other."""
    env = layout(data)._own_env(process)
    return dict(env)


def needed(process: str, data: Path) -> set[str]:
    """Variables without which a process would not start, or would start and look in the wrong place."""
    by_connection = {"nats": "LANTOA_NATS_URL", "mongodb": "LANTOA_MONGO_URL", "media": "LANTOA_MEDIA_URL"}
    found = {name for name, required in variables(process).items() if required}
    found |= {variable for what, variable in by_connection.items() if what in connections(process)}
    if process in upstreams(data):
        found.add("LANTOA_INTERNAL_KEYS_FILE")
    if "nats" in connections(process) and process != "callout":
        found.add("LANTOA_NATS_SEED_FILE")
    found |= set(own_variables(process, data)) - _DEMO_ONLY
    return found | {"LANTOA_HTTP_HOST", "LANTOA_HTTP_PORT", "LANTOA_ENV"}


def keys(process: str, data: Path) -> set[str]:
    """Files of the key ring that a process opens."""
    ring = layout(data).ring
    own = own_variables(process, data)
    found = {Path(value).name for value in own.values() if value.startswith(f"{ring.folder}/")}
    if process in upstreams(data):
        found.add(ring.internal_keys_file.name)
    if "nats" in connections(process) and process != "callout":
        found.add(f"{process}.nk")
    if "LANTOA_KEYS_FOLDER" in own:
        for node in _nodes(process):
            if isinstance(node, ast.Attribute) and node.attr in _KEY_FILES and ast.unparse(node.value) == "ring":
                found.add(getattr(ring, node.attr).name)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ring.seed_file":
                found.add(f"{ast.literal_eval(node.args[0])}.nk")
    return found


def topology_variables() -> set[str]:
    """What `lantoa topology apply` and `diff` read."""
    group = typer.main.get_command(cli).commands["topology"]  # type: ignore[attr-defined] # a group has commands
    found = [
        {str(option.envvar) for option in group.commands[name].params if option.envvar} for name in ("apply", "diff")
    ]
    assert found[0] == found[1]
    return found[0]
