"""Officers and citizens who do not give up: every write is asked for again until the platform has acknowledged it."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from lantoa_cli.demo import passwords
from lantoa_testing.platform import Platform

PATIENCE_S = 300.0
UNIT = "u-29242-2025"
BODY = "Mời bà con tiêm phòng."
_AGAIN = (429, 502, 503, 504)


class GaveUp(Exception):
    """The platform did not acknowledge a write within the patience of its user."""


@dataclass
class Tally:
    """What was acknowledged, and how often it had to be asked for again."""

    items: dict[int, str] = field(default_factory=dict)
    """Item id by the number in its title."""
    approved: set[str] = field(default_factory=set)
    attempts: dict[str, str] = field(default_factory=dict)
    """Receipt by attempt id."""
    repeats: int = 0


@dataclass
class Client:
    """Somebody's browser or app."""

    base: str
    http: aiohttp.ClientSession
    tally: Tally
    cookie: str = ""

    async def once(
        self, method: str, path: str, body: Any = None, ver: int | None = None, key: str = ""
    ) -> tuple[int, Any, Any]:
        """Status, body and headers of one request; status 0 when there was no answer."""
        headers = {"Idempotency-Key": key} if key else {}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if ver is not None:
            headers["If-Match"] = f'"{ver}"'
        try:
            async with self.http.request(method, self.base + path, json=body, headers=headers) as response:
                raw = await response.read()
                parsed = json.loads(raw) if raw and "json" in response.content_type else raw
                return response.status, parsed, response.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, repr(error), {}

    async def ask(self, method: str, path: str, body: Any = None, ver: int | None = None) -> tuple[int, Any, Any]:
        """The first answer that is final, to one request repeated under one Idempotency-Key.

        Raises:
            GaveUp: none came.
        """
        key, deadline = uuid4().hex, time.monotonic() + PATIENCE_S
        while True:
            status, answer, headers = await self.once(method, path, body, ver, key if method == "POST" else "")
            if status and status not in _AGAIN:
                return status, answer, headers
            if time.monotonic() > deadline:
                raise GaveUp(f"{method} {path}: {status} {answer}")
            self.tally.repeats += 1
            await asyncio.sleep(0.5)

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed.

        Raises:
            GaveUp: it did not.
        """
        status, body, _ = await self.ask("GET", path)
        if status != 200:
            raise GaveUp(f"GET {path}: {status} {body}")
        return body

    async def pages(self, path: str) -> list[Any]:
        """Every item of a list."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = await self.get(f"{path}{'&' if '?' in path else '?'}limit=100{cursor}")
            found += page["items"]
            if not page.get("next"):
                return found
            cursor = f"&cursor={page['next']}"


async def officer(platform: Platform, http: aiohttp.ClientSession, tally: Tally, login: str) -> Client:
    """A demo person, signed in."""
    client = Client(platform.layout.gateway_url, http, tally)
    body = {"login": login, "password": passwords(platform.layout)[login]}
    status, answer, headers = await client.ask("POST", "/auth/sign-in", body)
    if status != 200:
        raise GaveUp(f"sign-in of {login}: {status} {answer}")
    client.cookie = headers["Set-Cookie"].split(";")[0]
    return client


def bulletin(number: int) -> dict[str, Any]:
    """A short item."""
    return {
        "title": f"Tin số {number}",
        "body": BODY,
        "priority": "normal",
        "unit_id": UNIT,
        "tasks": ["05", "08"],
        "topic": "skills",
        "language": "vi",
    }


async def write_item(lan: Client, hung: Client, number: int) -> None:
    """One item from the author's desk to approval. A step whose answer was lost is seen in the item's state."""
    status, item, _ = await lan.ask("POST", "/api/v1/content/items", bulletin(number))
    if status != 201:
        raise GaveUp(f"item {number}: {status} {item}")
    item_id = lan.tally.items[number] = item["id"]
    path = f"/api/v1/content/items/{item_id}"
    deadline = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < deadline:
        item = await hung.get(path) if item["state"] != "draft" else await lan.get(path)
        match item["state"]:
            case "draft":
                await lan.ask("POST", f"{path}/submit", ver=item["ver"])
                item = {**item, "state": "submitted"} if (await lan.get(path))["state"] != "draft" else item
            case "in_review":
                await hung.ask("POST", f"{path}/approve", {"approval_sha256": item["approval_sha256"]}, item["ver"])
            case "approved":
                hung.tally.approved.add(item_id)
                return
            case "submitted":
                await asyncio.sleep(1.0)
            case other:
                raise GaveUp(f"item {number} is {other}: {item.get('failure')}")
    raise GaveUp(f"item {number} stayed {item['state']}")


def code_of(file: Path, phone: str) -> str | None:
    """The code last sent to a number."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    sent = [line["code"] for line in lines if line["phone"].endswith(phone[1:])]
    return sent[-1] if sent else None


async def take_quiz(platform: Platform, http: aiohttp.ClientSession, tally: Tally, contest: str, number: int) -> None:
    """One citizen signs in by phone and hands in a paper."""
    citizen = Client(platform.layout.gateway_url, http, tally)
    phone = f"0912{number:06}"
    consent = (await citizen.get("/auth/citizen/consent"))["text_sha256"]
    deadline = time.monotonic() + PATIENCE_S
    while not citizen.cookie:
        if time.monotonic() > deadline:
            raise GaveUp(f"citizen {number} was not let in")
        await citizen.ask("POST", "/auth/citizen/code", {"phone": phone})
        code = await asyncio.to_thread(code_of, platform.layout.codes_file, phone)
        entry = {"phone": phone, "code": code or "000000", "consent": {"text_sha256": consent}}
        status, _, headers = await citizen.once("POST", "/auth/citizen/sign-in", entry)
        if status == 200:
            citizen.cookie = headers["Set-Cookie"].split(";")[0]
        else:
            tally.repeats += 1
            await asyncio.sleep(1.0)
    path = f"/api/v1/contest/contests/{contest}/attempts"
    status, attempt, _ = await citizen.ask("POST", path, {"unit_id": UNIT})
    if status != 200:
        raise GaveUp(f"attempt of citizen {number}: {status} {attempt}")
    answers = [number % len(question["options"]) for question in attempt["questions"]]
    status, sealed, _ = await citizen.ask("POST", f"{path}/mine/submit", {"answers": answers})
    if status not in (200, 202) or sealed["state"] != "sealed":
        raise GaveUp(f"paper of citizen {number}: {status} {sealed}")
    tally.attempts[sealed["attempt_id"]] = sealed["accepted"]["receipt"]
