"""What people did is written down once, in order, where it belongs; and whoever tampers with it is found out."""

import asyncio
import json
import secrets

import pytest
from people_world import OPERATOR
from typer.testing import CliRunner

from lantoa_cli.main import app
from lantoa_contracts.catalogue import (
    ACCOUNT_CREATED,
    AUDIT_SEALED,
    DEVICE_ONLINE,
    EVERY_EVENT,
    ITEM_WITHDRAWN,
)
from lantoa_contracts.envelope import Act, Envelope
from lantoa_contracts.examples import EXAMPLES
from lantoa_directory.main import INDEXES, build
from lantoa_directory.settings import DirectorySettings
from lantoa_directory.telemetry import AUDIT_SEAL_AGE
from lantoa_runtime.clock import Clock
from lantoa_testing import eventually

ACTOR = "p-tam"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def said(events, spec, event, act, event_id=None):
    """An event as its owner publishes it, done by somebody."""
    event_id = event_id or f"{secrets.token_hex(6)}:1"
    envelope = Envelope(event_id, spec.type, f"lantoa/{spec.owner}", Clock().now(), PARENT, act)
    headers = {name: text for name, text in envelope.headers().items() if name != "Nats-Msg-Id"}
    await events.client.jetstream().publish(spec.subject, event.model_dump_json().encode(), headers=headers)
    return event_id


def withdrawn(unit_id):
    return EXAMPLES["content.item.withdrawn.v1"].model_copy(update={"unit_id": unit_id})


async def entries(town, **where):
    return await town.running.service.db["audit"].find(where, sort=[("seq", 1)])


@pytest.fixture
async def town(open_town, events):
    """The town with an empty book: what is told of its loading is read before anything else happens."""
    made = await open_town()
    db = made.running.service.db

    async def all_told():
        return not sum([await db[name].count({"ob_at": {"$exists": True}}) for name in ("units", "people")])

    await eventually(all_told)
    await events.handled(EVERY_EVENT, "directory")
    for name in ("audit", "audit_chains"):
        await db[name].delete_many({})
    return made


@pytest.fixture
async def grown(town, events):
    """A chain of eight entries, sealed after the fifth and the eighth."""
    for number in range(8):
        await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR, "10.0.0.7", "", f"{number}" * 64))
        if number == 4:
            await eventually(lambda: _length(town, "u-2", 5))
            await sealed(town)
    await eventually(lambda: _length(town, "u-2", 8))
    await sealed(town)
    return town


async def _length(town, chain, length):
    return len(await entries(town, chain=chain)) == length


async def sealed(town):
    """Let the directory's own job make the next seal."""
    state = town.running.service.app.state
    assert await state.seals.seal(await state.seals.last(), await state.audit.moved(300))


async def test_an_act_is_an_entry_in_its_units_chain_with_who_where_and_what_it_made(town, events):
    tam = await town.caller("tam", origin="203.0.113.9")
    body = {"login": secrets.token_hex(4), "name": "Huỳnh Mai", "body_id": "b-1"}
    status, mai = await town.call(tam, "POST", "/people", body)
    assert status == 201
    assert (await town.grant(tam, mai["id"], "author", "u-1"))[0] == 201
    assert (await town.call(tam, "POST", f"/people/{mai['id']}/lock", {"reason": "Thử"}))[0] == 200

    async def three():
        found = await entries(town, object=mai["id"])
        return found if len(found) == 3 else None

    made, granted, locked = sorted(await eventually(three), key=lambda entry: entry["at"])
    assert [entry["action"].rpartition(".")[2] for entry in (made, granted, locked)] == ["created", "granted", "locked"]
    assert [entry["chain"] for entry in (made, granted, locked)] == ["b-1", "u-1", "b-1"]
    assert {(entry["actor"], entry["origin"]) for entry in (made, granted, locked)} == {("p-tam", "203.0.113.9")}
    # Each begins where the one before ended, as it was read back from the database.
    assert made["before"] == ""
    assert (granted["before"], locked["before"]) == (made["after"], granted["after"])
    assert len({made["after"], granted["after"], locked["after"]}) == 3


async def test_what_nobody_did_is_no_entry_and_what_came_twice_is_one(town, events):
    online = EXAMPLES["fleet.device.online.v1"]
    await said(events, DEVICE_ONLINE, online, None)
    twice = await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR))
    await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR), twice)
    nowhere = await said(events, ITEM_WITHDRAWN, EXAMPLES["content.item.withdrawn.v1"], Act("p-cuc"))
    await eventually(lambda: _length(town, "u-2", 1))
    await events.handled(EVERY_EVENT, "directory")
    assert await entries(town, action="fleet.device.online") == []
    (entry,) = await entries(town, chain="u-2")
    assert (entry["object"], entry["trace_id"]) == (twice.partition(":")[0], PARENT.split("-")[1])
    (other,) = await entries(town, object=nowhere.partition(":")[0])
    assert other["chain"] == EXAMPLES["content.item.withdrawn.v1"].unit_id


