"""The callout on its own: without the database, and face to face with a forged server."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nkeys
import pytest
from nacl.public import Box, PrivateKey, PublicKey

from lantoa_cli.servers import EmbeddedDatabase, answers, free_port
from lantoa_fleet.adapters.system import connect_system, server_ids
from lantoa_fleet.callout.registry import Registry
from lantoa_fleet.callout.responder import Responder, Servers
from lantoa_fleet.callout.wire import Issuer, Sealer, Unreadable, read_jwt
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import connect
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing import nkey
from lantoa_signing.documents import b64
from lantoa_testing import ServerProcess
from lantoa_testing.plugin import nats_like
from lantoa_testing.servers import NatsServer

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PREFIX = "own_"


@pytest.fixture(scope="module")
def nats_server(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """On the other modules' server their callout answers, which knows another database."""
    with nats_like(provisioned, tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def own_mongo(tmp_path: Path) -> AsyncIterator[tuple[ServerProcess, str]]:
    """A database that the test may kill."""
    database = EmbeddedDatabase(tmp_path / "db", free_port())
    server = ServerProcess("secantusd-py", database.command(), lambda: answers(database.port), tmp_path / "db.log")
    server.start()
    yield server, database.url
    server.stop()


def _row(device: Any, state: str) -> dict[str, Any]:
    place = {"path": ["u-1"], "rights_at": Clock().now()}
    return {"_id": device.id, "public_key": device.public, "state": state, **place}


async def test_a_callout_started_with_the_database_dead_serves_from_its_file(
    own_mongo: tuple[ServerProcess, str], make_callout: Any, field_device: Any
) -> None:
    mongo, url = own_mongo
    known, revoked, later = field_device(), field_device(), field_device()
    database = connect(RuntimeSettings(mongo_url=url, mongo_database_prefix=PREFIX), "fleet")
    await database["devices"].insert_one(_row(known, "accepted"))
    await database["devices"].insert_one(_row(revoked, "revoked"))
    callout = make_callout(url, PREFIX)
    callout.start()
    try:
        await (await known.connect()).close()
        mongo.kill()
        callout.restart()
        client = await known.connect()
        assert await revoked.try_connect() is None
        assert await later.try_connect() is None
        mongo.start()
        await database["devices"].insert_one(_row(later, "accepted"))
        await (await later.connect()).close()
        await client.close()
    finally:
        callout.stop()
        await database.close()


class _Server:
    """Somebody who speaks like a nats-server: right form, keys of his own."""

    def __init__(self, callout_curve: str) -> None:
        self._pair = nkeys.from_seed(nkey.new_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_SERVER).encode())
        self._curve = PrivateKey.generate()
        self._to = PublicKey(nkey.raw_public(callout_curve))
        self.id = bytes(self._pair.public_key).decode()
        self.xkey = nkey.curve_public(bytes(self._curve))

    def jwt(self, claims: dict[str, Any]) -> bytes:
        signed = ".".join(b64(json.dumps(part).encode()) for part in ({"typ": "JWT"}, claims))
        return f"{signed}.{b64(bytes(self._pair.sign(signed.encode())))}".encode()

    def request(self, device: Any, **changes: Any) -> tuple[bytes, dict[str, str]]:
        pair = nkeys.from_seed(device.seed.encode())
        nats = {
            "server_id": {"id": self.id, "xkey": self.xkey},
            "user_nkey": nkey.public_of(nkey.new_seed(secrets.token_bytes(32))),
            "client_info": {"type": "nats", "nonce": "n"},
            "connect_opts": {"nkey": device.public, "sig": b64(bytes(pair.sign(b"n")))},
        }
        text = self.jwt({"iss": changes.get("iss", self.id), "nats": nats})
        return b"xkv1" + bytes(Box(self._curve, self._to).encrypt(text)), {"Nats-Server-Xkey": self.xkey}

    def opened(self, answer: bytes) -> dict[str, Any]:
        text = Box(self._curve, self._to).decrypt(answer[28:], answer[4:28])
        return dict(read_jwt(text)["nats"])


class _KnowsAll:
    loaded = True

    def __init__(self, device: Any) -> None:
        from lantoa_fleet.callout.decision import Entry

        self._entry = Entry(device.id, device.public, True, ("u-1",))

    def by_id(self, _: str) -> Any:
        return self._entry

    def by_key(self, _: str) -> Any:
        return self._entry


@pytest.fixture
async def responder(nats_server: NatsServer, field_device: Any) -> AsyncIterator[tuple[Responder, Servers, Any]]:
    """A responder that would let one device in, and knows the servers of the real system account."""
    ring, device = nats_server.ring, field_device()
    servers = Servers(nats_server.url, ring.seed_file("sys").read_text().strip())
    await servers.connect()
    registry: Any = _KnowsAll(device)
    issuer, sealer = Issuer(ring.issuer_file.read_text().strip()), Sealer(ring.curve_file.read_bytes())
    yield Responder(nats_server.url, "", registry, servers, issuer, sealer), servers, device
    await servers.close()


async def test_a_request_signed_by_no_known_server_is_refused_however_well_formed(
    responder: tuple[Responder, Servers, Any], nats_server: NatsServer
) -> None:
    callout, servers, device = responder
    forger = _Server(nats_server.ring.curve_public)
    answer = forger.opened(await callout.answer(*forger.request(device)))
    assert (answer["error"], "jwt" in answer) == ("unknown server", False)
    system = await connect_system(nats_server.url, nats_server.ring.seed_file("sys").read_text().strip(), "test")
    real = await server_ids(system)
    assert [await servers.vouch_for(server_id) for server_id in real] == [True]
    with pytest.raises(Unreadable):
        await callout.answer(*forger.request(device, iss=real.pop()))
    servers._known.add(forger.id)  # The same request counts once its server does: nothing else was wrong with it.
    assert "jwt" in forger.opened(await callout.answer(*forger.request(device)))
    await system.close()


async def test_what_is_not_encrypted_or_altered_is_not_answered(
    responder: tuple[Responder, Servers, Any], nats_server: NatsServer
) -> None:
    callout, _, device = responder
    forger = _Server(nats_server.ring.curve_public)
    data, headers = forger.request(device)
    for wrong, sent in ((data, {}), (b"plain", headers), (data[:-1] + b"x", headers), (data[:40], headers)):
        with pytest.raises(Unreadable):
            await callout.answer(wrong, sent)


async def test_an_unusable_snapshot_file_is_no_registry(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    file.write_text('{"devices": [{"device_id": 1}]}')
    database = connect(RuntimeSettings(mongo_url="mongodb://127.0.0.1:1"), "fleet")
    registry = Registry(database["devices"], file, Clock(), 300)
    registry.load_file()
    assert not registry.loaded
    await database.close()
