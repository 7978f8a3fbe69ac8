"""Orders to devices over the real account border: signed, repeated, answered, kept; and the files they bring."""

import gzip
import io
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from PIL import Image

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import COMMAND_ORDERED, DEVICE_ACK
from lantoa_contracts.device import Ack, Command
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing.documents import SigningKey, verify
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
REPORTER = Caller("p-report", "Người xem", (Grant("reporter", "u-1"),))
ELSEWHERE = Caller("p-else", "Kỹ thuật viên khác", (Grant("technician", "u-2"),))
GATEWAY = Caller("gateway", "anonymous")
MANY = 150
Answers = Callable[[Command], list[tuple[str, str, dict[str, Any]]]]


@pytest.fixture
def fleet_settings(fleet_settings: dict[str, Any]) -> dict[str, Any]:
    return {**fleet_settings, "lease_s": 1.5, "roster_s": 600.0}


class Obedient:
    """A connected device that answers commands as it is told to."""

    def __init__(self, fleet: Any, device: Any, client: Client, answers: Answers) -> None:
        self.fleet, self.device, self.client, self.answers = fleet, device, client, answers
        self.heard: list[Command] = []
        self.deaf = False

    async def listen(self) -> None:
        await self.client.subscribe(f"dev.dn.{self.device.id}.cmd", cb=self._on)
        await self.device.barrier(self.client)

    async def _on(self, message: Any) -> None:
        key = SigningKey(self.fleet.nats.ring.fleet_file.read_bytes())
        document = SignedDocument.model_validate_json(message.data)
        command = Command.model_validate_json(verify(document, key.public))
        assert command.aud == self.device.id
        self.heard.append(command)
        if not self.deaf:
            for stage, detail, data in self.answers(command):
                await self.say(command.cmd_id, stage, detail, data)

    async def say(self, cmd_id: str, stage: str, detail: str = "", data: dict[str, Any] | None = None) -> None:
        ack = Ack(
            local_id=f"{cmd_id}.{stage}", ref=cmd_id, stage=stage, at=self.fleet.events.clock.now(), detail=detail,
            data=data or {},
        )  # type: ignore[arg-type]  # fmt: skip
        await self.client.publish(f"dev.up.{self.device.id}.ack", ack.model_dump_json().encode())


def done(_: Command) -> list[tuple[str, str, dict[str, Any]]]:
    return [("received", "", {}), ("finished", "", {"ram_mb": 512})]


@pytest.fixture
def obedient(fleet: Any) -> Callable[..., Awaitable[Obedient]]:
    async def make(answers: Answers = done, unit_id: str = "u-1") -> Obedient:
        device = await fleet.claimed(unit_id)
        made = Obedient(fleet, device, await device.connect(), answers)
        await made.listen()
        return made

    return make


async def order(fleet: Any, *devices: Any, key: str | None = None, caller: Any = None, **body: Any) -> tuple[int, Any]:
    """Give an order; ``body`` needs a name."""
    sent = {**({"device_ids": [one.device.id for one in devices]} if devices else {}), **body}
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    more = (caller,) if caller else ()
    status, answer, _ = await fleet.call("POST", "/commands", *more, json=sent, headers=headers)
    return status, answer


async def outcome(fleet: Any, order_id: str, state: str, count: int = 1) -> dict[str, Any]:
    """The order once so many of its commands are in a state."""

    async def reached() -> Any:
        _, answer, _ = await fleet.call("GET", f"/commands/{order_id}")
        return answer if answer["counts"][state] == count else None

    return dict(await eventually(reached, 60, every=0.1))


async def test_an_order_reaches_its_devices_signed_and_is_followed_to_its_end(fleet: Any, obedient: Any) -> None:
    one, two = await obedient(), await obedient(lambda _: [("failed", "không có loa", {})])
    status, placed = await order(fleet, one, two, name="diagnose")
    assert (status, placed["devices"]) == (202, 2)
    told = await fleet.events.wait(COMMAND_ORDERED, lambda event: event.order_id == placed["order_id"])
    assert (told.name, told.devices, told.unit_id) == ("diagnose", 2, "u-1")
    newest = await fleet.events.client.jetstream().get_last_msg("EVT", COMMAND_ORDERED.subject)
    assert (newest.headers or {})["lt-actor"] == "p-tech"
    await outcome(fleet, placed["order_id"], "failed")
    seen = await outcome(fleet, placed["order_id"], "finished")
    by_device = {item["device_id"]: item for item in seen["items"]}
    assert by_device[one.device.id]["data"] == {"ram_mb": 512}
    assert by_device[two.device.id]["detail"] == "không có loa"
    assert one.heard[0].exp - one.heard[0].iat == timedelta(minutes=2)

    async def closed() -> bool:
        _, answer, _ = await fleet.call("GET", f"/commands/{placed['order_id']}")
        return not answer["open"]

    await eventually(closed, 60)
    _, page, _ = await fleet.call("GET", f"/devices/{one.device.id}/commands")
    assert [(item["name"], item["state"], item["by_name"]) for item in page["items"]] == [
        ("diagnose", "finished", "Kỹ thuật viên")
    ]


