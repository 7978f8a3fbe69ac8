"""The chart rendered by Helm's own library, without a cluster."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "lantoa"
INSTALLATIONS = tuple(sorted(file.stem for file in (CHART / "values").glob("*.yaml")))
PROCESSES: dict[str, dict[str, Any]] = yaml.safe_load((CHART / "files" / "processes.yaml").read_text("utf-8"))
Object = dict[str, Any]


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Maps laid over maps, as Helm does."""
    both = dict(base)
    for key, value in over.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def values_of(installation: str) -> dict[str, Any]:
    """One of the chart's values files."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values" / f"{installation}.yaml").read_text("utf-8"))
    return values


def everything() -> dict[str, Any]:
    """Values that switch on all that can be switched on."""
    return values_of("high-availability")


def render(values: dict[str, Any], release: str = "lantoa") -> list[Object]:
    """Every object of a release, hooks and tests too."""
    texts = helm_python.Chart.load(CHART).render(values, name=release, namespace="somewhere")
    found = [yaml.safe_load_all(text) for path, text in sorted(texts.items()) if path.endswith(".yaml")]
    return [document for documents in found for document in documents if document]


@cache
def _rendered(installation: str) -> tuple[Object, ...]:
    return tuple(render(values_of(installation)))


def installed(installation: str) -> list[Object]:
    """The objects of a values file; a copy that a test may spoil."""
    return copy.deepcopy(list(_rendered(installation)))


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Objects of these kinds."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of this kind and name."""
    (one,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return one


def pods(objects: list[Object]) -> list[tuple[Object, Object]]:
    """Each workload with its pod: metadata and spec."""
    return [
        (one, one if one["kind"] == "Pod" else one["spec"]["template"])
        for one in of_kind(objects, "Deployment", "Job", "Pod")
    ]


def containers(pod: Object) -> list[Object]:
    """All containers of a pod, those that run first too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def component(one: Object) -> str:
    """Which part of the platform an object belongs to."""
    return str(one["metadata"]["labels"]["app.kubernetes.io/component"])
