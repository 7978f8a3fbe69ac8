"""Answers the servers' authorization requests, from memory alone."""

import asyncio
import contextlib
import time
from typing import Any

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import Counter, Histogram

from lantoa_fleet.adapters.system import connect_system, server_ids
from lantoa_fleet.callout.decision import LoginRefused, decide
from lantoa_fleet.callout.registry import Registry
from lantoa_fleet.callout.wire import Issuer, Sealer, Unreadable, read_jwt
from lantoa_fleet.domain.rights import rights_of

log = structlog.get_logger()

LOGINS = Counter("lantoa_callout_logins_total", "Authorization requests by what became of them", ["outcome"])
SECONDS = Histogram(
    "lantoa_callout_seconds", "Time to decide", buckets=(0.0002, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1, 5)
)
SUBJECT = "$SYS.REQ.USER.AUTH"
QUEUE = "callout"
_XKEY = "Nats-Server-Xkey"
_ASK_AGAIN_SECONDS = 1.0
_TURN_SECONDS = 0.1


class Servers:
    """Ids of the servers whose requests count. A server makes a new id at every start, so they cannot be a setting."""

    def __init__(self, url: str, seed: str) -> None:
        self._url = url
        self._seed = seed
        self._client: Client | None = None
        self._known: set[str] = set()
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def vouch_for(self, server_id: str) -> bool:
        """Whether a server that the system account knows has this id; an unknown one is asked about, not too often."""
        if server_id in self._known:
            return True
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if server_id not in self._known and now - self._asked_at >= _ASK_AGAIN_SECONDS:
                self._asked_at = now
                await self._ask()
        return server_id in self._known

    async def connect(self) -> None:
        """Connect, and again where the connection was closed for good; learn the servers at once."""
        if self._client is None or self._client.is_closed:
            self._client = await connect_system(self._url, self._seed, "lantoa-callout-sys")
            await self._ask()

    async def _ask(self) -> None:
        if self._client is None:
            return
        with contextlib.suppress(NatsError):
            self._known |= await server_ids(self._client)

    @property
    def known(self) -> bool:
        """Whether any server has answered yet."""
        return bool(self._known)

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()


class Responder:
    """One replica of the callout. All replicas share the requests as a queue group."""

    def __init__(
        self, url: str, seed: str, registry: Registry, servers: Servers, issuer: Issuer, sealer: Sealer
    ) -> None:
        self._url = url
        self._seed = seed
        self._registry = registry
        self._servers = servers
        self._issuer = issuer
        self._sealer = sealer
        self._client: Client | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected and answer. Nothing is answered before a registry is there: another replica may have one."""
        while True:
            try:
                await self._servers.connect()
                if self._registry.loaded and (self._client is None or self._client.is_closed):
                    self._client = await self._connect()
            except (NatsError, OSError) as error:
                log.warning("callout not connected", error=repr(error))
            await asyncio.sleep(_TURN_SECONDS)

    async def _connect(self) -> Client:
        async def on_error(error: Exception) -> None:
            log.warning("callout connection", error=repr(error))

        client = await nats.connect(
            self._url,
            name="lantoa-callout",
            nkeys_seed_str=self._seed,
            inbox_prefix=b"_INBOX_callout",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=on_error,
        )
        await client.subscribe(SUBJECT, queue=QUEUE, cb=self._on_request)
        await client.flush()
        log.info("callout answers", devices=len(self._registry))
        return client

    def failures(self) -> list[str]:
        """For readiness: empty while requests can be answered. MongoDB is not part of it."""
        missing = [] if self._registry.loaded else ["registry"]
        if self._client is None or not self._client.is_connected:
            missing.append("nats")
        return missing if self._servers.known else [*missing, "nats-sys"]

    async def close(self) -> None:
        """Answer what has arrived, disconnect."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        await self._servers.close()

    async def _on_request(self, message: Msg) -> None:
        task = asyncio.create_task(self._respond(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, message: Msg) -> None:
        started = time.perf_counter()
        try:
            answer = await self.answer(bytes(message.data), dict(message.headers or {}))
            await message.respond(answer)
        except Unreadable as error:
            LOGINS.labels("unreadable").inc()
            log.error("authorization request not answered", error=str(error))
        except NatsError as error:
            log.warning("answer not sent", error=repr(error))
        SECONDS.observe(time.perf_counter() - started)

    async def answer(self, data: bytes, headers: dict[str, str]) -> bytes:
        """The sealed answer to a request. Whatever can be read is answered: silence would hang the client for seconds.

        Raises:
            Unreadable: it came unencrypted, or is not what a server sends.
        """
        xkey = headers.get(_XKEY, "")
        if not xkey:
            raise Unreadable("the server did not encrypt")
        claims = read_jwt(self._sealer.open(data, xkey))
        try:
            request: dict[str, Any] = claims["nats"]
            issuer, server = claims["iss"], request["server_id"]
            fits = server["id"] == issuer and server["xkey"] == xkey and bool(request["user_nkey"])
        except (KeyError, TypeError) as error:
            raise Unreadable("not an authorization request") from error
        now = int(time.time())  # Real time whatever the service's clock says: the server checks the expiry.
        try:
            if not fits or not await self._servers.vouch_for(issuer):
                raise LoginRefused("unknown server")
            login = decide(request, self._registry)
        except LoginRefused as refused:
            LOGINS.labels("refused").inc()
            log.info("login refused", reason=str(refused))
            text = self._issuer.answer(request, now, error=str(refused))
        else:
            LOGINS.labels("accepted").inc()
            entry = login.entry
            rights = rights_of(entry.device_id, entry.path, entry.groups, mqtt=login.mqtt)
            user = self._issuer.user(request["user_nkey"], entry.device_id, rights, now)
            text = self._issuer.answer(request, now, jwt=user)
        return self._sealer.seal(text.encode(), xkey)
