"""How documents lie in the book."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from lantoa_alert.domain.notices import Notice, merged
from lantoa_alert.domain.reach import Ledger, Row
from lantoa_alert.domain.roster import Device, Roster, Unit, newer

_NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)
_DEVICE: TypeAdapter[Device] = TypeAdapter(Device)
_UNIT: TypeAdapter[Unit] = TypeAdapter(Unit)
_ROWS: TypeAdapter[dict[str, dict[str, Any]]] = TypeAdapter(dict[str, dict[str, Any]])
_LETTERS = {"received": "r", "verified": "v", "playing": "p", "finished": "f", "failed": "x"}
_STAGES = {letter: stage for stage, letter in _LETTERS.items()}


class NoticeShelf:
    """Notices by id, newest last."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    def take(self, rest: str, body: bytes) -> bool:
        """Merge a notice."""
        theirs = _NOTICE.validate_json(body)
        mine = self.notices.get(rest)
        self.notices[rest] = merged(mine, theirs) if mine else theirs
        return self.notices[rest] != theirs

    def body(self, rest: str) -> bytes:
        """A notice as JSON."""
        return _NOTICE.dump_json(self.notices[rest])


class DeviceShelf:
    """Devices by id."""

    def __init__(self, roster: Roster) -> None:
        self._devices = roster.devices

    def take(self, rest: str, body: bytes) -> bool:
        """Merge a device."""
        theirs = _DEVICE.validate_json(body)
        self._devices[rest] = newer(theirs, self._devices.get(rest, theirs))
        return self._devices[rest] != theirs

    def body(self, rest: str) -> bytes:
        """A device as JSON."""
        return _DEVICE.dump_json(self._devices[rest])


class UnitShelf:
    """Units by id."""

    def __init__(self, roster: Roster) -> None:
        self._units = roster.units

    def take(self, rest: str, body: bytes) -> bool:
        """Keep the newest state of a unit."""
        theirs = _UNIT.validate_json(body)
        mine = self._units.get(rest)
        if mine and mine.ver > theirs.ver:
            return True
        self._units[rest] = theirs
        return False

    def body(self, rest: str) -> bytes:
        """A unit as JSON."""
        return _UNIT.dump_json(self._units[rest])


class LedgerShelf:
    """One ledger in chunks; a row is ``{"u": unit, "v": 812, "p": 900}``, ``"o"`` where it was not meant."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def take(self, rest: str, body: bytes) -> bool:
        """Merge a chunk."""
        return self._ledger.merge({device_id: _row(told) for device_id, told in _ROWS.validate_json(body).items()})

    def body(self, rest: str) -> bytes:
        """A chunk as JSON."""
        return _ROWS.dump_json({one: _told(row) for one, row in self._ledger.chunk(int(rest)).items()})


def _row(told: dict[str, Any]) -> Row:
    at = {_STAGES[letter]: at_ms for letter, at_ms in told.items() if letter in _STAGES}
    return Row(told["u"], at, addressed="o" not in told)  # type: ignore[arg-type]  # the letters are those of stages


def _told(row: Row) -> dict[str, Any]:
    out = {} if row.addressed else {"o": 1}
    return {"u": row.unit_id, **{_LETTERS[stage]: at_ms for stage, at_ms in row.at.items()}, **out}


def milliseconds(since: datetime, at: datetime) -> int:
    """Whole milliseconds between two moments, never negative."""
    return max(0, round((at - since).total_seconds() * 1000))
