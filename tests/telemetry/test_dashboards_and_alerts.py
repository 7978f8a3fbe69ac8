"""Dashboards, alerts and the page of metrics against the code that makes them."""

import json
import re
import shutil
import subprocess

import promql_parser
import pytest
import yaml
from metric_names import CHART, PAGE, ROOT, declared

METRICS = declared()
OURS = {name: metric for metric in METRICS for name in metric.series}
# Made by the client library, and labels that whoever scrapes puts on.
FOREIGN = {"process_resident_memory_bytes"}
SCRAPED = {"job", "instance", "le", "namespace", "pod", "service"}
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))
RULES = CHART / "rules" / "lantoa.yaml"
RULE_TESTS = ROOT / "tests" / "telemetry" / "rules_test.yml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries():
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield pytest.param(target["expr"], id=f"{file.stem} {panel['title']} {target['refId']}")
    for rule in ALERTS:
        yield pytest.param(rule["expr"], id=rule["alert"])


def complaints(query):
    """What a query names that is not there."""
    text = query.replace("$__rate_interval", "5m")
    shown = str(promql_parser.parse(text))  # Raises when it is no PromQL.
    found = set()
    for name, matchers in re.findall(r"\b((?:lantoa|process)_\w+)(?:\{([^}]*)\})?", shown):
        if name in FOREIGN:
            continue
        if name not in OURS:
            found.add(name)
            continue
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        found |= {f"{name}{{{label}}}" for label in used - SCRAPED - set(OURS[name].labels)}
    known = SCRAPED | {label for name in OURS if name in shown for label in OURS[name].labels}
    grouped = {label.strip() for labels in re.findall(r"by\s*\(([^)]*)\)", shown) for label in labels.split(",")}
    return found | {f"by ({label})" for label in grouped - known - {""}}


@pytest.mark.parametrize("query", list(queries()))
def test_every_query_is_valid_and_asks_for_what_the_code_makes(query):
    assert complaints(query) == set()


@pytest.mark.parametrize(
    "fault",
    [
        "rate(lantoa_http_request_second_count[5m])",
        'lantoa_consumer_pending{queue="x"}',
        "sum by (device_id) (lantoa_fleet_devices)",
    ],
)
def test_a_query_for_what_is_not_there_is_found(fault):
    assert complaints(fault)


def test_a_query_that_is_no_promql_is_found():
    with pytest.raises(ValueError, match=r".+"):
        complaints("sum(rate(lantoa_http_request_seconds_count)")


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_says_what_it_shows_and_names_no_installation(file):
    board = json.loads(file.read_text())
    assert board["uid"] == file.stem
    sources = {panel["datasource"]["uid"] for panel in board["panels"]}
    sources |= {target["datasource"]["uid"] for panel in board["panels"] for target in panel["targets"]}
    assert sources == {"${datasource}"}
    assert all(panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in board["panels"])


def test_the_page_lists_every_metric_that_the_code_makes_and_no_other():
    listed = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `lantoa_")]
    assert listed == [metric.row for metric in METRICS]


def test_no_metric_is_labelled_by_what_has_no_bound():
    assert {label for metric in METRICS for label in metric.labels} <= {
        "channel", "code", "collection", "command", "component", "durable", "event", "kind", "method", "operation",
        "outcome", "reason", "route", "state", "status", "version", "way",
    }  # fmt: skip


def test_every_alert_has_a_paragraph_for_whoever_it_wakes():
    headings = {line[4:].strip() for line in PAGE.read_text("utf-8").splitlines() if line.startswith("### ")}
    assert {rule["alert"] for rule in ALERTS} == headings
    for rule in ALERTS:
        assert rule["annotations"]["runbook_url"] == f"docs/telemetry.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_alert_is_seen_to_fire_and_most_to_stay_silent():
    tests = [case for test in yaml.safe_load(RULE_TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in tests if case["exp_alerts"]} == {rule["alert"] for rule in ALERTS}
    assert len({case["alertname"] for case in tests if not case["exp_alerts"]}) >= 10


def promtool(*arguments):
    program = shutil.which("promtool")
    assert program, "promtool is missing: install the package prometheus (the alert rules are tested with it)."
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_alerts_fire_and_end_as_they_should(tmp_path):
    file = tmp_path / "rules_test.yml"
    file.write_text(RULE_TESTS.read_text().replace("[RULES]", f"[{RULES}]"))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_prometheus_would_refuse_is_found(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text(RULES.read_text().replace("for: 2m", "for: soon", 1))
    assert promtool("check", "rules", str(RULES)).returncode == 0
    assert promtool("check", "rules", str(broken)).returncode != 0
