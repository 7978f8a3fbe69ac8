"""One machine's platform as data: which processes there are, on which ports, with which settings."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lantoa_cli.errors import Refused
from lantoa_cli.servers import EmbeddedDatabase, Nats, free_port
from lantoa_contracts.catalogue import SERVICES
from lantoa_runtime.topology.keys import KeyRing

STATIONS = ("station-tra-vinh", "station-cau-ke")
BOARD = "board-tra-vinh"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DEFAULT_PORTS = {
    "gateway": 8080,
    "directory": 18101,
    "content": 18102,
    "fleet": 18103,
    "broadcast": 18104,
    "signboard": 18105,
    "reporting": 18106,
    "callout": 18107,
    "contest": 18108,
    "alert": 18109,
    BOARD: 18110,
    "nats": 18222,
    "nats-monitor": 18223,
    "nats-websocket": 18224,
    "nats-mqtt": 18225,
    "mongo": 18227,
}


@dataclass(frozen=True)
class Program:
    """One process of the platform. ``health`` is a URL that answers 200 once it is ready."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    health: str | None = None


@dataclass(frozen=True)
class Layout:
    """Where everything of one installation lies and listens."""

    root: Path
    """The checkout: demo data, workers, the built console."""
    data: Path
    ports: Mapping[str, int]

    @property
    def ring(self) -> KeyRing:
        """The installation's keys."""
        return KeyRing(self.data / "keys")

    @property
    def nats(self) -> Nats:
        """The embedded nats-server."""
        return Nats(
            self.data / "nats",
            self.ring,
            self.ports["nats"],
            self.ports["nats-monitor"],
            self.ports["nats-websocket"],
            self.ports["nats-mqtt"],
        )

    @property
    def database(self) -> EmbeddedDatabase:
        """The embedded database."""
        return EmbeddedDatabase(self.data / "mongo", self.ports["mongo"])

    @property
    def gateway_url(self) -> str:
        """Where people and devices knock."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def board_url(self) -> str:
        """The board's page, served by its agent."""
        return f"http://127.0.0.1:{self.ports[BOARD]}/"

    @property
    def run_file(self) -> Path:
        """Process ids while the platform runs."""
        return self.data / "run.json"

    @property
    def passwords_file(self) -> Path:
        """Passwords of the demo people, random at first start."""
        return self.data / "demo_passwords.json"

    @property
    def codes_file(self) -> Path:
        """Codes that the demo "sends" to citizens' phones, one JSON line each."""
        return self.data / "citizen_codes.jsonl"

    def log(self, name: str) -> Path:
        """A process's log file."""
        return self.data / "logs" / f"{name}.log"

    def url(self, service: str) -> str:
        """A service's own address, for the supervisor and the operator."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def service_env(self, name: str) -> dict[str, str]:
        """Settings of a service or the callout: what all share, and its own."""
        shared = {
            "LANTOA_HTTP_PORT": str(self.ports[name]),
            "LANTOA_NATS_URL": self.nats.url,
            "LANTOA_NATS_SEED_FILE": str(self.ring.seed_file(name)),
            "LANTOA_MONGO_URL": self.database.url,
            "LANTOA_MEDIA_URL": f"file://{self.data / 'media'}",
            "LANTOA_INTERNAL_KEYS_FILE": str(self.ring.internal_keys_file),
        }
        return {**shared, **self._own_env(name)}

    def _own_env(self, name: str) -> dict[str, str]:
        if name == "alert":
            return {
                "LANTOA_ALERT_KEY_FILE": str(self.ring.alert_file),
                "LANTOA_ALERT_HOLDERS_FILE": str(self.ring.holders_file),
                "LANTOA_ALERT_SPEECH_COMMAND": json.dumps(self._speech_worker()),
            }
        if name == "gateway":
            return {
                "LANTOA_GATEWAY_UPSTREAMS": json.dumps({s: self.url(s) for s in SERVICES if s != "gateway"}),
                "LANTOA_GATEWAY_KEY_FILE": str(self.ring.gateway_file),
                "LANTOA_GATEWAY_DEVICE_KEYS_FILE": str(self.ring.key_set_file),
                "LANTOA_GATEWAY_ROOT_PUBLIC": self.ring.root_public,
                "LANTOA_GATEWAY_CONSOLE_DIR": str(self.root / "services/console/dist"),
                "LANTOA_GATEWAY_ALLOWANCE": "1000",  # One technician here claims thousands of simulated devices.
            }
        if name == "directory":
            return {
                "LANTOA_DIRECTORY_AUDIT_KEY_FILE": str(self.ring.audit_file),
                "LANTOA_DIRECTORY_KEY_FILE": str(self.ring.directory_file),
                "LANTOA_DIRECTORY_CODES_FILE": str(self.codes_file),
                # Whoever tries the platform out signs in by password; a second factor is there to be tried too.
                "LANTOA_DIRECTORY_SECOND_FACTOR": "offered",
            }
        if name == "content":
            return {
                "LANTOA_CONTENT_SPEECH_COMMAND": json.dumps(self._speech_worker()),
                "LANTOA_CONTENT_PUBLIC_URL": self.gateway_url,
            }
        if name == "fleet":
            return {
                "LANTOA_KEYS_FOLDER": str(self.ring.folder),
                "LANTOA_FLEET_MEDIA_BASE": self.gateway_url,
                "LANTOA_FLEET_DEVICE_NATS_URLS": json.dumps([self.nats.url]),
            }
        if name == "callout":
            return {
                "LANTOA_KEYS_FOLDER": str(self.ring.folder),
                "LANTOA_FLEET_SNAPSHOT_FILE": str(self.data / "callout" / "registry.json"),
            }
        return {}

    def _speech_worker(self) -> list[str]:
        return [sys.executable, str(self.root / "workers/speech/speech_worker.py")]

    def device_env(self, name: str, kind: str) -> dict[str, str]:
        """Settings of a station or a board's agent."""
        return {
            "LANTOA_DEVICE_DATA": str(self.data / "devices" / name),
            "LANTOA_DEVICE_GATEWAY": self.gateway_url,
            "LANTOA_DEVICE_KIND": kind,
            "LANTOA_DEVICE_MODEL": "demo",
            "LANTOA_DEVICE_PRESTAGE_S": "0",
        }

    def servers(self) -> list[Program]:
        """NATS and the database: first up, last down."""
        return [
            Program("nats", self.nats.command(), {}),
            Program("mongo", self.database.command(), {}),
        ]

    def services(self) -> list[Program]:
        """Every service, alert first, and the callout."""
        programs = []
        for name in SERVICES:
            command = [sys.executable, "-m", f"lantoa_{name}.main", "serve", "--migrate"]
            programs.append(Program(name, command, self.service_env(name), f"{self.url(name)}/readyz"))
        callout = [sys.executable, "-m", "lantoa_fleet.callout"]
        programs.append(Program("callout", callout, self.service_env("callout"), f"{self.url('callout')}/readyz"))
        return programs

    def devices(self) -> list[Program]:
        """Two stations and a board; the board's page too, where there is a Chromium."""
        programs = [
            Program(name, [sys.executable, "-m", "lantoa_station.main"], self.device_env(name, "radio"))
            for name in STATIONS
        ]
        profile = self.data / "devices" / "board-page"
        board_env = {**self.device_env(BOARD, "board"), "LANTOA_PLAYER_PORT": str(self.ports[BOARD])}
        board_env["LANTOA_PLAYER_BROWSER"] = str(profile)
        command = [sys.executable, "-m", "lantoa_player.main"]
        programs.append(Program(BOARD, command, board_env, f"{self.board_url}livez"))
        browser = chromium()
        if browser:
            programs.append(Program("board-page", kiosk(browser, profile, self.board_url), {}))
        return programs