async def test_a_command_is_repeated_until_it_is_acknowledged_and_not_longer(fleet: Any, obedient: Any) -> None:
    device = await obedient()
    device.deaf = True

    def heard(name: str) -> int:
        return sum(command.name == name for command in device.heard)

    async def until_repeated(name: str, times: int) -> None:
        """Time passes quickly for the service: every command that it repeats is due again."""
        fleet.running.service.clock._shift += timedelta(seconds=5)
        await eventually(lambda: heard(name) >= times)

    _, placed = await order(fleet, device, name="volume", args={"percent": 30})
    await until_repeated("volume", 2)
    assert {command.cmd_id for command in device.heard} == {device.heard[0].cmd_id}
    await device.say(device.heard[0].cmd_id, "received")
    await outcome(fleet, placed["order_id"], "received")
    _, other = await order(fleet, device, name="restart")
    await until_repeated("restart", 2)  # What was on its way has come before it.
    before = heard("volume")
    await until_repeated("restart", 3)
    assert heard("volume") == before
    for _ in range(2):  # A repeated answer changes nothing.
        await device.say(device.heard[0].cmd_id, "finished")
    assert (await outcome(fleet, placed["order_id"], "finished"))["items"][0]["args"] == {"percent": 30}
    await device.say(device.heard[-1].cmd_id, "finished")
    await outcome(fleet, other["order_id"], "finished")


async def test_an_order_survives_the_restart_of_its_sender(fleet: Any, obedient: Any, start_fleet: Any) -> None:
    device = await obedient()
    device.deaf = True
    _, placed = await order(fleet, device, name="test_tone", args={"seconds": 3})
    await eventually(lambda: device.heard)
    await fleet.running.stop()
    device.deaf, device.heard = False, []
    fleet.running = await start_fleet()
    await outcome(fleet, placed["order_id"], "finished")
    assert device.heard[0].args == {"seconds": 3}


async def test_what_no_device_answers_expires_and_a_late_answer_still_counts(fleet: Any, obedient: Any) -> None:
    device = await obedient()
    device.deaf = True
    _, placed = await order(fleet, device, name="restart", expires_s=10)
    await eventually(lambda: device.heard)
    fleet.running.service.clock._shift = timedelta(minutes=2)
    await outcome(fleet, placed["order_id"], "expired")
    await device.say(device.heard[0].cmd_id, "finished")
    await outcome(fleet, placed["order_id"], "finished")


async def test_another_devices_answer_and_one_to_an_alert_change_nothing(fleet: Any, obedient: Any) -> None:
    device, other = await obedient(), await obedient()
    device.deaf = True
    _, placed = await order(fleet, device, name="restart")
    await eventually(lambda: device.heard)
    await other.say(device.heard[0].cmd_id, "finished")
    for ref in ("ntc-1.1", "cmd-unknown", "anything"):
        await other.say(ref, "finished")

    async def stored() -> bool:
        return len(await fleet.events.bodies("ACK", f"dev.up.{other.device.id}.ack")) == 4

    await eventually(stored)
    await fleet.events.handled(DEVICE_ACK, "fleet")
    _, answer, _ = await fleet.call("GET", f"/commands/{placed['order_id']}")
    assert answer["counts"]["sent"] == 1
    assert not await fleet.events.dead("fleet")


async def test_only_a_technician_of_every_device_gives_orders_and_a_key_gives_one(fleet: Any, obedient: Any) -> None:
    here, there = await obedient(), await obedient(unit_id="u-2")
    assert (await order(fleet, here, caller=REPORTER, name="restart"))[0] == 403
    status, answer = await order(fleet, here, there, caller=ELSEWHERE, name="restart")
    assert (status, answer["code"]) == (422, "fleet.no-such-device")
    for body, code in (
        ({"name": "explode"}, "fleet.unknown-command"),
        ({"name": "volume", "args": {"percent": 200}}, "fleet.command-arguments"),
        ({"name": "restart", "filter": {}}, "fleet.devices-or-filter"),
    ):
        status, answer = await order(fleet, here, **body)
        assert (status, answer["code"]) == (422, code)
    status, answer = await order(fleet, name="restart", filter={"q": "không có loa nào tên này"})
    assert (status, answer["code"]) == (422, "fleet.no-devices")
    assert answer["title"]
    key = secrets.token_hex(8)
    first, again = [await order(fleet, name="diagnose", filter={"unit_id": "u-1"}, key=key) for _ in range(2)]
    assert first == again
    assert await fleet.running.service.db["commands"].count({"order_id": first[1]["order_id"]}) == 1
    assert (await fleet.call("GET", f"/commands/{first[1]['order_id']}", ELSEWHERE))[0] == 404
    assert (await fleet.call("GET", f"/commands/{first[1]['order_id']}", REPORTER))[0] == 200


