"""A real nats-server with one device's rights, and a small stand-in for the platform behind it."""

import asyncio
import hashlib
import io
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import nats
import numpy as np
import soundfile
from aiohttp import web
from nats.errors import Error as NatsError
from nats.js.api import RePublish, StreamConfig
from nats.js.errors import NotFoundError

from lantoa_cli.servers import answers, free_port
from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.device import Desired, RadioRundown, RundownEntry, RundownRef, RundownSession
from lantoa_devicekit import ActiveNotice, Device, DeviceSettings, Order
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.identity import Identity, load_identity
from lantoa_signing import nkey
from lantoa_signing.documents import SigningKey, b64, make_key_set
from lantoa_testing.processes import eventually

SCOPES = ("all", "unit.u-1")
"""The scopes whose alerts the device may hear."""

BIN = Path(sys.executable).parent
MIB = 1024 * 1024
_PATIENCE_S = 60.0


def opus(seconds: float, tone_hz: float = 440.0) -> bytes:
    """Mono Opus at 48 kHz."""
    t = np.arange(round(seconds * 48_000)) / 48_000
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * tone_hz * t), 48_000, format="OGG", subtype="OPUS")
    return file.getvalue()


class DeviceNats:
    """nats-server as a process of this test; ``kill`` is kill -9, ``start`` brings it back on the same files."""

    def __init__(self, folder: Path, device: Identity, platform_public: str) -> None:
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        own = device.device_id
        allowed = {
            "publish": [f"dev.up.{own}.{what}" for what in ("hb", "reported", "ack", "aired", "displayed", "alarm")]
            + [f"dev.rpc.{own}.{what}" for what in ("snapshot", "manifest", "alerts")]
            + [f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{own}"]
            + [f"$JS.API.DIRECT.GET.KV_alert.$KV.alert.{scope}.>" for scope in SCOPES],
            "subscribe": [f"dev.dn.{own}.{what}" for what in ("desired", "cmd", "alert")]
            + [f"dev.bc.{scope}.>" for scope in SCOPES]
            + [f"_INBOX_{own}.>"],
        }
        self._config_of: dict[str, Any] = {
            "listen": f"127.0.0.1:{self.port}",
            "max_payload": MIB,
            "jetstream": {"store_dir": str(folder / "js"), "sync_interval": "always", "max_file_store": 256 * MIB},
            "authorization": {
                "users": [{"nkey": platform_public}, {"nkey": device.public, "permissions": allowed}],
            },
        }
        folder.mkdir(parents=True)
        self._config = folder / "nats.json"
        self._device_public = device.public
        self._config.write_text(json.dumps(self._config_of))

    async def forbid(self) -> None:
        """Let the device in no more: its connection ends, as after a revocation."""
        users = [user for user in self._config_of["authorization"]["users"] if user["nkey"] != self._device_public]
        await self._reload({**self._config_of, "authorization": {"users": users}})

    async def allow(self) -> None:
        """Let it in again."""
        await self._reload(self._config_of)

    async def _reload(self, config: dict[str, Any]) -> None:
        self._config.write_text(json.dumps(config))
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def start(self) -> None:
        """Start it and return once it answers."""
        self._process = await asyncio.create_subprocess_exec(
            BIN / "nats-server",
            "-c",
            self._config,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await eventually(lambda: answers(self.port), _PATIENCE_S)

    async def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None


class Gateway:
    """Enrolment and media over HTTP. ``misdeeds[sha256]`` are ways to answer the next requests for a file wrongly.

    ``drop 8192`` ends after so many bytes, ``drop`` alone in the middle.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.files: dict[str, bytes] = {}
        self.enrolment: Callable[[dict[str, Any]], web.Response] = lambda _: web.json_response({}, status=500)
        self.asked: list[dict[str, Any]] = []
        self.misdeeds: dict[str, list[str]] = defaultdict(list)
        self.uploads: dict[str, tuple[str, bytes]] = {}
        """Media type and content of what was put at each path."""
        self.requests: list[tuple[str, str, int]] = []
        """(sha256, Range header or "", status)"""
        self.tickets: set[str] = set()
        self._runner: web.AppRunner | None = None

    def add(self, data: bytes, media_type: str) -> BlobRef:
        """Offer a file under its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.files[sha256] = data
        return BlobRef(sha256=sha256, bytes=len(data), media_type=media_type)

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=8 * MIB)
        app.router.add_post("/api/v1/fleet/enrolments", self._enrol)
        app.router.add_put("/api/v1/fleet/uploads/{cmd_id}", self._upload)
        app.router.add_get("/media/{sha256}", self._media)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _enrol(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        return self.enrolment(body)

    async def _upload(self, request: web.Request) -> web.Response:
        self.uploads[request.match_info["cmd_id"]] = (request.content_type, await request.read())
        return web.Response(status=204)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        sha256 = request.match_info["sha256"]
        data, wanted = self.files[sha256], request.headers.get("Range", "")
        misdeed = self.misdeeds[sha256].pop(0) if self.misdeeds[sha256] else ""
        if request.query.get("t") not in self.tickets:
            misdeed = "expired"
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        status = 403 if misdeed == "expired" else 206 if start else 200
        self.requests.append((sha256, wanted, status))
        match misdeed:
            case "expired":
                return web.Response(status=403)
            case "truncate":
                return web.Response(body=data[: len(data) // 2])
            case "wrong":
                return web.Response(body=bytes(len(data)))
            case "oversize":
                return web.Response(body=data + b"more")
        response = web.StreamResponse(status=status)
        response.content_length = len(data) - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        if misdeed.startswith("drop"):
            after = misdeed.removeprefix("drop").strip()
            await response.write(data[start : start + int(after or (len(data) - start) // 2)])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(data[start:])
        return response


class Orders:
    """Collects what a device orders its program to do."""

    def __init__(self) -> None:
        self.all: list[Order] = []
        self.alerts: list[tuple[ActiveNotice, ...]] = []

    def take_alerts(self, active: tuple[ActiveNotice, ...]) -> None:
        """For a device's ``on_alert``."""
        self.alerts.append(active)

    def take(self, order: Order) -> None:
        """For a device's ``on_order``."""
        self.all.append(order)

    async def until(self, check: Callable[[Order], bool]) -> Order:
        """The first order that fits, once it has come."""
        await eventually(lambda: any(map(check, self.all)), _PATIENCE_S)
        return next(filter(check, self.all))


class DevicePlatform:
    """Fleet, gateway and streams as one device sees them."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "device"
        self.identity = load_identity(self.data, os.urandom(32))
        self.id = self.identity.device_id
        self.root = SigningKey(os.urandom(32))
        self.signer = SigningKey(os.urandom(32))
        self.alert_signer = SigningKey(os.urandom(32))
        self.key_set = make_key_set(self.root, [self.signer.public], [self.alert_signer.public])
        self.clock_ahead = timedelta(0)
        self.manifests = 0
        self.heartbeats: list[dict[str, Any]] = []
        self._seed = nkey.new_seed(os.urandom(32))
        self.nats = DeviceNats(folder / "nats", self.identity, nkey.public_of(self._seed))
        self.gateway = Gateway()
        self.gateway.enrolment = self.accept

    def accept(self, _: dict[str, Any]) -> web.Response:
        """The enrolment answer for a claimed device."""
        return web.json_response(
            {
                "state": "accepted",
                "device_id": self.id,
                "unit_id": "u-1",
                "root_public_key": b64(self.root.public),
                "key_set": self.key_set.model_dump(),
                "nats_urls": [f"nats://127.0.0.1:{self.nats.port}"],
                "media_base": self.gateway.base,
            }
        )

    async def start(self) -> None:
        """Start the servers, make the streams, answer the device's questions."""
        await self.nats.start()
        await self.gateway.start()

        async def quiet(_: Exception) -> None:
            pass

        self.nc = await nats.connect(
            f"nats://127.0.0.1:{self.nats.port}",
            nkeys_seed_str=self._seed,
            reconnect_time_wait=0.1,
            max_reconnect_attempts=-1,
            error_cb=quiet,
        )
        self.js = self.nc.jetstream(timeout=_PATIENCE_S)
        for name, subjects, republish in (
            ("ACK", [f"dev.up.*.{what}" for what in ("ack", "aired", "displayed", "alarm")], None),
            ("REPORTED", ["dev.up.*.reported"], None),
            ("KV_desired", ["$KV.desired.*"], RePublish(src="$KV.desired.*", dest="dev.dn.{{wildcard(1)}}.desired")),
            ("KV_alert", ["$KV.alert.>"], RePublish(src="$KV.alert.>", dest="dev.bc.>")),
        ):
            last_only = -1 if name == "ACK" else 1
            await self.js.add_stream(
                StreamConfig(
                    name, subjects=subjects, republish=republish, allow_direct=True, max_msgs_per_subject=last_only
                )
            )
        await self.nc.subscribe("dev.rpc.*.snapshot", cb=self._snapshot)
        await self.nc.subscribe("dev.rpc.*.manifest", cb=self._manifest)
        await self.nc.subscribe("dev.up.*.hb", cb=self._heartbeat)
        await self.nc.flush()
        await self.nc.flush()

    async def stop(self) -> None:
        """End everything."""
        await self.nc.close()
        await self.gateway.stop()
        await self.nats.kill()

    async def _snapshot(self, message: Any) -> None:
        await message.respond(json.dumps({"now": self.now().isoformat()}).encode())

    async def _manifest(self, message: Any) -> None:
        self.manifests += 1
        ticket = f"t{self.manifests}"
        self.gateway.tickets.add(ticket)
        wanted = json.loads(message.data)["sha256"]
        urls = {sha256: f"/media/{sha256}?t={ticket}" for sha256 in wanted if sha256 in self.gateway.files}
        refused = [sha256 for sha256 in wanted if sha256 not in urls]
        await message.respond(json.dumps({"urls": urls, "refused": refused}).encode())

    async def _heartbeat(self, message: Any) -> None:
        self.heartbeats.append(json.loads(message.data))

    def now(self) -> datetime:
        """The platform's clock, ``clock_ahead`` of this machine's."""
        return DeviceClock().wall() + self.clock_ahead

    def settings(self, **changes: Any) -> DeviceSettings:
        """An impatient station's settings."""
        quick = {"heartbeat_s": 0.2, "reconnect_min_s": 0.05, "reconnect_max_s": 0.4, "jitter_s": 0.0}
        quick |= {"reconcile_s": 0.5, "prestage_s": 0.0, "alert_jitter_s": 0.0}
        changes = quick | changes
        return DeviceSettings(data=self.data, gateway=self.gateway.base, kind="radio", **changes)

    @asynccontextmanager
    async def device(self, **changes: Any) -> AsyncIterator[tuple[Device, Orders]]:
        """A device of this process and what it was ordered to do."""
        orders = Orders()
        async with Device(self.settings(**changes), orders.take, orders.take_alerts) as device:
            yield device, orders

    def session(self, audio: list[bytes], starts_in_s: float, seconds: float) -> RundownSession:
        """A session of these files, each said to last ``seconds``."""
        session_id = "s-1"
        entries = tuple(
            RundownEntry(
                entry_id=f"{session_id}-e{n}",
                item_id=f"i-{n}",
                revision=1,
                title=f"Bản tin {n}",
                media=self.gateway.add(data, "audio/ogg"),
                seconds=seconds,
            )
            for n, data in enumerate(audio)
        )
        starts_at = self.now() + timedelta(seconds=starts_in_s)
        return RundownSession(session_id=session_id, starts_at=starts_at, entries=entries)

    def rundown(self, ver: int, *sessions: RundownSession) -> BlobRef:
        """A station's rundown, on offer."""
        rundown = RadioRundown(device_id=self.id, ver=ver, sessions=sessions)
        return self.gateway.add(rundown.model_dump_json().encode(), "application/json")

    def desired(
        self, seq: int, rundown: BlobRef | None, signer: SigningKey | None = None, **changes: Any
    ) -> SignedDocument:
        """A signed desired document; ``changes`` replace its fields."""
        now = self.now()
        fields = {"aud": self.id, "seq": seq, "iat": now, "exp": now + timedelta(hours=1), "unit_id": "u-1"}
        fields |= {"alert_scopes": SCOPES}
        radio = RundownRef(ver=seq, rundown=rundown) if rundown else None
        desired = Desired(**(fields | {"radio": radio} | changes))
        return (signer or self.signer).sign(desired.model_dump_json())

    async def put(self, document: SignedDocument) -> None:
        """Into the bucket, which republishes it to the device."""
        await self.js.publish(f"$KV.desired.{self.id}", document.model_dump_json().encode())

    async def whisper(self, data: bytes, channel: str = "desired") -> None:
        """A message straight to the device, as a reply-subject attack would bring it."""
        await self.nc.publish(f"dev.dn.{self.id}.{channel}", data)

    async def stored(self, what: str, stream: str = "ACK") -> list[dict[str, Any]]:
        """Bodies of what the device had stored on ``dev.up.<id>.<what>``, the oldest first, with every repeat."""
        found: list[dict[str, Any]] = []
        seq = 1
        while True:
            try:
                message = await self.js.get_msg(stream, seq, f"dev.up.{self.id}.{what}", direct=True, next=True)
            except NotFoundError:
                return found
            found.append(json.loads(message.data or b""))
            seq = (message.seq or seq) + 1

    async def told(self, what: str) -> list[dict[str, Any]]:
        """The different ones: what is sent again because its acknowledgement came late is the same to the letter."""
        return list({json.dumps(body, sort_keys=True): body for body in await self.stored(what)}.values())

    async def until_stored(self, what: str, count: int) -> list[dict[str, Any]]:
        """The different bodies, once there are ``count``."""
        found: list[dict[str, Any]] = []

        async def enough() -> bool:
            with suppress(NatsError):  # The server may only just be back.
                found[:] = await self.told(what)
            return len(found) >= count

        await eventually(enough, _PATIENCE_S)
        return found

    async def until_proved(self, count: int, what: Literal["aired", "displayed"] = "aired") -> list[dict[str, Any]]:
        """The texts of ``count`` proofs, each checked against the device's key."""
        documents = [SignedDocument.model_validate(body) for body in await self.until_stored(what, count)]
        return [json.loads(nkey.verify_by_nkey(document, self.identity.public)) for document in documents]
