"""`lantoa topology`: streams, buckets and durables on a NATS server, made and compared by the one provisioner."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import nats
import typer
from nats.js import JetStreamContext

from lantoa_cli.errors import fail
from lantoa_runtime.topology import apply as engine
from lantoa_runtime.topology.conf import NatsPlan, PlainRefused, Tls, nats_conf
from lantoa_runtime.topology.keys import KeyRing, ensure_keys

T = TypeVar("T")
topology = typer.Typer(no_args_is_help=True, help="Streams, buckets, durables and rights, from the contracts.")

Url = Annotated[str, typer.Option("--nats-url", envvar="LANTOA_NATS_URL")]
Keys = Annotated[Path, typer.Option("--keys", envvar="LANTOA_KEYS_FOLDER", help="Folder of the installation's keys.")]
Replicas = Annotated[int, typer.Option("--replicas", envvar="LANTOA_STREAM_REPLICAS", help="3 in production.")]
AckWait = Annotated[float, typer.Option("--ack-wait", envvar="LANTOA_ACK_WAIT_SECONDS")]
_URL = "nats://127.0.0.1:18222"
_KEYS = Path("data/keys")
_HOST = "127.0.0.1"
ACK_WAIT_SECONDS = 15.0


async def _with_server(url: str, ring: KeyRing, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    client = await nats.connect(
        url,
        nkeys_seed_str=ring.seed_file("topology").read_text(),
        inbox_prefix=b"_INBOX_topology",
        max_reconnect_attempts=3,
        connect_timeout=2,
    )
    try:
        return await work(client.jetstream())
    finally:
        await client.close()


async def provision(url: str, ring: KeyRing, replicas: int, ack_wait: float) -> list[engine.Difference]:
    """Make the server fit the contracts; what was changed."""
    return await _with_server(url, ring, lambda js: engine.apply(js, replicas, ack_wait))


@topology.command()
def apply(url: Url = _URL, keys: Keys = _KEYS, replicas: Replicas = 1, ack_wait: AckWait = ACK_WAIT_SECONDS) -> None:
    """Create and update; never delete."""
    try:
        changed = asyncio.run(provision(url, KeyRing(keys), replicas, ack_wait))
    except engine.TopologyRefused as error:
        raise fail(str(error)) from error
    for difference in changed:
        typer.echo(str(difference))


@topology.command()
def diff(url: Url = _URL, keys: Keys = _KEYS, replicas: Replicas = 1, ack_wait: AckWait = ACK_WAIT_SECONDS) -> None:
    """What differs; exit 1 when anything does."""
    found = asyncio.run(_with_server(url, KeyRing(keys), lambda js: engine.diff(js, replicas, ack_wait)))
    for difference in found:
        typer.echo(str(difference))
    if found:
        raise typer.Exit(1)


@topology.command()
def conf(
    store: Annotated[Path, typer.Option(help="JetStream's folder on the server.")],
    keys: Keys = _KEYS,
    host: Annotated[str, typer.Option(help="What the server binds; beyond loopback with a certificate.")] = _HOST,
    cert: Annotated[Path | None, typer.Option(help="The server's certificate with its chain.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key.")] = None,
) -> None:
    """Print a nats.conf with the accounts and rights of the contracts; makes keys that are missing."""
    tls = Tls(cert, key) if cert and key else None
    try:
        plan = NatsPlan(store=store, port=4222, monitor_port=8222, mqtt_port=1883, host=host, tls=tls)
    except PlainRefused as error:
        raise fail(str(error)) from error
    typer.echo(nats_conf(ensure_keys(keys), plan))
