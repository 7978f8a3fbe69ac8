"""What watches and commands devices, put together: one of each, in the order in which they stand on each other."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from lantoa_contracts.device import Ack
from lantoa_fleet.settings import FleetSettings
from lantoa_fleet.usecases.alarms import Alarms, Alerting, Watch
from lantoa_fleet.usecases.commands import Orders, Sender, Wire
from lantoa_fleet.usecases.drift import Drift
from lantoa_fleet.usecases.history import States
from lantoa_fleet.usecases.lease import Lease
from lantoa_fleet.usecases.listing import Listing, Roster
from lantoa_fleet.usecases.updates import Updates
from lantoa_fleet.usecases.uploads import Uploads
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Database
from lantoa_signing.documents import SigningKey


@dataclass(frozen=True)
class Watching:
    """The parts."""

    lease: Lease
    states: States
    roster: Roster
    drift: Drift
    alerting: Alerting
    watch: Watch
    alarms: Alarms
    listing: Listing
    orders: Orders
    sender: Sender
    uploads: Uploads
    updates: Updates

    def answer_on_its_way(self, device_id: str, ack: Ack) -> None:
        """A device's answer as every replica hears it; one of them also handles it from the stream."""
        if ack.ref.startswith("ntc-"):
            self.alerting.heard(device_id, ack.stage)
        else:
            self.sender.heard(device_id, ack)


def watching_of(
    db: Database,
    devices: Aggregates,
    aggregates: Callable[[str], Aggregates],
    blobs: Blobs,
    key: SigningKey,
    clock: Clock,
    settings: FleetSettings,
    wire: Wire,
    steady: Callable[[], Hashable | None],
    tell: Callable[[str], Awaitable[Any]],
) -> Watching:
    """Make them, with ``aggregates`` by the names of their collections. ``steady`` names the connection to the devices,
    ``tell`` sends one its desired state.
    """
    alarms = aggregates("alarms")
    lease = Lease(db["leases"], "watch", clock, settings.lease_s)
    states = States(db["states"], db["days"], clock)
    roster = Roster(devices.collection, db["units"], clock, settings.roster_s)
    devices.on_write = roster.note
    drift = Drift(roster, states, tell, clock, settings.drift_s)
    alerting = Alerting(clock)
    watch = Watch(alarms, roster, states, alerting, lease, steady, clock, settings.grace_s)
    listing = Listing(roster, states, lambda: watch.alarmed, lambda: drift.lasting)
    orders = Orders(aggregates("orders"), db["commands"], listing, clock)
    sender = Sender(orders, wire, key, lease, clock, settings.media_base)
    updates = Updates(
        aggregates("updates"), db["targets"], devices.collection, listing, orders, blobs, key, lease, clock
    )
    return Watching(
        lease=lease,
        states=states,
        roster=roster,
        drift=drift,
        alerting=alerting,
        watch=watch,
        alarms=Alarms(alarms, watch, roster, clock),
        listing=listing,
        orders=orders,
        sender=sender,
        uploads=Uploads(db["commands"], blobs, key, roster, clock),
        updates=updates,
    )
