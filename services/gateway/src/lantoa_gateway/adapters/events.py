"""Events from NATS, in the order of their stream, heard by one subscription without a consumer.

The server says every stored event once more on ``heard.>`` with its place in the stream. What was said while this
process was away is read with DIRECT.GET, a request that can do nothing but read. There is nothing on the server that
could be left over, and the gateway has no right that could change anything.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from lantoa_contracts.catalogue import HEARD_BY_GATEWAY, EventSpec
from lantoa_contracts.envelope import TIME
from lantoa_contracts.streams import HEARD

log = structlog.get_logger()

MOST_READ_AGAIN = 2000
"""Events of all kinds that are read when this process was away; behind a longer gap everything begins anew."""
_BATCH = 500
_TIMEOUT = 5.0
_AGAIN_SECONDS = 1.0
_GET = "$JS.API.DIRECT.GET.EVT"
_SPECS = {spec.subject: spec for spec in HEARD_BY_GATEWAY}
_SEQUENCE, _SUBJECT = "Nats-Sequence", "Nats-Subject"


class Hears(Protocol):
    """Who takes up what is heard."""

    def hear(self, seq: int, spec: EventSpec, event: Mapping[str, Any], at: str) -> None:
        """One event."""

    def reach(self, seq: int) -> None:
        """Everything up to this place was heard."""

    def hears(self, now: bool) -> None:
        """Whether events are heard as they are said."""

    def missed(self) -> None:
        """It is not known what was not heard."""

    def begin(self, since: int) -> None:
        """What comes behind this place is heard from now on."""


class _Gap(Exception):
    """The server does not say what was asked for."""


@dataclass(frozen=True)
class _Said:
    """One message of the stream."""

    seq: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


class Events:
    """Hears as long as it runs, and connects as often as it must: nobody waits for it."""

    def __init__(self, url: str, seed_file: Path | None, hears: Hears, learn: Callable[[], Awaitable[None]]) -> None:
        self._url = url
        self._seed = seed_file.read_text().strip() if seed_file else None
        self._hears = hears
        self._learn = learn
        """Learns what events are understood by; awaited before the first one after a beginning."""
        self._last: int | None = None
        """The place of the last event that was taken up."""
        self._behind = asyncio.Event()
        self._straight = False
        """Whether what is heard is taken up at once: nothing is missing before it."""
        self._held: list[_Said] = []
        self._newest_heard = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                client = await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever keeps it from connecting, it tries again
                log.warning("events are not heard yet", error=repr(error))
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            try:
                await self._keep_up(client)
            finally:
                self._straight = False
                self._hears.hears(False)
                await client.close()

    async def _connect(self) -> Client:
        async def back() -> None:
            self._behind.set()

        async def away() -> None:
            self._straight = False
            self._hears.hears(False)

        async def failed(error: Exception) -> None:
            log.warning("nats", error=repr(error))
            self._lag()  # It may have been a message that found no room.

        client = await nats.connect(
            self._url,
            name="lantoa-gateway",
            nkeys_seed_str=self._seed,
            inbox_prefix=b"_INBOX_gateway",
            connect_timeout=2,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            ping_interval=10,
            max_outstanding_pings=2,
            reconnected_cb=back,
            disconnected_cb=away,
            closed_cb=back,
            error_cb=failed,
        )
        await client.subscribe(f"{HEARD}.>", cb=self._heard)
        await client.flush()
        return client

    def _lag(self) -> None:
        self._straight = False
        self._behind.set()

    async def _keep_up(self, client: Client) -> None:
        """Read what was missed, now and whenever something may have been, until the connection is given up."""
        while not client.is_closed:
            self._behind.clear()
            self._held.clear()
            try:
                await self._read_on(client)
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("events were not read", error=repr(error))
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            for said in self._held:
                self._take(said)
            self._held.clear()
            self._straight = True
            self._hears.hears(True)
            await self._behind.wait()

    async def _read_on(self, client: Client) -> None:
        newest = await self._newest(client)
        first = max(0, newest - MOST_READ_AGAIN)
        # A stream that ends before what was heard is another one.
        if self._last is not None and not first <= self._last <= newest:
            self._last, self._newest_heard = None, 0
            self._hears.missed()
        if self._last is None:
            await self._learn()
            self._hears.begin(first)
            self._last = first
        while self._last < newest:
            found = await self._batch(client, {"seq": self._last + 1, "next_by_subj": "evt.>", "batch": _BATCH})
            if not found:
                break
            for said in found:
                self._take(said)
        self._reach(newest)
        # A replica of the stream may answer that does not have the newest yet.
        if max([self._last, *(said.seq for said in self._held)]) < self._newest_heard:
            raise _Gap("a newer event was heard")

    async def _newest(self, client: Client) -> int:
        answer = await client.request(_GET, json.dumps({"last_by_subj": "evt.>"}).encode(), timeout=_TIMEOUT)
        headers = answer.headers or {}
        if headers.get("Status") == "404":
            return 0
        if _SEQUENCE not in headers:
            raise _Gap(headers.get("Description", ""))
        return int(headers[_SEQUENCE])

    async def _batch(self, client: Client, wanted: Mapping[str, Any]) -> list[_Said]:
        inbox = client.new_inbox()
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        subscription = await client.subscribe(inbox, cb=answers.put)
        try:
            await client.publish(_GET, json.dumps(wanted).encode(), reply=inbox)
            found: list[_Said] = []
            while True:
                message = await asyncio.wait_for(answers.get(), _TIMEOUT)
                headers = message.headers or {}
                if "Status" in headers:
                    if headers["Status"] in ("204", "404"):
                        return found
                    raise _Gap(headers.get("Description", ""))
                found.append(_Said(int(headers[_SEQUENCE]), headers[_SUBJECT], headers, message.data))
        finally:
            await subscription.unsubscribe()

    async def _heard(self, message: Msg) -> None:
        headers = message.headers or {}
        if _SEQUENCE not in headers:
            return
        said = _Said(int(headers[_SEQUENCE]), headers.get(_SUBJECT, ""), headers, message.data)
        self._newest_heard = said.seq
        if not self._straight:
            self._held = [*self._held[-MOST_READ_AGAIN:], said]
        elif self._last is not None and said.seq <= self._last:
            self._lag()  # Another stream has begun, or this was read already: looking costs one question.
        else:
            self._take(said)

    def _take(self, said: _Said) -> None:
        if self._last is not None and said.seq <= self._last:
            return
        spec = _SPECS.get(said.subject)
        if spec is not None:
            try:
                event = json.loads(said.body)
            except ValueError:
                log.warning("event is no JSON", subject=said.subject)
            else:
                self._hears.hear(said.seq, spec, event, said.headers.get(TIME, ""))
        self._reach(said.seq)

    def _reach(self, seq: int) -> None:
        self._last = max(seq, self._last or 0)
        self._hears.reach(self._last)
