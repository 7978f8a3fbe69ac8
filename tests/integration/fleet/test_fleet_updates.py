"""An update of programs from its files to the last wave, over real devices' connections."""

import hashlib
import json
import secrets
from typing import Any

import pytest

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import UPDATE_TURNED
from lantoa_contracts.device import Ack, Command, Heartbeat
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing.documents import SigningKey, verify
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
AUTHOR = Caller("p-author", "Người viết", (Grant("author", "u-1"),))


@pytest.fixture
def fleet_settings(fleet_settings: dict[str, Any]) -> dict[str, Any]:
    return {**fleet_settings, "lease_s": 1.5, "update_s": 0.2, "roster_s": 600.0}


class Updating:
    """A connected device that takes updates: it fetches the manifest by hash, or fails."""

    def __init__(self, fleet: Any, device: Any, client: Any, breaks: tuple[str, ...]) -> None:
        self.fleet, self.device, self.client, self.breaks = fleet, device, client, breaks
        self.version = "1.0"
        self.order: list[str] = []

    async def listen(self) -> None:
        await self.client.subscribe(f"dev.dn.{self.device.id}.cmd", cb=self._on)
        await self.device.barrier(self.client)
        await self.beat()

    async def beat(self) -> None:
        told = Heartbeat(at=self.fleet.events.clock.now(), version=self.version, state="idle", desired_seq=1)
        await self.client.publish(f"dev.up.{self.device.id}.hb", told.model_dump_json().encode())

    async def _on(self, message: Any) -> None:
        key = SigningKey(self.fleet.nats.ring.fleet_file.read_bytes())
        command = Command.model_validate_json(verify(SignedDocument.model_validate_json(message.data), key.public))
        version = str(command.args["version"])
        if version not in self.order:
            self.order.append(version)
        stage = "failed" if version in self.breaks else "finished"
        if stage == "finished":
            self.version = version
            await self.beat()
        ack = Ack(
            local_id=f"{command.cmd_id}.{stage}", ref=command.cmd_id, stage=stage, at=self.fleet.events.clock.now()
        )  # type: ignore[arg-type]  # fmt: skip
        await self.client.publish(f"dev.up.{self.device.id}.ack", ack.model_dump_json().encode())


@pytest.fixture
def updating(fleet: Any) -> Any:
    async def make(*breaks: str) -> Updating:
        device = await fleet.claimed()
        made = Updating(fleet, device, await device.connect(), breaks)
        await made.listen()

        async def seen() -> bool:
            await made.beat()
            look = await fleet.look(device)
            return look["version"] == "1.0" and look["online"]

        await eventually(seen)
        return made

    return make


async def begin(fleet: Any, version: str, **changes: Any) -> tuple[int, Any]:
    """Store a file and begin an update made of it."""
    status, blob, _ = await fleet.call("PUT", "/updates/files", data=f"program {version}".encode())
    assert status == 201
    body = {"version": version, "files": [{"path": "bin/player", "sha256": blob["sha256"]}], "waves": ["1", "100%"]}
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    status, answer, _ = await fleet.call("POST", "/updates", json={**body, **changes}, headers=headers)
    return status, answer


async def ended(fleet: Any, update_id: str, state: str) -> dict[str, Any]:
    async def reached() -> Any:
        _, answer, _ = await fleet.call("GET", f"/updates/{update_id}")
        return answer if answer["state"] == state else None

    return dict(await eventually(reached, 60))


