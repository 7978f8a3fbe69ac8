"""The chart by itself: it lints, renders, is valid Kubernetes, and its objects fit together."""

import copy

import chart_checks as checks
import helm_python
import kubernetes_validate
import pytest
from chart_render import (
    CHART,
    INSTALLATIONS,
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

OLDEST = "1.30.0"
NEWEST = kubernetes_validate.latest_version()
RULES = {
    "valid at the oldest Kubernetes": checks.invalid_at(OLDEST),
    "valid at the newest Kubernetes": checks.invalid_at(NEWEST),
    "bound": checks.unbound,
    "safe": checks.unsafe,
    "probed": checks.unprobed,
    "named": checks.misnamed,
}
SECRETS = {"lantoa-keys", "lantoa-mongodb", "lantoa-media"}


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_chart_lints_strictly(installation):
    report = helm_python.lint(CHART, values=values_of(installation), strict=True, kube_version=OLDEST)
    # Severity 1 is the recommendation of an icon, which would be loaded from somewhere else.
    assert [message for message in report["messages"] if message["severity"] > 1] == []
    assert report["errors"] == []


@pytest.mark.parametrize("installation", INSTALLATIONS)
@pytest.mark.parametrize("rule", RULES)
def test_every_object_keeps_the_rules(installation, rule):
    assert RULES[rule](installed(installation)) == []


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_secrets_are_only_those_that_the_installation_names(installation):
    assert checks.foreign_secrets(installed(installation), SECRETS) == []


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_whatever_no_policy_opens_is_closed(installation):
    assert checks.denies_by_default(installed(installation))


def test_the_three_installations_differ_in_what_they_are_for():
    replicas = {
        name: {component(one): one["spec"]["replicas"] for one in of_kind(installed(name), "Deployment")}
        for name in INSTALLATIONS
    }
    assert set(INSTALLATIONS) == {"demo", "small-province", "high-availability"}
    assert set(replicas["demo"].values()) == {1}
    assert replicas["small-province"]["gateway"] == replicas["small-province"]["callout"] == 2
    assert min(replicas["high-availability"].values()) >= 2
    assert of_kind(installed("high-availability"), "ServiceMonitor")
    assert not of_kind(installed("demo"), "ServiceMonitor", "HTTPRoute")


def test_the_same_values_give_the_same_objects():
    again = helm_python.Chart.load(CHART).render(everything(), name="lantoa", namespace="somewhere")
    assert again == helm_python.Chart.load(CHART).render(everything(), name="lantoa", namespace="somewhere")


def test_the_longest_release_name_gives_valid_names():
    objects = render(everything(), release="r" * 53)
    assert checks.misnamed(objects) == []
    assert checks.unbound(objects) == []


@pytest.mark.parametrize(("one", "other"), [("north", "south"), ("p" * 50 + "-a", "p" * 50 + "-b")])
def test_two_releases_in_one_namespace_do_not_meet(one, other):
    first, second = render(everything(), release=one), render(everything(), release=other)
    assert not {checks.name_of(o) for o in first} & {checks.name_of(o) for o in second}
    assert checks.unbound(first + second) == []


def test_a_namespace_appears_nowhere():
    assert "somewhere" not in str(render(everything()))


def test_migrations_share_the_pod_of_their_service():
    objects = installed("high-availability")
    jobs = {one["metadata"]["name"]: one for one in of_kind(objects, "Job")}
    for service in ("directory", "content", "fleet", "broadcast", "signboard", "contest", "reporting"):
        job = jobs.pop(f"lantoa-migrate-{service}")["spec"]["template"]["spec"]["containers"][0]
        server = named(objects, "Deployment", f"lantoa-{service}")["spec"]["template"]["spec"]["containers"][0]
        assert [job[field] for field in ("image", "env")] == [server[field] for field in ("image", "env")]
        assert job["args"] == [server["args"][0], "migrate"]
    assert set(jobs) == {"lantoa-topology"}


def test_tests_run_with_the_product_s_own_images():
    tests = [
        one for one in of_kind(installed("demo"), "Pod") if one["metadata"]["annotations"]["helm.sh/hook"] == "test"
    ]
    images = {one["spec"]["containers"][0]["image"] for one in tests}
    assert images == {"lantoa/gateway:0.1.0", "lantoa/cli:0.1.0"}


def test_a_digest_takes_the_place_of_the_tag():
    digest = "sha256:" + "0" * 64
    objects = render(merged(everything(), {"services": {"content": {"digest": digest}}}))
    container = named(objects, "Deployment", "lantoa-content")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"lantoa/content@{digest}"


REFUSED = {
    "a misspelt key": {"loglevel": "INFO"},
    "a misspelt key inside": {"nats": {"uri": "nats://x:4222"}},
    "no replicas": {"services": {"content": {"replicas": 0}}},
    "an unknown service": {"services": {"alerts": {"replicas": 1}}},
    "a moving tag": {"image": {"tag": "latest"}},
    "no secret of keys": {"keys": {"existingSecret": ""}},
    "no secret of the database": {"mongodb": {"existingSecret": None}},
    "a root that is no key": {"keys": {"rootPublic": "short"}},
    "media in two places": {"media": {"existingClaim": "media"}},
    "media in a container's folder": {"media": {"url": "file:///media", "existingSecret": ""}},
    "an open peer list": {"network": {"mongodb": {"peers": []}}},
    "a route without a gateway": {"public": {"route": {"parentRefs": []}}},
    "a setting that is none of ours": {"services": {"content": {"settings": {"PATH": "/bin"}}}},
    "two stream replicas": {"nats": {"streamReplicas": 2}},
}


@pytest.mark.parametrize("fault", REFUSED)
def test_values_that_make_no_sense_are_refused(fault):
    with pytest.raises(helm_python.HelmError):
        render(merged(everything(), REFUSED[fault]))


# -- planted faults: each rule sees what it is there for -------------------------------------------------------------


def _deployment(objects, name="lantoa-content"):
    return named(objects, "Deployment", name)


def _server(objects):
    return _deployment(objects)["spec"]["template"]["spec"]["containers"][0]


def _unknown_kind(objects):
    objects.append({**copy.deepcopy(objects[0]), "apiVersion": "v1", "kind": "Nothing"})


def _unknown_api(objects):
    _deployment(objects)["apiVersion"] = "apps.example.org/v1"


def _field_too_new(objects):
    named(objects, "NetworkPolicy", "lantoa-content")["spec"]["tiers"] = []


def _wrong_type(objects):
    _deployment(objects)["spec"]["replicas"] = "2"


def _custom_field(objects):
    of_kind(objects, "ServiceMonitor")[0]["spec"]["endpoints"][0]["paths"] = "/metrics"


def _route_nowhere(objects):
    of_kind(objects, "HTTPRoute")[0]["spec"]["rules"][0]["backendRefs"][0]["port"] = 80


def _selector(objects):
    named(objects, "Service", "lantoa-content")["spec"]["selector"]["app.kubernetes.io/component"] = "contents"


def _wide_selector(objects):
    del named(objects, "Service", "lantoa-content")["spec"]["selector"]["app.kubernetes.io/component"]


def _target_port(objects):
    named(objects, "Service", "lantoa-content")["spec"]["ports"][0]["targetPort"] = "web"


def _lonely_guard(objects):
    _deployment(objects)["spec"]["replicas"] = 1


def _no_guard(objects):
    objects.remove(named(objects, "PodDisruptionBudget", "lantoa-content"))


def _no_account(objects):
    objects.remove(named(objects, "ServiceAccount", "lantoa-content"))


def _late_account(objects):
    del named(objects, "ServiceAccount", "lantoa-jobs")["metadata"]["annotations"]


def _half_hook(objects):
    named(objects, "Job", "lantoa-topology")["metadata"]["annotations"]["helm.sh/hook"] = "pre-install"


def _monitor(objects):
    of_kind(objects, "ServiceMonitor")[0]["spec"]["endpoints"][0]["port"] = "metrics"


def _root(objects):
    _deployment(objects)["spec"]["template"]["spec"]["securityContext"]["runAsUser"] = 0


def _writable(objects):
    _server(objects)["securityContext"]["readOnlyRootFilesystem"] = False


def _capable_first(objects):
    _deployment(objects)["spec"]["template"]["spec"]["initContainers"][0]["securityContext"]["capabilities"] = {}


def _token(objects):
    del _deployment(objects)["spec"]["template"]["spec"]["automountServiceAccountToken"]


def _boundless(objects):
    del _server(objects)["resources"]["limits"]


def _lost_volume(objects):
    _deployment(objects)["spec"]["template"]["spec"]["volumes"].pop(0)


def _database_kills(objects):
    _server(objects)["livenessProbe"]["httpGet"]["path"] = "/readyz"


def _impatient(objects):
    _server(objects)["startupProbe"]["failureThreshold"] = 3


def _cut_short(objects):
    _deployment(objects)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10


def _latest(objects):
    _server(objects)["image"] = "lantoa/content:latest"


def _no_tag(objects):
    _server(objects)["image"] = "lantoa/content"


def _namespace(objects):
    _deployment(objects)["metadata"]["namespace"] = "lantoa"


def _long(objects):
    _deployment(objects)["metadata"]["name"] = "x" * 64


PLANTED = {
    "valid at the oldest Kubernetes": (_unknown_kind, _unknown_api, _field_too_new, _wrong_type, _custom_field),
    "valid at the newest Kubernetes": (_unknown_kind, _unknown_api, _field_too_new, _wrong_type, _custom_field),
    "bound": (
        _route_nowhere,
        _selector,
        _wide_selector,
        _target_port,
        _lonely_guard,
        _no_guard,
        _no_account,
        _late_account,
        _half_hook,
        _monitor,
    ),
    "safe": (_root, _writable, _capable_first, _token, _boundless, _lost_volume),
    "probed": (_database_kills, _impatient, _cut_short),
    "named": (_latest, _no_tag, _namespace, _long),
}


@pytest.mark.parametrize(("rule", "fault"), [(rule, fault) for rule, faults in PLANTED.items() for fault in faults])
def test_a_planted_fault_is_caught(rule, fault):
    objects = installed("high-availability")
    fault(objects)
    assert RULES[rule](objects) != []


def test_a_secret_in_the_chart_and_one_that_nobody_named_are_caught():
    objects = installed("high-availability")
    _server(objects)["env"].append({"name": "X", "valueFrom": {"secretKeyRef": {"name": "else", "key": "x"}}})
    assert checks.foreign_secrets(objects, SECRETS) == ["Deployment/lantoa-content: secrets ['else']"]
    objects.append({"kind": "Secret", "metadata": {"name": "password", "labels": {}}})
    assert "Secret/password: a secret in the chart" in checks.foreign_secrets(objects, SECRETS)


def test_an_open_default_is_caught():
    objects = installed("high-availability")
    named(objects, "NetworkPolicy", "lantoa-default-deny")["spec"]["ingress"] = [{}]
    assert not checks.denies_by_default(objects)
    objects = installed("high-availability")
    _, pod = next((one, pod) for one, pod in pods(objects) if one["kind"] == "Job")
    pod["metadata"]["labels"]["app.kubernetes.io/instance"] = "other"
    assert not checks.denies_by_default(objects)
