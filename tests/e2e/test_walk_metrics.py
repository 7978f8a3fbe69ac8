"""After the walk: what Prometheus read of the running platform is what dashboards and alerts ask for."""

import contextlib
import json
import re

import pytest
import yaml

from lantoa_cli.layout import checkout
from lantoa_contracts.catalogue import SERVICES
from lantoa_testing import eventually

CHART = checkout() / "deploy" / "helm" / "lantoa"
QUIET = {
    "Errors A",
    "Refused proofs A",
    "Not counted A",
    "In the handlers B",
    "Time to decide A",
    "Time to answer A",
    "Issue to verified A",
    "Issue to verified B",
    "Refused and not stored A",
    "Turned away C",
    "Open pages C",
}
"""Queries of panels that are empty while nothing goes wrong, no device signs in, is told something or warned, nobody is
turned away, and no page is open."""
pytestmark = pytest.mark.timeout(120)


def _panels():
    for file in sorted((CHART / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield (
                    f"{file.stem}: {panel['title']} {target['refId']}",
                    target["expr"].replace("$__rate_interval", "10m"),
                )


def _alerts():
    for group in yaml.safe_load((CHART / "rules" / "lantoa.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


async def test_every_metric_of_dashboards_and_alerts_is_on_the_running_system(prometheus, http):
    async def asked(path, **params):
        async with http.get(f"{prometheus}/api/v1/{path}", params=params) as answer:
            body = await answer.json()
            assert body["status"] == "success", body
            return body["data"]

    async def ready():
        async with http.get(f"{prometheus}/-/ready") as answer:
            return answer.status == 200

    async def all_read():
        up = {sample["metric"]["job"]: sample["value"][1] for sample in (await asked("query", query="up"))["result"]}
        return up == dict.fromkeys((*SERVICES, "callout"), "1")

    await eventually(ready, every=0.2)
    await eventually(all_read, every=0.5)

    exposed = set()
    for name, (about, *_) in (await asked("metadata")).items():
        parts = ("_bucket", "_sum", "_count") if about["type"] == "histogram" else ("", "_total")
        exposed |= {name + part for part in parts}
    named = {
        name
        for _, query in (*_panels(), *_alerts())
        for name in re.findall(r"\b(?:lantoa|process)_\w+", re.sub(r'"[^"]*"', "", query))
    }
    assert named - exposed == set()

    async def empty():
        found = set()
        for title, query in _panels():
            samples = (await asked("query", query=query))["result"]
            if not [sample for sample in samples if sample["value"][1] != "NaN"]:
                found.add(title)
        return found

    missing: set[str] = set()

    async def nothing_missing():
        nonlocal missing
        missing = {title for title in await empty() if title.split(": ")[1] not in QUIET}
        return not missing

    with contextlib.suppress(AssertionError):  # The last samples may be a scrape away.
        await eventually(nothing_missing, 30, every=1)
    assert missing == set()


async def test_no_alert_fires_on_a_platform_that_works(prometheus, http):
    async with http.get(f"{prometheus}/api/v1/rules", params={"type": "alert"}) as answer:
        groups = (await answer.json())["data"]["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert rules.keys() == {name for name, _ in _alerts()}
    assert {name for name, rule in rules.items() if rule["state"] == "firing"} == set()