def chromium() -> str | None:
    """A Chromium on this machine, or ``None``. ``LANTOA_CHROMIUM`` names one, or is empty for none."""
    named = os.environ.get("LANTOA_CHROMIUM")
    if named is not None:
        return named or None
    return next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def kiosk(browser: str, profile: Path, url: str) -> list[str]:
    """Chromium as a board would run it, without a screen and without calling home."""
    flags = [
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        "--remote-debugging-port=0",  # On loopback, at a port that the profile names: the agent asks it for pictures.
        "--window-size=1280,720",
        f"--user-data-dir={profile}",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to run its sandbox as root.
    return [browser, *flags, url]


def load_layout(root: Path, data: Path, *, free_ports: bool = False) -> Layout:
    """The installation in ``data``; its ports are chosen at first start and stay, because devices remember them."""
    data.mkdir(parents=True, exist_ok=True)
    file = data / "ports.json"
    ports = json.loads(file.read_text()) if file.exists() else {}
    new = [name for name in _DEFAULT_PORTS if name not in ports]
    if new:
        ports |= {name: free_port() if free_ports else _DEFAULT_PORTS[name] for name in new}
        if "gateway" in new:
            ports["gateway"] = int(os.environ.get("LANTOA_PORT", ports["gateway"]))
        file.write_text(json.dumps(ports, indent=1))
    return Layout(root, data, ports)


def started_layout(data: Path) -> Layout:
    """The installation in ``data``, which was started before.

    Raises:
        Refused: it never was; nothing is written there.
    """
    data = data.resolve()
    if not KeyRing(data / "keys").gateway_file.exists():
        raise Refused(f"Chưa có nền tảng nào ở {data}. Khởi động bằng: make up. Nếu ở thư mục khác, thêm --data.")
    return load_layout(checkout(), data)


def checkout() -> Path:
    """The checkout that this program runs from."""
    return Path(__file__).resolve().parents[4]
