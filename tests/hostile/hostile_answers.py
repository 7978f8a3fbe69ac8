"""What an answer must be: what its document says, and an error in the reader's language."""

import io
import json
import re
from importlib import resources
from typing import Any

from hostile_shots import Shot
from hostile_world import Target
from jsonschema import Draft202012Validator
from yarl import URL

from lantoa_cli.openapi import operations
from lantoa_runtime.http.auth import Caller


class Answers:
    """What a document says that its operations answer."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.operations = {one["operationId"]: (path, method, one) for path, method, one in operations(document)}
        self._components = {"components": document["components"]}

    def fault(self, operation: str, status: int, content_type: str, body: bytes) -> str | None:
        """What the document does not know of an answer."""
        said = self.operations[operation][2]["responses"]
        found = said.get(str(status)) or said.get(f"{status // 100}XX")
        kind = content_type.partition(";")[0]
        if found is None or status >= 500:
            return f"{operation}: {status} {body[:200]!r}"
        content = found.get("content", {})
        if not content:
            return None
        if kind not in content:
            return f"{operation}: {status} is {kind!r}, not {sorted(content)}"
        if not kind.endswith("json"):
            return None
        schema = content[kind].get("schema", {})
        first = next(Draft202012Validator({**schema, **self._components}).iter_errors(json.loads(body)), None)
        return f"{operation}: {status} {first.json_path} {first.message[:300]}" if first else None


def titles(language: str, *services: str) -> list[re.Pattern[str]]:
    """What a title in a language can look like that comes from these services."""
    found = []
    for package in ("lantoa_runtime", *(f"lantoa_{service}" for service in services)):
        file = resources.files(package) / "locales" / f"{language}.json"
        for entry in json.loads(file.read_text("utf-8") if file.is_file() else "{}").values():
            found += [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)), re.DOTALL) for text in entry.values()]
    return found


def in_language(text: str, patterns: list[re.Pattern[str]]) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns)


async def fire(target: Target, shot: Shot, caller: Caller, language: str) -> tuple[int, Any, Any]:
    """One shot; status, body and headers."""
    headers = {**shot.headers, "Accept-Language": language, **target.shows(caller)}
    data = shot.data
    if shot.json is not None:
        data = json.dumps(shot.json).encode()
        headers["Content-Type"] = "application/json"
    url = URL(target.running.url + shot.path, encoded=True)
    async with target.running.session.request(
        shot.method, url, data=io.BytesIO(data) if data else None, headers=headers
    ) as answer:
        raw = await answer.read()
        kind = answer.headers.get("content-type", "")
        return answer.status, json.loads(raw) if "json" in kind else raw, answer.headers


def wrong_with(shot: Shot, answer: tuple[int, Any, Any], language: str, known: dict[str, Any]) -> str | None:
    """What is wrong with the answer to a shot that must be refused."""
    status, body, headers = answer
    if shot.may_pass and status == 200:
        return None if isinstance(body["items"], list) else "no list"
    if not 400 <= status < 500:
        return f"status {status}"
    if headers.get("content-type") != "application/problem+json" or headers.get("content-language") != language:
        return f"{status} {headers.get('content-type')} {str(body)[:80]}"
    if shot.statuses and status not in shot.statuses:
        return f"status {status} {body['code']} {body.get('errors')}"
    if shot.pointer is not None and shot.pointer not in {error["pointer"] for error in body.get("errors", ())}:
        return f"pointers {body.get('errors')}"
    for text in (body["title"], body["detail"], *(error["message"] for error in body.get("errors", ()))):
        if not in_language(text, known[language]) or re.search(r"\{\w+\}", text):
            return f"text {text!r}"
    return None