# -- files ----------------------------------------------------------------------------------------------------------


def png(width: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, 48), (10, 90, 160)).save(out, "PNG")
    return out.getvalue() + b"<script>what hides behind a picture</script>"


async def address(fleet: Any, device: Obedient, name: str) -> tuple[str, str]:
    """Path and query of where a command asks its device to put something, and the command's id."""
    device.deaf = True
    await order(fleet, device, name=name)
    await eventually(lambda: device.heard)
    command = device.heard.pop()
    device.heard.clear()
    parts = urlsplit(str(command.args["upload_url"]))
    assert parts.netloc == "gateway.test"
    return f"{parts.path}?{parts.query}", command.cmd_id


async def put(fleet: Any, path: str, data: Any) -> tuple[int, Any]:
    status, answer, _ = await fleet.call("PUT", path, GATEWAY, data=data, headers={"content-type": "image/png"})
    return status, answer


async def test_a_screenshot_comes_once_is_drawn_anew_and_shown_to_staff_of_the_unit(fleet: Any, obedient: Any) -> None:
    path, cmd_id = await address(fleet, await obedient(), "screenshot")
    status, answer = await put(fleet, path, b"GIF89a no picture of ours")
    assert (status, answer["code"]) == (422, "fleet.upload-refused")
    assert (await put(fleet, path, io.BytesIO(b"x" * (5 * 1024 * 1024 + 1))))[0] == 413
    assert await put(fleet, path, png()) == (204, b"")
    assert await put(fleet, path, png()) == (204, b"")
    status, answer = await put(fleet, path, png(65))
    assert (status, answer["code"]) == (409, "fleet.upload-done")
    status, body, headers = await fleet.call("GET", f"/commands/uploads/{cmd_id}", REPORTER)
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(body)).size == (64, 48)
    assert b"script" not in body
    assert (await fleet.call("GET", f"/commands/uploads/{cmd_id}", ELSEWHERE))[0] == 404
    assert (await fleet.call("GET", "/commands/uploads/cmd-none", REPORTER))[0] == 404


async def test_a_log_is_given_as_it_came_to_be_saved_and_not_opened(fleet: Any, obedient: Any) -> None:
    path, cmd_id = await address(fleet, await obedient(), "log_upload")
    log = gzip.compress(b"mot dong\n" * 1000)
    assert (await put(fleet, path, b"\x00\x01\x02"))[0] == 422
    assert (await put(fleet, path, log))[0] == 204
    _, body, headers = await fleet.call("GET", f"/commands/uploads/{cmd_id}", REPORTER)
    assert body == log
    assert headers["content-disposition"] == f'attachment; filename="{cmd_id}.log.gz"'


async def test_an_address_that_was_changed_or_is_old_takes_nothing(fleet: Any, obedient: Any) -> None:
    path, cmd_id = await address(fleet, await obedient(), "screenshot")
    for bad in (path.replace(cmd_id, "cmd-other"), path[:-4] + "AAAA", path.split("?")[0]):
        status, answer = await put(fleet, bad, png())
        assert (status, answer["code"]) == (403, "fleet.upload-address")
    fleet.running.service.clock._shift = timedelta(minutes=8)
    assert (await put(fleet, path, png()))[0] == 403


async def test_very_many_devices_are_told_at_once_and_their_answers_all_kept(fleet: Any) -> None:
    """Devices that are documents only; what they would answer is put into the stream."""
    await fleet.unit("u-1")
    template = await fleet.claimed("u-1")
    document = await fleet.documents.find_one({"_id": template.id})
    ids = [f"d-many-{number}" for number in range(MANY - 1)]
    await fleet.documents.insert_many([{**document, "_id": one, "claim_code": one} for one in ids])
    await fleet.unit("u-1", ver=2)  # Everything is read again.
    heard: list[str] = []

    async def hear(message: Any) -> None:
        command = json.loads(json.loads(message.data)["p"])
        heard.append(command["aud"])
        ack = Ack(
            local_id=command["cmd_id"], ref=command["cmd_id"], stage="finished", at=fleet.events.clock.now()
        )  # fmt: skip
        await fleet.platform.publish(f"dev.up.{command['aud']}.ack", ack.model_dump_json().encode())

    await fleet.platform.subscribe("dev.dn.*.cmd", cb=hear)
    await fleet.platform.flush()

    async def known() -> bool:
        _, answer, _ = await fleet.call("GET", "/map")
        return bool(answer["total"] == MANY)

    await eventually(known, every=0.3)
    status, placed = await order(fleet, name="diagnose", filter={"unit_id": "u-1"})
    assert (status, placed["devices"]) == (202, MANY)
    await outcome(fleet, placed["order_id"], "finished", MANY)
    assert set(heard) == {*ids, template.id}
    await fleet.documents.delete_many({})
    await fleet.running.service.db["commands"].delete_many({})
