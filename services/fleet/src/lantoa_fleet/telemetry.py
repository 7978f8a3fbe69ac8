"""Metrics of fleet: how many devices, never which."""

from prometheus_client import Gauge

from lantoa_runtime.mongo import Collection

DEVICES = Gauge("lantoa_fleet_devices", "Devices by their state and what they are", ["state", "kind"])
ONLINE = Gauge("lantoa_fleet_devices_online", "Accepted devices that are connected", ["kind"])

COUNT_SECONDS = 15.0
_STATES = ("pending", "accepted", "revoked")
_KINDS = ("radio", "board", "both")


async def count(devices: Collection) -> None:
    """Take both gauges from the devices' documents."""
    for kind in _KINDS:
        for state in _STATES:
            DEVICES.labels(state, kind).set(await devices.count({"state": state, "kind": kind}))
        ONLINE.labels(kind).set(await devices.count({"online": True, "state": "accepted", "kind": kind}))