async def test_an_entry_whose_writer_died_before_its_chain_had_grown_is_sealed_when_the_event_comes_again(town, events):
    told = await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR))
    await eventually(lambda: _length(town, "u-2", 1))
    await events.handled(EVERY_EVENT, "directory")
    await town.running.service.db["audit_chains"].delete_many({})
    await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR), told)
    await events.handled(EVERY_EVENT, "directory")
    assert [(head.chain, head.seq) for head in await town.running.service.app.state.audit.moved(300)] == [("u-2", 1)]


async def test_an_event_without_a_unit_stands_with_its_persons_body_or_the_platform(town, events):
    created = EXAMPLES["directory.account.created.v1"].model_copy(update={"unit_id": None})
    first = await said(events, ACCOUNT_CREATED, created, Act("p-lan"))
    second = await said(events, ACCOUNT_CREATED, created, Act("operator"))

    async def both():
        found = {entry["event"]: entry["chain"] for entry in await entries(town)}
        names = [f"{ACCOUNT_CREATED.type}:{event_id}" for event_id in (first, second)]
        return [found[name] for name in names] if all(name in found for name in names) else None

    assert await eventually(both) == ["b-1", "platform"]


async def test_two_processes_write_one_chain(town, events, start_service, nats_server):
    options = {"directory_audit_key_file": nats_server.ring.audit_file}
    await start_service("directory", DirectorySettings, build, INDEXES, **options)
    for _ in range(40):
        await said(events, ITEM_WITHDRAWN, withdrawn("u-2"), Act(ACTOR))
    await eventually(lambda: _length(town, "u-2", 40))
    assert [entry["seq"] for entry in await entries(town, chain="u-2")] == list(range(1, 41))
    assert await verified(await exported(town), nats_server) == []


async def test_two_at_once_share_a_chain_without_a_fork(town):
    audit = town.running.service.app.state.audit
    tam, at = await town.caller("tam"), Clock().now()
    await asyncio.gather(*(audit.note(tam, "directory.audit.exported", str(n), at) for n in range(12)))
    assert [entry["seq"] for entry in await entries(town, chain="b-1")] == list(range(1, 13))


async def exported(town, who=OPERATOR):
    status, text = await town.lines(who, "/audit/export")
    assert status == 200
    return text


async def verified(text, nats_server, *more, code=0):
    """What `lantoa audit verify --file` says of an export."""
    folder = nats_server.ring.folder
    file = folder / f"{secrets.token_hex(4)}.jsonl"
    file.write_bytes(text)
    arguments = ["audit", "verify", "--file", str(file), "--key", str(nats_server.ring.audit_public_file), *more]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == code, done.output
    return done.stdout.splitlines()


async def stream_seals(town, events, nats_server):
    """The stream's copies of this town's two seals, in a file."""
    file = nats_server.ring.folder / f"{secrets.token_hex(4)}.seals"
    ours = [seal["seal"]["p"] for seal in await town.running.service.db["seals"].find({}, sort=[("number", 1)])]

    async def both():
        found = {event.seal.p: event.seal for event in await events.all(AUDIT_SEALED)}
        return [found[text] for text in ours] if all(text in found for text in ours) else None

    file.write_text("".join(f"{seal.model_dump_json()}\n" for seal in await eventually(both)))
    return file


async def _flip(audit, seals):
    await audit.update_one({"chain": "u-2", "seq": 3}, {"$set": {"actor": "p-else"}})


async def _delete(audit, seals):
    await audit.delete_one({"chain": "u-2", "seq": 4})


async def _truncate(audit, seals):
    await audit.delete_many({"chain": "u-2", "seq": {"$gt": 6}})


async def _reorder(audit, seals):
    for seq, place in ((2, 99), (5, 2), (99, 5)):
        await audit.update_one({"chain": "u-2", "seq": seq}, {"$set": {"seq": place}})


async def _replay(audit, seals):
    """The newest entries are gone, and so is the newest seal: what is left fits together."""
    await audit.delete_many({"chain": "u-2", "seq": {"$gt": 5}})
    await seals.delete_one({"number": 2})


TAMPERINGS = (
    (_flip, ["u-2 3 flipped"]),
    (_delete, ["u-2 4 deleted"]),
    (_truncate, ["u-2 7 truncated"]),
    (_reorder, ["u-2 2 reordered", "u-2 5 reordered"]),
    (_replay, ["seals 2 replayed", "u-2 6 truncated"]),
)


