"""Keys, passwords and nats.conf of one compose installation: ``.venv/bin/python docker/prepare.py [folder]``.

What is there stays. The folder (``data/compose``) belongs to whoever the containers run as: the caller, or 10001 where
the caller is root.
"""
# ruff: noqa: INP001 - a program, not a package

import base64
import os
import secrets
import sys
from pathlib import Path

from lantoa_runtime.topology.conf import NatsPlan, nats_conf
from lantoa_runtime.topology.keys import ensure_keys

_SERVICE_USER = 10001
_FOLDERS = ("media", "callout", "nats", "mongo", "speech", "prometheus", "grafana")


def prepare(folder: Path) -> Path:
    """Make what is missing; the file of variables that compose reads."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = ensure_keys(folder / "keys")
    for name in _FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    conf = nats_conf(ring, NatsPlan(store=Path("/data"), port=4222, monitor_port=8222, mqtt_port=1883))
    # The generator writes the configuration of a server on one's own machine; in a container loopback reaches nobody.
    _write(
        folder / "nats.conf",
        conf.replace("http: 127.0.0.1:", "http: 0.0.0.0:").replace('host: "127.0.0.1"', 'host: "0.0.0.0"'),
    )
    replica_key = folder / "mongo.key"
    if not replica_key.exists():
        _write(replica_key, base64.b64encode(secrets.token_bytes(96)).decode())
    variables = folder / "compose.env"
    if not variables.exists():
        root = os.geteuid() == 0
        values = {
            "LANTOA_DATA": str(folder.resolve()),
            "LANTOA_UID": _SERVICE_USER if root else os.geteuid(),
            "LANTOA_GID": _SERVICE_USER if root else os.getegid(),
            "LANTOA_PUBLIC_HOST": "127.0.0.1",
            "LANTOA_ROOT_PUBLIC": ring.root_public,
            "LANTOA_MONGO_PASSWORD": secrets.token_urlsafe(24),
            "LANTOA_GRAFANA_PASSWORD": secrets.token_urlsafe(12),
        }
        _write(variables, "".join(f"{name}={value}\n" for name, value in values.items()))
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _SERVICE_USER, _SERVICE_USER)
    return variables


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


if __name__ == "__main__":
    written = prepare(Path(sys.argv[1] if len(sys.argv) > 1 else "data/compose"))
    sys.stdout.write(f"docker compose --env-file {written} up --build\n")
