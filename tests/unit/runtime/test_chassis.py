"""The outermost layer of a service alone, given what a server would give it."""

import json

from fastapi import FastAPI
from prometheus_client import REGISTRY

from lantoa_runtime.http import problems
from lantoa_runtime.http.middleware import Chassis


async def answer(app, method: str) -> tuple[int, dict]:
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/x",
        "raw_path": b"/x",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
    }
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(m.get("body", b"") for m in sent[1:]))


def app() -> FastAPI:
    made = FastAPI()
    problems.install(made, "lantoa_runtime")
    made.add_middleware(Chassis)

    @made.get("/x")
    async def x() -> dict[str, int]:
        return {}

    return made


async def test_a_word_that_is_no_method_is_counted_as_other():
    """Some HTTP parsers let any word through; each would be a series of its own."""
    made = app()
    for number in range(3):
        status, body = await answer(made, f"BREW{number}")
        assert (status, body["code"]) == (405, "method-not-allowed")
    methods = {
        sample.labels["method"]
        for metric in REGISTRY.collect()
        if metric.name == "lantoa_http_request_seconds"
        for sample in metric.samples
    }
    assert "other" in methods
    assert not any(method.startswith("BREW") for method in methods)
