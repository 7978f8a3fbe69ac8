"""A page that listens, as a browser does: ids, events, the time to come back after."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp

LIVE = "/api/v1/live"


@dataclass
class Page:
    """One open stream and what came of it."""

    answer: aiohttp.ClientResponse
    last_id: str = ""
    retry: int = 0
    events: list[tuple[str, Any]] = field(default_factory=list)
    comments: int = 0
    ended: bool = False
    broken: bool = False
    _reading: Any = None

    def ids(self, name: str = "") -> list[str]:
        """The ids of what was hinted at, in order; of one kind of event only where it is named."""
        return [data["id"] for event, data in self.events if data and (not name or event == name)]

    def names(self) -> list[str]:
        """The names of what came, in order."""
        return [event for event, _ in self.events]

    async def _read(self) -> None:
        event = data = ""
        try:
            async for raw in self.answer.content:
                line = raw.decode().rstrip("\n")
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif name == "retry":
                    self.retry = int(value)
                elif not line and event:
                    self.events.append((event, json.loads(data)))
                    event = data = ""
                elif line.startswith(":"):
                    self.comments += 1
        except (aiohttp.ClientError, ConnectionError):
            self.broken = True
        self.ended = True

    async def close(self) -> None:
        """Leave."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.answer.close()


async def open_page(
    session: aiohttp.ClientSession, url: str, sid: str = "", last_id: str = "", about: str = "", token: str = ""
) -> Page:
    """Open a stream, with a session or a token; it reads by itself from then on."""
    shown = {"authorization": f"Bearer {token}"} if token else {"cookie": f"__Host-sid={sid}"}
    headers = {**shown, **({"Last-Event-ID": last_id} if last_id else {})}
    answer = await session.get(f"{url}{LIVE}?about={about}", headers=headers, timeout=aiohttp.ClientTimeout(total=None))
    assert answer.status == 200, await answer.text()
    assert answer.headers["content-type"].startswith("text/event-stream")
    page = Page(answer)
    page._reading = asyncio.create_task(page._read())
    return page
