"""Poison of every kind into every consumer of the catalogue: it is dead-lettered, and the stream flows on."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from small_world import CURSED, READERS, example, specs_of, with_field, without
from typer.testing import CliRunner

from lantoa_cli import dlq
from lantoa_cli.main import app
from lantoa_contracts import catalogue
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import TIME, TYPE, Envelope
from lantoa_contracts.examples import EXAMPLES
from lantoa_runtime.clock import Clock
from lantoa_testing import eventually
from lantoa_testing.servers import NatsServer, make_nats

DEAD_AT_ONCE, DEAD_AT_THE_FIFTH = "1", "5"
PROOFS = (catalogue.DEVICE_AIRED, catalogue.DEVICE_DISPLAYED)


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A message comes again when its handler asked for it, not because a busy machine was slow to take it up."""
    server = make_nats(tmp_path_factory.mktemp("nats"), ack_wait_seconds=600.0)
    yield server
    server.stop()


async def letters(js: Any) -> list[Any]:
    """Every dead letter; each has headers."""
    return list(await dlq.letters(js))


def headers(spec: EventSpec, event_id: str, **changes: str) -> dict[str, str]:
    if spec.owner == "device":
        return {}
    # The streams remember ids for a while: none is used twice.
    made = Envelope(f"{event_id}-{secrets.token_hex(4)}", spec.type, f"lantoa/{spec.owner}", Clock().now()).headers()
    return {name: value for name, value in (made | changes).items() if value}


