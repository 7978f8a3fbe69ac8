import asyncio
import json
import os
import signal
import sys

import aiohttp
import pytest

from lantoa_cli.servers import answers, free_port
from lantoa_gateway.settings import GatewaySettings
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing.processes import ServerProcess


@pytest.fixture
async def process(nats_server, crude_server, tmp_path):
    """The gateway as it is run, in front of a fleet whose answer never ends."""
    endless = await crude_server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n", stay=True)
    ring, port = nats_server.ring, free_port()
    env = {
        **os.environ,
        "LANTOA_HTTP_PORT": str(port),
        "LANTOA_DRAIN_SECONDS": "1",
        "LANTOA_MEDIA_URL": f"file://{tmp_path}/media",
        "LANTOA_MONGO_URL": "mongodb://127.0.0.1:1/?directConnection=true",
        "LANTOA_NATS_URL": "nats://127.0.0.1:1",
        "LANTOA_GATEWAY_UPSTREAMS": json.dumps({"fleet": endless}),
        "LANTOA_GATEWAY_KEY_FILE": str(ring.gateway_file),
        "LANTOA_GATEWAY_DEVICE_KEYS_FILE": str(ring.key_set_file),
        "LANTOA_GATEWAY_ROOT_PUBLIC": b64(SigningKey(ring.root_file.read_bytes()).public),
    }
    command = [sys.executable, "-m", "lantoa_gateway.main", "serve", "--migrate"]
    server = ServerProcess("gateway", command, lambda: answers(port), tmp_path / "gateway.log", env)
    server.start()
    yield server, f"http://127.0.0.1:{port}", tmp_path / "gateway.log"
    server.kill()


async def test_it_ends_although_an_answer_never_does(process):
    server, url, log = process
    async with aiohttp.ClientSession() as session:
        answer = await session.get(f"{url}/api/v1/fleet/enrolments?secret=1")
        assert await answer.content.readany() == b"x"
        os.kill(server.pid, signal.SIGTERM)
        await asyncio.to_thread(server._process.wait, 60)
        answer.close()
    assert "secret" not in log.read_text()
    assert GatewaySettings.model_fields["drain_seconds"].default < 10
