"""The connection to NATS, with its own rules for coming back (device topology notes, section 5).

Connected means that the snapshot came back. The client library never reconnects by itself: a closed client, or one
without a round trip, is thrown away and a new one is built after a jittered wait.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
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

Channel = Literal["desired", "cmd"]


class LinkDown(Exception):
    """There is no connection now, or it gave no answer; the sender tries again later."""


@dataclass(frozen=True)
class Hooks:
    """What a link tells its device. Called one after the other, never from inside a NATS callback."""

    addresses: Callable[[int], Awaitable[Sequence[str]]]
    """NATS addresses for the next try, given the failures in a row so far."""
    received: Callable[[Channel, bytes], Awaitable[None]]
    connected: Callable[[], Awaitable[None]]
    offset: Callable[[int], Awaitable[None]]
    """The clock offset just measured, in milliseconds."""
    refused: Callable[[], Awaitable[None]]
    """The platform did not let this device in, or threw it out."""


class Link:
    """Keeps one device connected. ``run`` lives as long as the device; ``up`` is set while the snapshot is fresh."""

    def __init__(self, settings: DeviceSettings, device_id: str, seed: str, clock: DeviceClock, hooks: Hooks) -> None:
        self._settings = settings
        self._id = device_id
        self._seed = seed
        self._clock = clock
        self._hooks = hooks
        self._client: Client | None = None
        self._inbox: asyncio.Queue[tuple[Channel, bytes]] = asyncio.Queue(_QUEUE)
        self.up = asyncio.Event()

    async def run(self) -> None:
        """Connect, serve, rebuild; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._apply())
            group.create_task(self._keep())

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
            answer = await cancellable(client.request(f"dev.rpc.{self._id}.{what}", payload, timeout=REQUEST_S))
        except (nats.errors.Error, OSError) as error:
            raise LinkDown(f"{type(error).__name__}: {error}") from error
        return bytes(answer.data)

    def _live(self) -> Client:
        if self._client is None or not self.up.is_set():
            raise LinkDown("not connected")
        return self._client

    async def _apply(self) -> None:
        while True:
            await self._hooks.received(*await self._inbox.get())

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
        closed = asyncio.Event()
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_S):
                await cancellable(self._connect(client, addresses, closed))
            self._client = client
            for channel in ("desired", "cmd"):
                await cancellable(self._subscribe(client, channel))
            # One flush is no barrier in nats-py 2.16: its PING may overtake the SUB. Two are.
            await cancellable(client.flush(timeout=int(REQUEST_S)))
            await cancellable(client.flush(timeout=int(REQUEST_S)))
            await self._reconcile(client)
            log.info("link_up", device_id=self._id)
            self.up.set()
            await self._hooks.connected()
            await self._watch(client, closed)
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
            name=self._id,
            nkeys_seed_str=self._seed,
            inbox_prefix=f"_INBOX_{self._id}".encode(),
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

    async def _subscribe(self, client: Client, channel: Channel) -> None:
        async def queue(message: Msg) -> None:
            # Only queue here: an await of the connection inside a callback can hang it.
            # When full, the next snapshot catches up.
            with contextlib.suppress(asyncio.QueueFull):
                self._inbox.put_nowait((channel, bytes(message.data)))

        await client.subscribe(
            f"dev.dn.{self._id}.{channel}", cb=queue, pending_msgs_limit=_QUEUE, pending_bytes_limit=4 * _PENDING_BYTES
        )

    async def _watch(self, client: Client, closed: asyncio.Event) -> None:
        while not closed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.reconcile_s):
                    await closed.wait()
            if not closed.is_set():
                await self._reconcile(client)
        log.warning("link_closed", error=str(client.last_error))

    async def _reconcile(self, client: Client) -> None:
        """Measure the clock, read the snapshot. The snapshot is the round trip that proves the connection."""
        await self._measure(client)
        subject = f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{self._id}"
        answer = await cancellable(client.request(subject, b"", timeout=REQUEST_S))
        headers = answer.headers or {}
        status = headers.get("Status")
        if status == "404":
            return
        if status is not None:
            raise LinkDown(f"snapshot: status {status}")
        if "KV-Operation" not in headers:
            await self._inbox.put(("desired", bytes(answer.data)))

    async def _measure(self, client: Client) -> None:
        sent = self._clock.wall()
        try:
            answer = await cancellable(client.request(f"dev.rpc.{self._id}.snapshot", b"{}", timeout=REQUEST_S))
            server = SnapshotAnswer.model_validate_json(answer.data).now
        except (nats.errors.NoRespondersError, nats.errors.TimeoutError, ValidationError) as error:
            log.info("clock_not_measured", error=type(error).__name__)
            return
        await self._hooks.offset(offset_ms(sent, self._clock.wall(), server))
