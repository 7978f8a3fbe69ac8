"""The system account: who connects and goes, ending connections, which servers there are."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout

from lantoa_fleet.domain.presence import Connection, Presence
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Unavailable

log = structlog.get_logger()

_ACCOUNT = "DEVICES"
_PAGE = 1024
_FIRST_ANSWER = 2.0
_MORE_ANSWERS = 0.25
_KICK_TIMEOUT = 2.0


async def connect_system(url: str, seed: str, name: str) -> Client:
    """A connection to the system account, tried until it is there."""

    async def on_error(error: Exception) -> None:
        log.warning("system account", error=repr(error))

    return await nats.connect(
        url,
        name=name,
        nkeys_seed_str=seed,
        inbox_prefix=b"_INBOX_sys",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        ping_interval=5,
        max_outstanding_pings=2,
        error_cb=on_error,
    )


async def ask_servers(client: Client, what: str, body: bytes = b"") -> list[dict[str, Any]]:
    """The answers of all servers to ``$SYS.REQ.SERVER.<what>``; how many there are is not known beforehand."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    answers: list[dict[str, Any]] = []
    try:
        await client.publish(f"$SYS.REQ.SERVER.{what}", body, reply=inbox)
        with contextlib.suppress(NatsTimeout):
            while True:
                wait = _MORE_ANSWERS if answers else _FIRST_ANSWER
                answers.append(json.loads((await subscription.next_msg(timeout=wait)).data))
    finally:
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()
    return answers


async def server_ids(client: Client) -> set[str]:
    """Ids of the servers that are there; a server makes a new one at every start."""
    return {answer["server"]["id"] for answer in await ask_servers(client, "PING")}


class SystemLink:
    """Presence of devices as the servers tell it, and the power to end their connections."""

    def __init__(self, url: str, seed: str, clock: Clock, rebuild_seconds: float) -> None:
        self._url = url
        self._seed = seed
        self._clock = clock
        self._rebuild_seconds = rebuild_seconds
        self._client: Client | None = None
        self._rebuilt_at: float | None = None
        self._replay: list[Callable[[], None]] | None = None
        self._changed: dict[str, str] = {}
        self.presence = Presence()

    async def turn(
        self, note: Callable[[str, bool, str], Awaitable[None]], online_ids: Callable[[], Awaitable[list[str]]]
    ) -> None:
        """One turn of the job: connect, read the full list when it is due, hand on what changed.

        Raises:
            NatsError, MongoError: it goes on with the next turn.
        """
        client = await self._connected()
        if not client.is_connected:
            self._rebuilt_at = None
            return
        now = asyncio.get_running_loop().time()
        if self._rebuilt_at is None or now - self._rebuilt_at > self._rebuild_seconds:
            first = self._rebuilt_at is None
            await self._rebuild(client)
            self._rebuilt_at = now
            if first:
                self._changed |= dict.fromkeys(await online_ids(), "unknown")
        changed, self._changed = self._changed, {}
        handed_on = await asyncio.gather(
            *(note(device_id, self.presence.online(device_id), reason) for device_id, reason in changed.items()),
            return_exceptions=True,
        )
        for (device_id, reason), outcome in zip(changed.items(), handed_on, strict=True):
            if isinstance(outcome, Exception):
                log.warning("presence is noted later", error=repr(outcome))
                self._changed.setdefault(device_id, reason)

    async def kick(self, device_id: str, before: datetime | None = None) -> int:
        """End a device's connections, or those known since before a moment; how many.

        Raises:
            Unavailable: the connections are not known now.
            NatsError: a server did not answer.
        """
        if self._client is None or not self._client.is_connected or self._rebuilt_at is None:
            raise Unavailable("nats-sys")
        connections = self.presence.connections(device_id, before)
        for connection in connections:
            subject = f"$SYS.REQ.SERVER.{connection.server}.KICK"
            await self._client.request(subject, json.dumps({"cid": connection.cid}).encode(), timeout=_KICK_TIMEOUT)
        return len(connections)

    def failures(self) -> list[str]:
        """For readiness: empty while connections are known."""
        return [] if self._client is not None and self._rebuilt_at is not None else ["nats-sys"]

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> Client:
        if self._client is None or self._client.is_closed:
            self._rebuilt_at = None
            client = await connect_system(self._url, self._seed, "lantoa-fleet-sys")
            for event in ("CONNECT", "DISCONNECT"):
                await client.subscribe(f"$SYS.ACCOUNT.{_ACCOUNT}.{event}", cb=self._on_event)
            self._client = client
            self._reconnects = client.stats["reconnects"]
        if self._client.stats["reconnects"] != self._reconnects:
            # Events of the time in between are lost.
            self._reconnects = self._client.stats["reconnects"]
            self._rebuilt_at = None
        return self._client

    async def _on_event(self, message: Msg) -> None:
        event = json.loads(message.data)
        client = event["client"]
        device_id, connection = client["user"], Connection(event["server"]["id"], client["id"])
        came = message.subject.endswith(".CONNECT")
        at = self._clock.now()

        def apply() -> None:
            if came:
                self.presence.came(device_id, connection, at)
            else:
                self.presence.went(device_id, connection)

        apply()
        self._changed[device_id] = event.get("reason", "connected")
        if self._replay is not None:
            self._replay.append(apply)

    async def _rebuild(self, client: Client) -> None:
        """Take up the full list; what was told meanwhile is applied on top of it, because the list is older."""
        self._replay = []
        try:
            connected = await self._all_connections(client)
            for device_id in self.presence.replace(connected):
                self._changed.setdefault(device_id, "unknown")
            for apply in self._replay:
                apply()
        finally:
            self._replay = None

    async def _all_connections(self, client: Client) -> dict[str, list[Connection]]:
        found: dict[str, list[Connection]] = defaultdict(list)
        offset = 0
        while True:
            options = {"acc": _ACCOUNT, "auth": True, "limit": _PAGE, "offset": offset}
            answers = await ask_servers(client, "PING.CONNZ", json.dumps(options).encode())
            if not answers:
                raise Unavailable("nats-sys")
            for answer in answers:
                for connection in answer["data"]["connections"]:
                    user = connection.get("authorized_user")
                    if user:
                        found[user].append(Connection(answer["server"]["id"], connection["cid"]))
            offset += _PAGE
            if all(answer["data"]["total"] <= offset for answer in answers):
                return dict(found)
