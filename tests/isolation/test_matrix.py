"""Device A reads and writes nothing of B's, nor of the platform's, over any protocol: each attempt with real clients.

The attempts come from the rights table itself (``attacks.py``). The counted table is ``build/isolation/matrix.md``.
"""

from dataclasses import replace
from functools import partial

import pytest
from attacks import filled
from matrix import Cell, attempts_of, run, survey, table, try_all, write
from probes import END, MosquittoProbe, aiomqtt_probe, nats_probe
from yard import Yard, barrier, yard

from lantoa_fleet.domain.rights import Rights

pytestmark = [
    # nats-py leaves the socket of a refused or kicked client to the garbage collector ...
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ... and passes aiohttp a timeout in its old form.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CLIENTS = ("NATS nats-py", "WebSocket nats-py", "MQTT aiomqtt", "MQTT mosquitto")


@pytest.fixture(scope="module")
def cells(nats_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("yard")

    async def all_of_it() -> list[Cell]:
        async with yard(nats_server, folder) as made:
            return await survey(made)

    found = run(all_of_it())
    write("matrix", "# What a device cannot do: attempts refused, of attempts made\n\n" + table(found))
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_a_device_reads_and_writes_nothing_but_its_own(cells, client):
    own = [cell for cell in cells if cell.client == client]
    assert len(own) > 150
    assert [cell for cell in own if cell.fault] == []


async def test_every_right_names_the_device_or_a_scope_that_it_hears(nats_server, tmp_path):
    """Else the matrix could not tell whose it is."""
    async with yard(nats_server, tmp_path) as made:
        for place in (made.own.place, *made.others):
            for mqtt in (False, True):
                rights = place.rights(mqtt=mqtt)
                assert [subject for subject in (*rights.publish, *rights.subscribe) if not place.owns(subject)] == []
                assert not any("*" in subject for subject in (*rights.publish, *rights.subscribe))
                assert not any(subject.startswith(("$SYS", "$MQTT", "$KV")) for subject in rights.subscribe)
        attempted = {attempt.subject for attempt in attempts_of(made)}
        for place in made.others:
            foreign = [subject for subject in place.rights(mqtt=False).publish if not made.own.place.owns(subject)]
            assert {filled(subject) for subject in foreign} <= attempted


async def _own_rights_work(made: Yard, probe, rights: Rights) -> None:
    told = {filled(subject): f"own {number} {probe.name}".encode() for number, subject in enumerate(rights.publish)}
    assert await probe.publish(list(told.items())) == set()
    await made.settle()
    assert [subject for subject, body in told.items() if not made.arrived(body)] == []

    async def speak() -> None:
        for subject in rights.subscribe:
            await made.outside.client.publish(filled(subject), f"for {subject}".encode())
        await made.outside.client.publish(f"dev.dn.{made.own.id}.cmd", END)
        await barrier(made.outside.client)

    heard = await probe.hear([subject for subject in rights.subscribe if not subject.endswith(".cmd")], speak)
    assert heard.refused == set()
    assert {f"for {subject}".encode() for subject in rights.subscribe if not subject.endswith(".cmd")} <= heard.bodies


async def test_what_is_its_own_works_over_every_protocol(nats_server, tmp_path):
    """The control: a server that refuses everything would pass the matrix."""
    async with yard(nats_server, tmp_path) as made:
        keyed, mqtt = (made.own.place.rights(mqtt=mqtt) for mqtt in (False, True))
        for websocket in (False, True):
            async with nats_probe(made, websocket=websocket) as probe:
                await _own_rights_work(made, probe, keyed)
        async with aiomqtt_probe(made) as probe:
            await _own_rights_work(made, probe, mqtt)
        await _own_rights_work(made, MosquittoProbe(made), mqtt)


def _with(verb: str, right: str, rights: Rights) -> Rights:
    return replace(rights, **{verb: (*getattr(rights, verb), right)})


async def _over_nats(made: Yard) -> list[Cell]:
    async with nats_probe(made, websocket=False) as probe:
        return await try_all(made, probe, attempts_of(made))


async def _over_mqtt(made: Yard) -> list[Cell]:
    async with aiomqtt_probe(made) as probe:
        return await try_all(made, probe, attempts_of(made))


PLANTED = [
    ("publish", "dev.up.*.aired", "dev.up.{far}.aired"),
    ("publish", "dev.up.>", "dev.up.{near}.hb"),
    ("publish", "dev.dn.*.desired", "dev.dn.{far}.desired"),
    ("publish", "dev.bc.>", "dev.bc.all.alert"),
    ("publish", "$JS.API.DIRECT.GET.KV_desired.$KV.desired.*", "$JS.API.DIRECT.GET.KV_desired.$KV.desired.{far}"),
    ("publish", "$KV.>", "$KV.desired.{own}"),
    ("publish", "$MQTT.sub.>", "$MQTT.sub.x"),
    ("subscribe", "dev.dn.*.desired", "dev.dn.{far}.desired"),
    ("subscribe", "dev.bc.unit.>", "dev.bc.unit.u-2.>"),
    ("subscribe", "$MQTT.sub.>", "$MQTT.sub.*"),
    ("subscribe", "$JS.>", "$JS.API.>"),
    ("subscribe", ">", ">"),
]


@pytest.mark.parametrize(("verb", "right", "subject"), PLANTED)
async def test_a_right_that_is_too_wide_is_found(nats_server, tmp_path, verb, right, subject):
    """Every check can fail: with one fault planted in what the callout grants, the matrix names it."""
    async with yard(nats_server, tmp_path, partial(_with, verb, right)) as made:
        planted = subject.format(own=made.own.id, far=made.far.id, near=made.near.id)
        cells = await _over_nats(made) + await _over_mqtt(made)
        found = {(cell.attempt.verb, cell.attempt.subject) for cell in cells if cell.fault}
        assert (verb, planted) in found
        assert ("publish", f"dev.rpc.{made.far.id}.snapshot") not in found
