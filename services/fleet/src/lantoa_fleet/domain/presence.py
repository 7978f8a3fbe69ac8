"""Who is connected: a set of connections per device, because one key may be connected twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Connection:
    """A client connection: the server's id and its number there."""

    server: str
    cid: int


class Presence:
    """Connections of devices as the servers told them, with the moment since when each is known."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Connection, datetime]] = {}

    def came(self, device_id: str, connection: Connection, at: datetime) -> None:
        """A connection came up."""
        self._known.setdefault(device_id, {}).setdefault(connection, at)

    def went(self, device_id: str, connection: Connection) -> None:
        """A connection went away."""
        connections = self._known.get(device_id, {})
        connections.pop(connection, None)
        if not connections:
            self._known.pop(device_id, None)

    def replace(self, connected: Mapping[str, Iterable[Connection]]) -> set[str]:
        """Take up the servers' full list; the devices whose connections it changed.

        A connection that was not known counts as old: it may have come while nobody listened.
        """
        before = self._known
        self._known = {
            device_id: {connection: before.get(device_id, {}).get(connection, _LONG_AGO) for connection in connections}
            for device_id, connections in connected.items()
        }
        return {
            device_id
            for device_id in before.keys() | self._known.keys()
            if before.get(device_id, {}).keys() != self._known.get(device_id, {}).keys()
        }

    def online(self, device_id: str) -> bool:
        """Whether the device has a connection."""
        return device_id in self._known

    def connections(self, device_id: str, before: datetime | None = None) -> list[Connection]:
        """Its connections, or only those known since before a moment."""
        known = self._known.get(device_id, {})
        return [connection for connection, since in known.items() if before is None or since < before]

    def count(self) -> int:
        """How many devices are connected."""
        return len(self._known)