async def test_an_update_goes_wave_by_wave_and_back(fleet: Any, updating: Any) -> None:
    devices = [await updating() for _ in range(3)]
    for version in ("2.0", "3.0"):
        status, update = await begin(fleet, version)
        assert (status, update["devices"]) == (202, 3)
        done = await ended(fleet, update["update_id"], "finished")
        assert [(item["state"], item["wave"]) for item in done["items"]] == [("done", 1), ("done", 2), ("done", 2)]
    look = await fleet.look(devices[0].device)
    assert (look["version"], look["wanted_version"]) == ("3.0", "3.0")

    one, manifest = devices[0], done["manifest"]
    wanted = [manifest["sha256"], done["files"][0]["sha256"], "0" * 64]
    body = json.dumps({"sha256": wanted}).encode()
    answer = json.loads((await one.client.request(f"dev.rpc.{one.device.id}.manifest", body, timeout=30)).data)
    assert (sorted(answer["urls"]), answer["refused"]) == (sorted(wanted[:2]), ["0" * 64])
    stored = await fleet.running.service.blobs.get(manifest["sha256"])
    assert hashlib.sha256(stored).hexdigest() == manifest["sha256"]
    key = SigningKey(fleet.nats.ring.fleet_file.read_bytes())
    text = json.loads(verify(SignedDocument.model_validate_json(stored), key.public))
    assert (text["kind"], text["version"], text["files"][0]["bytes"]) == ("update", "3.0", len("program 3.0"))

    _, page, _ = await fleet.call("POST", f"/updates/{update['update_id']}/rollback")
    (back,) = page["items"]
    assert (back["version"], back["rolls_back"]) == ("2.0", update["update_id"])
    await ended(fleet, back["update_id"], "finished")
    assert {device.version for device in devices} == {"2.0"}
    _, again, _ = await fleet.call("POST", f"/updates/{update['update_id']}/rollback")
    assert [one["update_id"] for one in again["items"]] == [back["update_id"]]
    _, page, _ = await fleet.call("GET", "/updates", AUTHOR)
    assert [one["version"] for one in page["items"]] == ["2.0", "3.0", "2.0"]


async def test_an_update_that_fails_stops_itself_before_the_next_wave(fleet: Any, updating: Any) -> None:
    devices = [await updating("2.0") for _ in range(3)]
    _, update = await begin(fleet, "2.0")
    stopped = await ended(fleet, update["update_id"], "stopped")
    assert (stopped["reason"], stopped["counts"]) == (
        "errors",
        {"waiting": 2, "told": 0, "done": 0, "failed": 1},
    )
    assert sum(bool(device.order) for device in devices) == 1
    status, answer = await begin(fleet, "2.1")
    assert (status, answer["code"]) == (409, "fleet.update-runs")
    for device in devices:
        device.breaks = ()
    status, answer, _ = await fleet.call("POST", f"/updates/{update['update_id']}/resume", AUTHOR)
    assert status == 403
    await fleet.call("POST", f"/updates/{update['update_id']}/resume")
    done = await ended(fleet, update["update_id"], "finished")
    assert done["counts"] == {"waiting": 0, "told": 0, "done": 2, "failed": 1}
    assert await turns(fleet, update["update_id"]) == ["running", "stopped", "running", "finished"]
    assert (await fleet.call("POST", f"/updates/{update['update_id']}/stop"))[0] == 409
    status, answer, _ = await fleet.call("POST", f"/updates/{update['update_id']}/rollback")
    assert (status, answer["code"]) == (409, "fleet.no-earlier-version")


async def turns(fleet: Any, update_id: str) -> list[str]:
    """What others were told that became of an update, up to its end."""

    async def told() -> Any:
        found = [event for event in await fleet.events.all(UPDATE_TURNED) if event.update_id == update_id]
        states = [event.state for event in sorted(found, key=lambda event: event.ver)]
        return states if states[-1:] == ["finished"] else None

    return list(await eventually(told))


async def test_what_is_no_update_is_refused_in_words(fleet: Any, updating: Any) -> None:
    await updating()
    for changes, code in (
        ({"waves": ["1"]}, "fleet.last-wave"),
        ({"waves": ["200%", "100%"]}, "fleet.bad-wave"),
        ({"files": [{"path": "bin/player", "sha256": "0" * 64}]}, "fleet.file-not-stored"),
        ({"filter": {"unit_id": "u-nowhere"}}, "fleet.no-devices"),
        ({"device_ids": ["d-nobody"]}, "fleet.no-such-device"),
    ):
        status, answer = await begin(fleet, "2.0", **changes)
        assert (status, answer["code"]) == (422, code)
    status, _, _ = await fleet.call("PUT", "/updates/files", AUTHOR, data=b"x")
    assert status == 403
    for path in ("../outside", "/etc/passwd"):
        sha256 = hashlib.sha256(b"program 2.0").hexdigest()
        status, answer = await begin(fleet, "2.0", files=[{"path": path, "sha256": sha256}])
        assert (status, answer["code"]) == (422, "fleet.bad-path")
