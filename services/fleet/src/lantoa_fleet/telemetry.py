"""Metrics of fleet: how many devices, never which."""

from collections import Counter as Count
from collections.abc import Collection, Iterable

from prometheus_client import Counter, Gauge, Histogram

from lantoa_fleet.domain.alarms import CODES
from lantoa_fleet.domain.commands import NAMES, OUTCOMES
from lantoa_fleet.domain.listing import Row

DEVICES = Gauge("lantoa_fleet_devices", "Devices by their state and what they are", ["state", "kind"])
ONLINE = Gauge("lantoa_fleet_devices_online", "Accepted devices that are connected", ["kind"])
DRIFTING = Gauge("lantoa_fleet_devices_drifting", "Connected devices that obey something old for too long", ["kind"])
UNSURE = Gauge("lantoa_fleet_devices_unsure", "Devices that a split left in one of several units by a guess")
BEAT_GAP = Histogram(
    "lantoa_fleet_beat_gap_seconds",
    "Time between two heartbeats of a device",
    buckets=(5, 15, 30, 45, 60, 75, 90, 120, 180, 300, 600, 1800, 3600),
)
RETOLD = Counter("lantoa_fleet_retold_total", "Desired states told again to devices that lag")
HOURS = Counter("lantoa_fleet_hours_written_total", "Device-hours written to history")
COMMANDS = Counter("lantoa_fleet_commands_total", "Commands by what became of them", ["command", "outcome"])
COMMAND_SECONDS = Histogram(
    "lantoa_fleet_command_seconds",
    "From a command's order to its answer",
    ["command"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 600, 3600),
)
UPLOADS = Counter("lantoa_fleet_uploads_total", "Files that devices put, by what became of them", ["outcome"])
ALARMS_OPEN = Gauge("lantoa_fleet_alarms_open", "Alarms that stand, by cause", ["code"])
ALARMED = Gauge("lantoa_fleet_devices_alarmed", "Devices in alarms that stand, by cause", ["code"])
REFUSALS = Counter("lantoa_fleet_refusals_total", "Messages that devices refused, as they told, by reason", ["reason"])
REPEATS = Counter(
    "lantoa_fleet_repeated_commands_total",
    "Commands that devices heard again and did not obey; each replica sees all",
)
UPDATE_DEVICES = Gauge("lantoa_fleet_update_devices", "Devices of running updates by their state", ["state"])

KINDS = ("radio", "board", "both")
TARGET_STATES = ("waiting", "told", "done", "failed")
REASONS = ("signature", "unknown_key", "key_use", "audience", "expired", "old", "malformed", "other")
UPLOAD_OUTCOMES = ("stored", "repeated", "refused")

# From the start: a rate sees the first one rise from 0, and series do not depend on what has happened.
for _command in NAMES:
    COMMAND_SECONDS.labels(_command)
    for _outcome in OUTCOMES:
        COMMANDS.labels(_command, _outcome)
for _outcome in UPLOAD_OUTCOMES:
    UPLOADS.labels(_outcome)
for _reason in REASONS:
    REFUSALS.labels(_reason)
for _state in TARGET_STATES:
    UPDATE_DEVICES.labels(_state)
for _kind in KINDS:
    ONLINE.labels(_kind)
    DRIFTING.labels(_kind)
    for _state in ("pending", "accepted", "revoked"):
        DEVICES.labels(_state, _kind)
for _code in CODES:
    ALARMS_OPEN.labels(_code)
    ALARMED.labels(_code)


def count(rows: Iterable[Row], pending: dict[str, int], drifting: Collection[str]) -> None:
    """Set the gauges of devices; ``pending`` are those that nobody has claimed, by kind."""
    states: Count[tuple[str, str]] = Count()
    online: Count[str] = Count()
    behind: Count[str] = Count()
    for row in rows:
        states["accepted" if row.accepted else "revoked", row.kind] += 1
        online[row.kind] += row.accepted and row.online
        behind[row.kind] += row.device_id in drifting
    for kind in KINDS:
        DEVICES.labels("pending", kind).set(pending.get(kind, 0))
        for state in ("accepted", "revoked"):
            DEVICES.labels(state, kind).set(states[state, kind])
        ONLINE.labels(kind).set(online[kind])
        DRIFTING.labels(kind).set(behind[kind])


def refused(reasons: dict[str, int]) -> None:
    """Count what a device has refused; reasons that nobody knows are one."""
    for reason, times in reasons.items():
        REFUSALS.labels(reason if reason in REASONS else "other").inc(max(0, times))
