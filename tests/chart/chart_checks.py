"""Rules that every rendered object keeps. A check returns complaints, so that one can see a planted fault caught."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
from chart_render import Object, component, containers, named, of_kind, pods

_BUILT_IN = {"v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1"}
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}


def _closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


_METADATA = _closed(("name", "labels"), name=_NAME, labels=_LABELS)
# kubernetes-validate knows built-in kinds only: the parts of these two that the chart uses, from their API references.
_CUSTOM = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _closed(
        ("selector", "endpoints"),
        jobLabel={"type": "string"},
        selector=_closed(("matchLabels",), matchLabels=_LABELS),
        endpoints={
            "type": "array",
            "minItems": 1,
            "items": _closed(
                ("port",),
                port={"type": "string"},
                path={"type": "string", "pattern": "^/"},
                interval={"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                honorLabels={"type": "boolean"},
            ),
        },
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _closed(
        ("groups",),
        groups={
            "type": "array",
            "items": _closed(
                ("name", "rules"),
                name={"type": "string"},
                rules={
                    "type": "array",
                    "items": _closed(
                        ("alert", "expr"),
                        alert={"type": "string"},
                        expr={"type": "string"},
                        **{"for": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"}},
                        labels=_LABELS,
                        annotations=_LABELS,
                    ),
                },
            ),
        },
    ),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _closed(
        ("parentRefs", "hostnames", "rules"),
        parentRefs={
            "type": "array",
            "minItems": 1,
            "items": _closed(("name",), name=_NAME, namespace=_NAME, sectionName=_NAME),
        },
        hostnames={"type": "array", "items": {"type": "string", "pattern": r"^(\*\.)?[a-z0-9.-]+$"}},
        rules={
            "type": "array",
            "items": _closed(
                ("matches", "backendRefs"),
                matches={
                    "type": "array",
                    "items": _closed(
                        ("path",),
                        path=_closed(
                            ("type", "value"), type={"enum": ["PathPrefix", "Exact"]}, value={"type": "string"}
                        ),
                    ),
                },
                backendRefs={
                    "type": "array",
                    "items": _closed(("name", "port"), name=_NAME, port={"type": "integer"}),
                },
            ),
        },
    ),
}


def name_of(one: Object) -> str:
    """``Kind/name``, for complaints."""
    return f"{one['kind']}/{one['metadata']['name']}"


def invalid_at(version: str) -> Callable[[list[Object]], list[str]]:
    """A check against the API of a Kubernetes version; a kind that nobody knows is a complaint too."""

    def check(objects: list[Object]) -> list[str]:
        return [complaint for one in objects for complaint in _invalid(one, version)]

    return check


def _invalid(one: Object, version: str) -> Iterator[str]:
    custom = _CUSTOM.get((one["apiVersion"], one["kind"]))
    if custom:
        schema = _closed(
            ("spec",), apiVersion={"type": "string"}, kind={"type": "string"}, metadata=_METADATA, spec=custom
        )
        for error in jsonschema.Draft202012Validator(schema).iter_errors(one):
            yield f"{name_of(one)}: {error.json_path} {error.message}"
        return
    if one["apiVersion"] not in _BUILT_IN:
        yield f"{name_of(one)}: unknown API {one['apiVersion']}"
        return
    complaint = _built_in(json.dumps(one, sort_keys=True), version)
    if complaint:
        yield f"{name_of(one)}: {complaint}"


@cache  # Installations share most of their objects, and a validation takes a twentieth of a second.
def _built_in(text: str, version: str) -> str | None:
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return "unknown kind"
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return None


def unbound(objects: list[Object]) -> list[str]:
    """Selectors, ports, accounts and back ends that lead nowhere or to too much."""
    found = [*_selectors(objects), *_accounts(objects)]
    for route in of_kind(objects, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for back in rule["backendRefs"]:
                ports = [p["port"] for s in _matching(objects, "Service", back["name"]) for p in s["spec"]["ports"]]
                if back["port"] not in ports:
                    found.append(f"{name_of(route)}: no Service {back['name']} with port {back['port']}")
    return found


def _matching(objects: list[Object], kind: str, name: str) -> list[Object]:
    return [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]


def _selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def _selectors(objects: list[Object]) -> Iterator[str]:
    deployments = of_kind(objects, "Deployment")
    for one in deployments:
        if not _selects(one["spec"]["selector"]["matchLabels"], one["spec"]["template"]["metadata"]["labels"]):
            yield f"{name_of(one)}: its selector does not match its pods"
    for one in of_kind(objects, "Service", "PodDisruptionBudget"):
        plain = one["spec"]["selector"]
        selector = plain if one["kind"] == "Service" else plain["matchLabels"]
        picked = [work for work, pod in pods(objects) if _selects(selector, pod["metadata"]["labels"])]
        if [work["kind"] for work in picked] != ["Deployment"] or component(picked[0]) != component(one):
            yield f"{name_of(one)}: selects {[name_of(work) for work in picked]}"
        elif one["kind"] == "Service":
            ports = {p["name"] for c in picked[0]["spec"]["template"]["spec"]["containers"] for p in c.get("ports", [])}
            yield from (
                f"{name_of(one)}: no container port {port['targetPort']}"
                for port in one["spec"]["ports"]
                if port["targetPort"] not in ports
            )
        elif picked[0]["spec"]["replicas"] < 2:
            yield f"{name_of(one)}: would keep the only pod from being moved"
    guarded = {component(one) for one in of_kind(objects, "PodDisruptionBudget")}
    for one in deployments:
        if one["spec"]["replicas"] > 1 and component(one) not in guarded:
            yield f"{name_of(one)}: no PodDisruptionBudget"
    for one in of_kind(objects, "ServiceMonitor"):
        selector = one["spec"]["selector"]["matchLabels"]
        services = [s for s in of_kind(objects, "Service") if _selects(selector, s["metadata"]["labels"])]
        ports = {port["name"] for service in services for port in service["spec"]["ports"]}
        if len(services) != 1 or not {end["port"] for end in one["spec"]["endpoints"]} <= ports:
            yield f"{name_of(one)}: selects no Service with its port"


def _weight(one: Object) -> int | None:
    notes = one["metadata"].get("annotations", {})
    return int(notes.get("helm.sh/hook-weight", "0")) if "helm.sh/hook" in notes else None


def _accounts(objects: list[Object]) -> Iterator[str]:
    for one, pod in pods(objects):
        accounts = _matching(objects, "ServiceAccount", pod["spec"].get("serviceAccountName", ""))
        if not accounts:
            yield f"{name_of(one)}: no ServiceAccount of its own"
            continue
        mine, its = _weight(one), _weight(accounts[0])
        if one["kind"] == "Job" and mine is not None and (its is None or its >= mine):
            yield f"{name_of(one)}: a hook whose ServiceAccount is not there yet"
        if one["kind"] == "Job":
            hooks = set(one["metadata"]["annotations"].get("helm.sh/hook", "").split(","))
            if hooks != {"pre-install", "pre-upgrade"}:
                yield f"{name_of(one)}: does not run before install and upgrade"


def unsafe(objects: list[Object]) -> list[str]:
    """Pods that the standard ``restricted`` would refuse, that can write their image, or have no limits."""
    return [f"{name_of(one)}: {complaint}" for one, pod in pods(objects) for complaint in _unsafe(pod)]


def _unsafe(pod: Object) -> Iterator[str]:
    spec = pod["spec"]
    context = spec.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("runAsUser") != 10001:
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False or spec.get("enableServiceLinks") is not False:
        yield "is given a token or variables of the cluster"
    for one in containers(pod):
        own = one.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{one['name']} may gain privileges"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{one['name']} may write its image"
        resources = one.get("resources", {})
        if "memory" not in resources.get("limits", {}) or {"cpu", "memory"} - set(resources.get("requests", {})):
            yield f"{one['name']} states no resources"
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        if {mount["name"] for mount in one.get("volumeMounts", [])} - volumes:
            yield f"{one['name']} mounts a volume that is not there"


def unprobed(objects: list[Object]) -> list[str]:
    """Servers that Kubernetes could not watch, or would kill for what is not their fault."""
    found = []
    for one in of_kind(objects, "Deployment"):
        pod = one["spec"]["template"]["spec"]
        for server in pod["containers"]:
            paths = {
                kind: server.get(f"{kind}Probe", {}).get("httpGet", {}).get("path")
                for kind in ("startup", "liveness", "readiness")
            }
            if paths != {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}:
                found.append(f"{name_of(one)}: probes {paths}")
                continue
            startup = server["startupProbe"]
            if startup["failureThreshold"] * startup["periodSeconds"] < 60:
                found.append(f"{name_of(one)}: less than a minute to start")
            if pod["terminationGracePeriodSeconds"] < server["lifecycle"]["preStop"]["sleep"]["seconds"] + 30:
                found.append(f"{name_of(one)}: too little time to drain")
    return found


def misnamed(objects: list[Object]) -> list[str]:
    """Names that are too long or taken twice, namespaces written down, images that can change under the same name."""
    found = []
    seen: set[str] = set()
    for one in objects:
        name = one["metadata"]["name"]
        if len(name) > 63 or any(len(str(label)) > 63 for label in one["metadata"]["labels"].values()):
            found.append(f"{name_of(one)}: longer than 63 characters")
        if "namespace" in one["metadata"]:
            found.append(f"{name_of(one)}: names a namespace")
        if name_of(one) in seen:
            found.append(f"{name_of(one)}: there twice")
        seen.add(name_of(one))
    for one, pod in pods(objects):
        found += [
            f"{name_of(one)}: image {container['image']} is not fixed"
            for container in containers(pod)
            if not re.search(r"(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$", container["image"])
        ]
    return found


def foreign_secrets(objects: list[Object], known: set[str]) -> list[str]:
    """References to Secrets that the values do not name, and secrets that stand in the objects themselves."""
    found = [f"{name_of(one)}: a secret in the chart" for one in of_kind(objects, "Secret")]
    for one, pod in pods(objects):
        names = {v["secret"]["secretName"] for v in pod["spec"].get("volumes", []) if "secret" in v}
        for container in containers(pod):
            names |= {source["secretRef"]["name"] for source in container.get("envFrom", [])}
            names |= {v["valueFrom"]["secretKeyRef"]["name"] for v in container.get("env", []) if "valueFrom" in v}
        if names - known:
            found.append(f"{name_of(one)}: secrets {sorted(names - known)}")
    return found


def edges(objects: list[Object]) -> set[tuple[str, str, str]]:
    """What the NetworkPolicies open, at each end: ``(out, who, whom:port)`` and ``(in, who, whom:port)``.

    Who and whom are components, or for peers outside the value of their label.
    """
    found = set()
    for one in of_kind(objects, "NetworkPolicy"):
        me = one["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component", "")
        for rule in one["spec"].get("egress", []):
            found |= {("out", me, f"{_peer(peer)}:{rule['ports'][0]['port']}") for peer in rule["to"]}
        for rule in one["spec"].get("ingress", []):
            found |= {("in", _peer(peer), f"{me}:{rule['ports'][0]['port']}") for peer in rule["from"]}
    return found


def _peer(peer: Object) -> str:
    labels = next(iter(peer.values()))["matchLabels"]
    return str(labels.get("app.kubernetes.io/component") or next(iter(labels.values())))


def denies_by_default(objects: list[Object], release: str = "lantoa") -> bool:
    """Whether every pod of the release is closed both ways where no other policy opens it."""
    policy = named(objects, "NetworkPolicy", f"{release}-default-deny")["spec"]
    rules = {"ingress", "egress"} & set(policy)
    selected = all(
        _selects(policy["podSelector"]["matchLabels"], pod["metadata"]["labels"]) for _, pod in pods(objects)
    )
    return selected and not rules and set(policy["policyTypes"]) == {"Ingress", "Egress"}
