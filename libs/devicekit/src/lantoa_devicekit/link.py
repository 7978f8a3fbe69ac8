"""The connection to NATS, with its own rules for coming back (device topology notes, section 5).

Connected means that the snapshot came back. The client library never reconnects by itself: a closed client, or one
without a round trip, is thrown away and a new one is built after a jittered wait.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import ValidationError

from lantoa_contracts.device import SnapshotAnswer
from lantoa_devicekit.backoff import wait_s
from lantoa_devicekit.clock import DeviceClock, offset_ms
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.tasks import cancellable

log = structlog.get_logger("lantoa.link")

REQUEST_S = 5.0
CONNECT_S = 15.0
_QUEUE = 64
_REFUSAL = "authorization"
"""In nats-py's text of an error after the server's ``-ERR 'Authorization Violation'``."""
_PENDING_BYTES = 256 * 1024

Channel = Literal["desired", "cmd", "alert", "stored_alert", "sound"]
"""Where a message came from: ``alert`` was broadcast or sent, ``stored_alert`` read by us from the bucket."""


@dataclass(frozen=True)
class Received:
    """A message, as it came."""

    channel: Channel
    subject: str
    data: bytes


class LinkDown(Exception):
    """There is no connection now, or it gave no answer; the sender tries again later."""


@dataclass(frozen=True)
class Hooks:
    """What a link tells its device, never from inside a NATS callback.

    ``received`` is called one after the other, and ``alerted`` too, but neither waits for the other.
    """

    addresses: Callable[[int], Awaitable[Sequence[str]]]
    """NATS addresses for the next try, given the failures in a row so far."""
    received: Callable[[Received], Awaitable[None]]
    """Desired state and commands."""
    alerted: Callable[[Received], Awaitable[None]]
    """Alert orders and parts of their sounds."""
    connected: Callable[[], Awaitable[None]]
    offset: Callable[[int], Awaitable[None]]
    """The clock offset just measured, in milliseconds."""
    refused: Callable[[], Awaitable[None]]
    """The platform did not let this device in, or threw it out."""


class Link:
    """Keeps one device connected. ``run`` lives as long as the device; ``up`` is set while the snapshot is fresh."""

    def __init__(self, settings: DeviceSettings, device_id: str, seed: str, clock: DeviceClock, hooks: Hooks) -> None:
        self._settings = settings
        self.device_id = device_id
        self._seed = seed
        self._clock = clock
        self._hooks = hooks
        self._client: Client | None = None
        self._inbox: asyncio.Queue[Received] = asyncio.Queue(_QUEUE)
        self._alerts: asyncio.Queue[Received] = asyncio.Queue(_QUEUE)
        self._scopes: frozenset[str] = frozenset()
        self._heard: dict[str, Subscription] = {}
        self._closed = asyncio.Event()
        self._look = asyncio.Event()
        self.up = asyncio.Event()
        self.ups = 0
        """How often the connection has come up in the life of the process."""

    @property
    def server(self) -> str | None:
        """Whom the device is connected to, as ``host:port``."""
        url = self._client.connected_url if self._client else None
        return url.netloc if url else None

    async def run(self) -> None:
        """Connect, serve, rebuild; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._apply(self._inbox, self._hooks.received))
            group.create_task(self._apply(self._alerts, self._hooks.alerted))
            group.create_task(self._keep())

    def listen(self, scopes: Iterable[str]) -> None:
        """Hear the alerts of these scopes from now on and no others; their orders in force are read at once."""
        scopes = frozenset(scopes)
        if scopes != self._scopes:
            self._scopes = scopes
            self._look.set()

    async def part(self, scope: str, sha256: str, n: int) -> bytes | None:
        """Part ``n`` of an alert's sound, from the bucket; None when it is not there.

        Raises:
            LinkDown: not connected or no answer in time.
        """
        if self._client is None:
            raise LinkDown("not connected")
        return await self._read(self._client, "alert", f"{scope}.sound.{sha256}.{n}")

    async def publish(self, subject: str, payload: bytes) -> None:
        """Store a message in a stream; returns when the stream has acknowledged it.

        Raises:
            LinkDown: not connected or not acknowledged in time. The message may have been stored all the same.
        """
        client = self._live()
        try:
            await cancellable(client.jetstream().publish(subject, payload, timeout=REQUEST_S))
        except (nats.errors.Error, OSError, ValueError) as error:
            raise LinkDown(f"{type(error).__name__}: {error}") from error

    async def tell(self, subject: str, payload: bytes) -> None:
        """Say something to whoever listens now.

        Raises:
            LinkDown: not connected.
        """
        client = self._live()
        try:
            await cancellable(client.publish(subject, payload))
        except (nats.errors.Error, OSError) as error:
            raise LinkDown(str(error)) from error

    async def ask(self, what: Literal["snapshot", "manifest"], payload: bytes) -> bytes:
        """The platform's answer on ``dev.rpc.<id>.<what>``.

        Raises:
            LinkDown: not connected or no answer in time.
        """
        client = self._live()
        try:
            answer = await cancellable(client.request(f"dev.rpc.{self.device_id}.{what}", payload, timeout=REQUEST_S))
        except (nats.errors.Error, OSError) as error:
            raise LinkDown(f"{type(error).__name__}: {error}") from error
        return bytes(answer.data)

    def _live(self) -> Client:
        if self._client is None or not self.up.is_set():
            raise LinkDown("not connected")
        return self._client

    @staticmethod
    async def _apply(queue: asyncio.Queue[Received], hook: Callable[[Received], Awaitable[None]]) -> None:
        while True:
            await hook(await queue.get())

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._session(await self._hooks.addresses(failures))
            except (nats.errors.Error, OSError, LinkDown) as error:
                log.warning("link_lost", error=f"{type(error).__name__}: {error}", failures=failures)
                if _REFUSAL in str(error).lower():
                    await self._hooks.refused()
            failures = 0 if self.up.is_set() else failures + 1
            self.up.clear()
            await asyncio.sleep(wait_s(failures, self._settings.reconnect_min_s, self._settings.reconnect_max_s))

    async def _session(self, addresses: Sequence[str]) -> None:
        self._closed = asyncio.Event()
        self._heard = {}
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_S):
                await cancellable(self._connect(client, addresses, self._closed))
            self._client = client
            for channel in ("desired", "cmd", "alert"):
                await cancellable(self._subscribe(client, f"dev.dn.{self.device_id}.{channel}"))
            await self._serve(client)
        finally:
            self._client = None
            # Closing a client whose socket is already gone may fail in any of these ways, and nothing is left to save.
            with contextlib.suppress(nats.errors.Error, OSError, AssertionError):
                async with asyncio.timeout(REQUEST_S):
                    await client.close()

    async def _connect(self, client: Client, addresses: Sequence[str], closed: asyncio.Event) -> None:
        async def on_error(error: Exception) -> None:
            log.warning("nats", error=f"{type(error).__name__}: {error}")

        async def on_closed() -> None:
            closed.set()

        await client.connect(
            servers=list(addresses),
            name=self.device_id,
            nkeys_seed_str=self._seed,
            inbox_prefix=f"_INBOX_{self.device_id}".encode(),
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,  # type: ignore[arg-type]  # annotated int, used as seconds of sleep
            connect_timeout=int(REQUEST_S),
            ping_interval=20,
            max_outstanding_pings=2,
            pending_size=_PENDING_BYTES,
            error_cb=on_error,
            closed_cb=on_closed,
        )
        if not client.is_connected:
            # With a slow login nats-py takes the server's own PING for the answer and returns unconnected.
            raise LinkDown("signed in too slowly")

    async def _subscribe(self, client: Client, subject: str) -> Subscription:
        async def queue(message: Msg) -> None:
            # Only queue here: an await of the connection inside a callback can hang it.
            # When full, the next reading of the buckets catches up.
            channel = channel_of(message.subject)
            if channel is not None:
                with contextlib.suppress(asyncio.QueueFull):
                    self._queue_of(channel).put_nowait(Received(channel, message.subject, bytes(message.data)))

        return await client.subscribe(
            subject, cb=queue, pending_msgs_limit=_QUEUE, pending_bytes_limit=16 * _PENDING_BYTES
        )

    def _queue_of(self, channel: Channel) -> asyncio.Queue[Received]:
        return self._inbox if channel in ("desired", "cmd") else self._alerts

    async def _serve(self, client: Client) -> None:
        """Read the buckets again and again, until the connection is lost.

        A bucket that gives no answer (a stream without a leader) does not end a connection that answers a ping:
        alerts still come over it.
        """
        failures = 0
        while not self._closed.is_set():
            self._look.clear()
            await self._follow(client)
            # One flush is no barrier in nats-py 2.16: its PING may overtake the SUB. Two are.
            await cancellable(client.flush(timeout=int(REQUEST_S)))
            await cancellable(client.flush(timeout=int(REQUEST_S)))
            try:
                async with asyncio.TaskGroup() as readings:
                    readings.create_task(self._orders(client))
                    await self._reconcile(client)
                    await self._came_up()
            except* (nats.errors.Error, OSError, LinkDown) as errors:
                log.warning("snapshot_lost", error=str(errors.exceptions[0]))
                self.up.clear()
                failures += 1
                wait = wait_s(failures, self._settings.reconnect_min_s, self._settings.reconnect_max_s)
            else:
                failures, wait = 0, self._settings.reconcile_s
            await self._pause(wait)
        log.warning("link_closed", error=str(client.last_error))

    async def _came_up(self) -> None:
        if not self.up.is_set():
            log.info("link_up", device_id=self.device_id)
            self.up.set()
            self.ups += 1
            await self._hooks.connected()

    async def _pause(self, seconds: float) -> None:
        """Until the connection is lost, the scopes change, or the time is over."""
        waits = [asyncio.create_task(event.wait()) for event in (self._closed, self._look)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _follow(self, client: Client) -> None:
        """Subscribe to the scopes that are new and leave those that are no longer ours."""
        scopes = self._scopes
        for scope in self._heard.keys() - scopes:
            await cancellable(self._heard.pop(scope).unsubscribe())
        for scope in scopes - self._heard.keys():
            self._heard[scope] = await cancellable(self._subscribe(client, f"dev.bc.{scope}.>"))

    async def _orders(self, client: Client) -> None:
        """Read the order in force of every scope; one that we may not read yet (just moved) comes at the next time."""

        async def order(scope: str) -> None:
            with contextlib.suppress(nats.errors.Error, LinkDown):
                data = await self._read(client, "alert", f"{scope}.alert")
                if data:
                    await self._alerts.put(Received("stored_alert", f"dev.bc.{scope}.alert", data))

        # The alert service answers from memory: an order that its bucket cannot take yet (a stream without a leader)
        # must reach who connects meanwhile.
        await cancellable(client.publish(f"dev.rpc.{self.device_id}.alerts", b""))
        async with asyncio.TaskGroup() as readings:
            for scope in self._heard:
                readings.create_task(order(scope))

    async def _reconcile(self, client: Client) -> None:
        """Measure the clock, read the snapshot. The snapshot is the round trip that proves the connection."""
        await self._measure(client)
        data = await self._read(client, "desired", self.device_id)
        if data is not None:
            await self._inbox.put(Received("desired", f"dev.dn.{self.device_id}.desired", data))

    async def _read(self, client: Client, bucket: str, key: str) -> bytes | None:
        """The last value of a key; None when it has none."""
        subject = f"$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.{key}"
        answer = await cancellable(client.request(subject, b"", timeout=REQUEST_S))
        headers = answer.headers or {}
        status = headers.get("Status")
        if status == "404" or "KV-Operation" in headers:
            return None
        if status is not None:
            raise LinkDown(f"{bucket}: status {status}")
        return bytes(answer.data)

    async def _measure(self, client: Client) -> None:
        sent = self._clock.wall()
        try:
            answer = await cancellable(client.request(f"dev.rpc.{self.device_id}.snapshot", b"{}", timeout=REQUEST_S))
            server = SnapshotAnswer.model_validate_json(answer.data).now
        except (nats.errors.NoRespondersError, nats.errors.TimeoutError, ValidationError) as error:
            log.info("clock_not_measured", error=type(error).__name__)
            return
        await self._hooks.offset(offset_ms(sent, self._clock.wall(), server))


def channel_of(subject: str) -> Channel | None:
    """What a subject of ours carries; None for what no device knows."""
    match subject.split("."):
        case ["dev", "dn", _, ("desired" | "cmd" | "alert") as channel]:
            return cast("Channel", channel)
        case ["dev", "bc", *_, "alert"]:
            return "alert"
        case ["dev", "bc", *_, "sound", _, _]:
            return "sound"
    return None
