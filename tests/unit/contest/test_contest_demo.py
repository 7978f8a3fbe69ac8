"""The demo's contest is one that the service takes, about things that the demo has."""

import json
from pathlib import Path

from lantoa_contest.api.models import ContestIn

DEMO = Path(__file__).parents[3] / "demo"


def load(name):
    return json.loads((DEMO / f"{name}.json").read_text("utf-8"))


def test_the_demos_contest_fits_the_plan_and_the_province():
    demo, plan = load("contest"), load("plan75")
    times = {"opens_at": "2026-11-24T00:00:00Z", "closes_at": "2026-12-24T00:00:00Z"}
    contest = ContestIn.model_validate(demo["contest"] | times).contest(demo["contest"]["id"])
    assert contest.unit_id in {unit["unit_id"] for unit in load("units")["units"] if unit["valid_to"] is None}
    assert set(contest.tasks) <= {task["code"] for task in plan["tasks"]}
    assert contest.topic in {topic["key"] for topic in plan["topics"]}
    assert len(contest.questions) == 3
    assert len({question.right for question in contest.questions}) == 3
    assert any(question.prompt_km for question in contest.questions)
    assert demo["open_days"] == 30