def broken(body: bytes) -> dict[str, bytes]:
    """Bodies that are no message of this kind."""
    first = next(iter(json.loads(body)))
    return {
        "no json": b"{not json",
        "half of it": body[: len(body) // 2],
        "a list": b"[1, 2]",
        "a missing field": without(body, first),
        "an operator in a string": with_field(body, **{first: {"$gt": ""}}),
        "nothing": b"",
        "no utf-8": body[:-1] + b',"more":"\xff\xfe"}',
        "a well without ground": b"[" * 50_000,
    }


async def poison(spec: EventSpec, publish: Any) -> dict[int, str]:
    """Publish every kind; the deliveries that each may have, by its place in the stream."""
    body, expected = example(spec), {}
    device = _sender(spec)
    for number, bad in enumerate(broken(body).values()):
        # Of what a device reports only the last is kept: one device a kind.
        sender = f"d-{number}" if spec.stream == "REPORTED" else device
        expected[await publish(spec, bad, headers(spec, f"bad-{number}"), sender)] = DEAD_AT_ONCE
    if spec.owner == "device":
        expected[await publish(spec, body, device=f"d-{CURSED}")] = DEAD_AT_THE_FIFTH
    else:
        other = f"lantoa.{spec.name}.v{spec.version + 1}"
        for wrong in ({}, headers(spec, "v2", **{TYPE: other}), headers(spec, "t", **{TIME: "soon"})):
            expected[await publish(spec, body, wrong)] = DEAD_AT_ONCE
        expected[await publish(spec, body, headers(spec, CURSED))] = DEAD_AT_THE_FIFTH
    if spec in PROOFS:
        document = EXAMPLES[f"{spec.name}.v1"]
        assert isinstance(document, SignedDocument)
        forged = document.model_copy(update={"sig": document.sig[::-1]}).model_dump_json().encode()
        expected[await publish(spec, forged, device=device)] = DEAD_AT_ONCE
        expected[await publish(spec, body, device="d-unknown")] = DEAD_AT_THE_FIFTH
    if spec in (catalogue.RUNDOWN_ISSUED, catalogue.BOARD_RUNDOWN_ISSUED):
        unknown = with_field(body, device_id="d-unknown")
        expected[await publish(spec, unknown, headers(spec, "unknown"))] = DEAD_AT_THE_FIFTH
    return expected


def _sender(spec: EventSpec) -> str:
    """The device whose proof the example is."""
    document = EXAMPLES[f"{spec.name}.v1"]
    return json.loads(document.p)["device_id"] if isinstance(document, SignedDocument) else "d-1"


async def good(spec: EventSpec, publish: Any) -> None:
    """The example itself, one from a newer producer, and one that is nearly as large as a message may be."""
    body, device = example(spec), _sender(spec)
    room = (60 if spec.owner == "device" else 250) * 1024
    for number, fine in enumerate((body, with_field(body, from_the_future=[1]), body + b" " * (room - len(body)))):
        sender = f"d-good-{number}" if spec.stream == "REPORTED" else device
        await publish(spec, fine, headers(spec, f"good-{number}"), sender)


@pytest.mark.parametrize("service", READERS)
async def test_poison_is_dead_lettered_and_what_comes_after_it_is_handled(
    service: str, start_reader: Any, curse: Any, events: Any, publish: Any
) -> None:
    await start_reader(service)
    expected: dict[tuple[str, int], str] = {}
    for spec in specs_of(service):
        for seq, deliveries in (await poison(spec, publish)).items():
            expected[spec.durable(service), seq] = deliveries
        await good(spec, publish)

    for spec in specs_of(service):
        await events.handled(spec, service)
    found = {
        (letter.headers["Lt-Durable"], int(letter.headers["Lt-Origin-Seq"])): letter
        for letter in await letters(events.js)
        if letter.headers["Lt-Durable"].startswith(f"{service}-")
    }
    assert {key: letter.headers["Lt-Deliveries"] for key, letter in found.items()} == expected
    assert all(letter.headers["Lt-Error"] and letter.headers["Lt-Origin-Subject"] for letter in found.values())
    handled = [name for name in curse.handled if name.startswith("good-")]
    own = [spec for spec in specs_of(service) if spec.owner != "device"]
    assert len(handled) >= 3 * len(own)


async def test_dead_letters_are_listed_shown_and_redriven_once_their_cause_is_mended(
    start_reader: Any, curse: Any, events: Any, publish: Any, nats_server: Any
) -> None:
    await start_reader("contest")
    spec = catalogue.UNIT_CHANGED
    for event_id in (CURSED, f"{CURSED}-too"):
        await publish(spec, example(spec), headers(spec, event_id))
    await publish(spec, b"{not json", headers(spec, "bad"))
    js = events.js

    async def three() -> bool:
        return len(await letters(js)) == 3

    await eventually(three)

    async def lantoa(*arguments: str) -> str:
        where = ["--nats-url", nats_server.url, "--keys", str(nats_server.ring.folder)]
        result = await asyncio.to_thread(CliRunner().invoke, app, ["dlq", *arguments, *where])
        assert result.exit_code == 0, result.output
        return result.output

    listed = (await lantoa("list")).splitlines()
    assert len(listed) == 3
    assert all("contest-directory-unit-changed" in line for line in listed)
    assert sum("ZeroDivisionError" in line and " x5 " in line for line in listed) == 2
    assert sum("ValidationError" in line and " x1 " in line for line in listed) == 1
    first = next(line.split()[0] for line in listed if "ZeroDivisionError" in line)
    shown = await lantoa("show", first)
    assert f"Lt-Origin-Subject: {spec.subject}" in shown
    assert example(spec).decode() in shown

    curse.lies = False
    assert (await lantoa("redrive", first)).strip() == "1 redriven"
    await eventually(lambda: len([name for name in curse.handled if CURSED in name]) == 1)
    assert (await lantoa("redrive")).strip() == "2 redriven"
    await eventually(lambda: len([name for name in curse.handled if CURSED in name]) == 2)
    await eventually(lambda: _errors(js))
    assert len((await lantoa("list")).splitlines()) == 1


async def _errors(js: Any) -> bool:
    """Only what nobody can mend is dead again."""
    return ["ValidationError" in letter.headers["Lt-Error"] for letter in await letters(js)] == [True]