async def test_tampering_in_the_database_is_located_and_telling_everything_again_changes_nothing(
    grown, events, nats_server
):
    audit, seals = grown.running.service.db["audit"], grown.running.service.db["seals"]
    before, newest = await entries(grown), await seals.find_one({"number": 2})
    assert (await grown.running.call("POST", "/replay", OPERATOR))[0] == 200
    await events.handled(EVERY_EVENT, "directory")
    assert await entries(grown) == before
    copies = await stream_seals(grown, events, nats_server)
    assert await verified(await exported(grown), nats_server, "--seals", str(copies)) == []
    for tamper, told in TAMPERINGS:
        await tamper(audit, seals)
        assert await verified(await exported(grown), nats_server, "--seals", str(copies), code=1) == told
        await audit.delete_many({"chain": "u-2"})
        await audit.insert_many([entry for entry in before if entry["chain"] == "u-2"])
        if await seals.find_one({"number": 2}) is None:
            await seals.insert_one(newest)
    assert await verified(await exported(grown), nats_server, "--seals", str(copies)) == []


async def test_auditors_read_and_check_their_units_and_nobody_writes(grown, nats_server):
    kiem, lan = await grown.caller("kiem"), await grown.caller("lan")
    status, page = await grown.call(kiem, "GET", "/audit?unit_id=u-2&limit=5")
    assert (status, len(page["items"])) == (200, 5)
    assert page["items"][0]["actor_name"] == "Lê Minh Tâm"
    assert page["items"][0]["chain_name"] == "Xã Cầu Kè"
    _, rest = await grown.call(kiem, "GET", f"/audit?unit_id=u-2&limit=5&cursor={page['next']}")
    shown = page["items"] + rest["items"]
    assert sorted(entry["seq"] for entry in shown) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [entry["at"] for entry in shown] == sorted((entry["at"] for entry in shown), reverse=True)
    since = shown[1]["at"].replace("+", "%2B")
    for more, kept in ((f"&since={since}", shown[0]["at"] >= shown[1]["at"]), (f"&until={since}", False)):
        _, late = await grown.call(kiem, "GET", f"/audit?unit_id=u-2&action=content.{more}")
        assert (shown[0]["seq"] in [entry["seq"] for entry in late["items"]]) is kept
    assert (await grown.call(kiem, "GET", "/audit?action=fleet.&unit_id=u-2"))[1]["items"] == []
    _, heads = await grown.call(kiem, "GET", "/audit/chains")
    assert {head["chain"]: (head["seq"], head["sealed_seq"]) for head in heads["items"]}["u-2"] == (8, 8)
    status, text = await grown.lines(kiem, "/audit/chains/u-2/export")
    assert [json.loads(line)["seq"] for line in text.splitlines()] == list(range(1, 9))
    # Whoever took it away stands in it.
    assert (await entries(grown, action="directory.audit.exported"))[-1]["actor"] == "p-kiem"

    assert (await grown.call(lan, "GET", "/audit"))[0] == 403
    assert (await grown.grant(await grown.caller("vinh"), "p-lan", "auditor", "u-1"))[0] == 201
    lan = await grown.caller("lan")
    assert {entry["chain"] for entry in (await grown.call(lan, "GET", "/audit"))[1]["items"]} <= {"u-1", "b-1"}
    assert (await grown.call(lan, "GET", "/audit?unit_id=u-2"))[0] == 404
    assert (await grown.call(lan, "GET", "/audit/chains/u-2/export"))[0] == 404
    assert await verified(await exported(grown, lan), nats_server) == []
    methods = {
        method
        for path, item in grown.running.service.app.openapi()["paths"].items()
        if "/audit" in path
        for method in item
    }
    assert methods == {"get"}


async def test_seals_are_made_at_their_interval_and_their_age_is_measured(open_town, events):
    town = await open_town(directory_seal_seconds=0.2)

    async def numbers():
        found = await town.running.service.db["seals"].find({}, sort=[("number", 1)])
        return [seal["number"] for seal in found] if len(found) >= 3 else None

    found = await eventually(numbers)
    assert found == list(range(1, len(found) + 1))
    await eventually(lambda: AUDIT_SEAL_AGE._value.get() == 0.0)


async def test_what_is_no_export_is_refused_with_its_line(nats_server):
    seen = await asyncio.to_thread(_refused, nats_server, b'{"scope": "*"}\n{"chain": 1}\n')
    assert seen.startswith("Dòng 2 ")


def _refused(nats_server, text):
    file = nats_server.ring.folder / "bad.jsonl"
    file.write_bytes(text)
    key = str(nats_server.ring.audit_public_file)
    done = CliRunner().invoke(app, ["audit", "verify", "--file", str(file), "--key", key])
    assert done.exit_code == 1
    return done.stderr
