"""Say once more what became of the devices."""

from collections.abc import Mapping

from lantoa_contracts.catalogue import DEVICE_CLAIMED, DEVICE_GROUPED, DEVICE_MOVED, DEVICE_REVOKED
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceGrouped, DeviceMoved, DeviceRevoked
from lantoa_runtime.mongo import Aggregates, Document, Outgoing


def events_of(device: Document) -> list[Outgoing]:
    """The events of a claimed device that still tell something, each with the ``ver`` that it had.

    The claim names the place and the groups of today, so that a reader of claims alone has them right too.
    """
    device_id = device["_id"]
    claimed = DeviceClaimed(
        device_id=device_id,
        ver=device["claim_ver"],
        kind=device["kind"],
        name=device["name"],
        unit_id=device["unit_id"],
        public_key=device["public_key"],
        claimed_by=device["claimed_by"],
        at=device["claimed_at"],
        groups=tuple(device.get("groups", ())),
        link=device.get("link", "nats"),
    )
    events = [Outgoing(DEVICE_CLAIMED, claimed)]
    if "move" in device:
        move = device["move"]
        moved = DeviceMoved(
            device_id=device_id,
            ver=move["ver"],
            unit_id=device["unit_id"],
            previous_unit_id=move["from"],
            at=move["at"],
        )
        events.append(Outgoing(DEVICE_MOVED, moved))
    if "grouped" in device:
        grouped = device["grouped"]
        named = DeviceGrouped(
            device_id=device_id,
            ver=grouped["ver"],
            groups=tuple(device["groups"]),
            at=grouped["at"],
            unit_id=device["unit_id"],
        )
        events.append(Outgoing(DEVICE_GROUPED, named))
    if "revocation" in device:
        revocation = device["revocation"]
        revoked = DeviceRevoked(
            device_id=device_id, ver=revocation["ver"], at=revocation["at"], unit_id=device["unit_id"]
        )
        events.append(Outgoing(DEVICE_REVOKED, revoked))
    return events


async def replay(devices: Aggregates, turn: str) -> Mapping[str, int]:
    """Publish every claimed device; how many events by name.

    Raises:
        Unavailable, NatsError, MongoError: do it again.
    """

    async def told(device: Document) -> list[Outgoing]:
        return events_of(device)

    return await devices.replay_all({"state": {"$in": ["accepted", "revoked"]}}, told, turn)
