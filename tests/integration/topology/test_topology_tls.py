"""NATS beyond loopback: the generated configuration lets nobody in without TLS, on any of its doors."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from lantoa_cli.main import app
from lantoa_cli.servers import answers, free_port
from lantoa_runtime.topology.conf import NatsPlan, Tls, nats_conf
from lantoa_runtime.topology.keys import ensure_keys
from lantoa_testing import ServerProcess

SERVER = str(Path(sys.executable).parent / "nats-server")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nats")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Tls(folder / "nats.crt", folder / "nats.key")
    files.cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.key_file.write_bytes(key.private_bytes(*pem))
    return files


@pytest.fixture
def server(certificate, tmp_path):
    """A server on all addresses, its ports and its keys."""
    ring = ensure_keys(tmp_path / "keys")
    ports = [free_port() for _ in range(4)]
    plan = NatsPlan(tmp_path / "js", *ports, host="0.0.0.0", tls=certificate)  # noqa: S104 - with TLS
    conf = tmp_path / "nats.conf"
    conf.write_text(nats_conf(ring, plan))
    checked = subprocess.run([SERVER, "-t", "-c", conf], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = ServerProcess("nats-server", [SERVER, "-c", str(conf)], lambda: answers(ports[0]), tmp_path / "nats.log")
    process.start()
    yield plan, ring
    process.stop()


async def test_only_who_speaks_tls_and_knows_the_certificate_gets_in(server, certificate):
    plan, ring = server
    seed = ring.seed_file("topology").read_text()
    context = ssl.create_default_context(cafile=str(certificate.cert_file))
    client = await nats.connect(f"tls://127.0.0.1:{plan.port}", tls=context, nkeys_seed_str=seed, connect_timeout=60)
    assert client.is_connected
    await client.close()
    with pytest.raises((ssl.SSLError, OSError, nats.errors.Error)):
        await nats.connect(
            f"tls://127.0.0.1:{plan.port}", nkeys_seed_str=seed, connect_timeout=60, allow_reconnect=False
        )
    # Who answers the server's greeting in plain text is shown out.
    reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
    assert b'"tls_required":true' in await reader.readline()
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    assert b"PONG" not in await asyncio.wait_for(reader.read(), 60)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def test_devices_doors_are_tls_too(server, certificate):
    plan, _ = server
    context = ssl.create_default_context(cafile=str(certificate.cert_file))
    for port in (plan.mqtt_port, plan.websocket_port):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
        ):
            assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


def test_the_command_refuses_what_would_be_plain(certificate, tmp_path):
    told = ("topology", "conf", "--store", str(tmp_path), "--keys", str(tmp_path / "keys"), "--host", "0.0.0.0")  # noqa: S104
    refused = CliRunner().invoke(app, told)
    assert (refused.exit_code, "needs a certificate" in refused.output) == (1, True)
    files = ("--cert", str(certificate.cert_file), "--key", str(certificate.key_file))
    written = CliRunner().invoke(app, [*told, *files])
    assert (written.exit_code, str(certificate.cert_file) in written.output) == (0, True)
