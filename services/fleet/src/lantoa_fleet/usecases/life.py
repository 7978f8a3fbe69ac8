"""What each step in a device's life writes: pure decisions over its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lantoa_contracts.catalogue import (
    DEVICE_CLAIMED,
    DEVICE_GROUPED,
    DEVICE_MOVED,
    DEVICE_PLACED,
    DEVICE_REKEYED,
    DEVICE_REVOKED,
)
from lantoa_contracts.events.fleet import (
    DeviceClaimed,
    DeviceGrouped,
    DeviceMoved,
    DevicePlaced,
    DeviceRekeyed,
    DeviceRevoked,
)
from lantoa_fleet.domain.groups import Group
from lantoa_fleet.domain.places import Actor, Place, with_life
from lantoa_runtime.errors import Conflict, Invalid, StaleVersion
from lantoa_runtime.mongo import Change, Document, Outgoing

_GUESSED = ("unsure", "between")
"""By which act it is a guess where a device stands, and between which units."""


def grouping(groups: Sequence[Group]) -> dict[str, Any]:
    """The fields of a device's groups; names never change, so they stand beside the ids."""
    return {"groups": [group.group_id for group in groups], "group_names": [group.name for group in groups]}


def placed(
    device: Mapping[str, Any], actor: Actor, place: Place, path: Sequence[str], groups: Sequence[Group], at: datetime
) -> tuple[dict[str, Any], DeviceClaimed]:
    """The fields and the event of a device that gets its place; ``device`` has its id, key, kind, link and ``ver``."""
    event = DeviceClaimed(
        device_id=device["_id"],
        ver=device["ver"] + 1,
        kind=device["kind"],
        name=place.name,
        unit_id=place.unit_id,
        public_key=device["public_key"],
        claimed_by=actor.id,
        at=at,
        groups=tuple(group.group_id for group in groups),
        link=device.get("link", "nats"),
    )
    fields = {
        "state": "accepted",
        "name": place.name,
        "unit_id": place.unit_id,
        "path": list(path),
        "site_type": place.site_type,
        "model": place.model or device["model"],
        "lat": place.lat,
        "lon": place.lon,
        "claimed_by": actor.id,
        "claimed_at": at,
        "claim_ver": event.ver,
        "rev": 1,
        "rights_at": at,
        "seq": device["seq"] + 1,
        "kv_due": True,
        "radio": None,
        "board": None,
        "alarms": [],
        "reported": None,
        "reported_at": at,
        "last_seen": at,
        "place_id": device["_id"],
        **grouping(groups),
    }
    return fields, event


def claimed(
    device: Document | None,
    actor: Actor,
    place: Place,
    path: Sequence[str],
    groups: Sequence[Group],
    at: datetime,
    old: Document | None,
) -> Change | None:
    """A technician takes a pending device, perhaps into the place of ``old``; the same claim again changes nothing.

    Raises:
        Invalid: there is no such device any more.
        Conflict: it is claimed already, or revoked.
    """
    if device is None:
        raise Invalid("fleet.unknown-claim-code", "/claim_code")
    if device["state"] == "revoked":
        raise Conflict("fleet.device-revoked")
    if device["state"] == "accepted":
        same = (actor.id, place.unit_id, place.name) == (device["claimed_by"], device["unit_id"], device["name"])
        if same and device.get("replaces") == (old and old["_id"]):
            return None
        raise Conflict("fleet.already-claimed")
    fields, event = placed(device, actor, place, path, groups, at)
    if old is None:
        told = with_life(device, "claimed", actor, at, unit_id=place.unit_id)
    else:
        told = with_life(device, "replaced", actor, at, unit_id=place.unit_id, other_id=old["_id"])
        fields |= {"replaces": old["_id"], "place_id": old.get("place_id", old["_id"]), "retire_due": True}
    return Change(fields | told, [Outgoing(DEVICE_CLAIMED, event)], unset=("pending_at", "code_until"))


def moved(
    device: Document | None,
    actor: Actor,
    rev: int,
    unit_id: str,
    path: Sequence[str],
    place: Mapping[str, Any],
    at: datetime,
) -> Change | None:
    """The device stands in another unit, or at another point of the same; ``place`` has what is told of the point.

    Raises:
        StaleVersion, Conflict: it was changed since, or is revoked.
    """
    _require(device, rev)
    assert device is not None  # noqa: S101 - _require raises for None
    elsewhere = device["unit_id"] != unit_id
    new = {name: value for name, value in place.items() if device.get(name) != value}
    guessed = _GUESSED if "unsure" in device else ()
    if not elsewhere and not new and not guessed:
        return None
    told = with_life(device, "moved", actor, at, unit_id=unit_id, previous_unit_id=device["unit_id"])
    fields = {**new, **told, "rev": rev + 1}
    if not elsewhere:
        placed_there = DevicePlaced(device_id=device["_id"], ver=device["ver"] + 1, unit_id=unit_id, at=at)
        return Change(fields, [Outgoing(DEVICE_PLACED, placed_there)], unset=guessed)
    stands, event = _elsewhere(device, unit_id, path, at)
    return Change(fields | stands, [event], unset=guessed)


def _elsewhere(device: Document, unit_id: str, path: Sequence[str], at: datetime) -> tuple[dict[str, Any], Outgoing]:
    """The fields and the event of a device that stands in another unit."""
    ver = device["ver"] + 1
    event = DeviceMoved(device_id=device["_id"], ver=ver, unit_id=unit_id, previous_unit_id=device["unit_id"], at=at)
    fields = {"unit_id": unit_id, "path": list(path), "move": {"ver": ver, "from": device["unit_id"], "at": at}}
    return fields | new_rights(device, at), Outgoing(DEVICE_MOVED, event)


def followed(
    device: Document | None,
    act_id: str,
    order: str,
    unit_id: str,
    into: str,
    path: Sequence[str],
    at: datetime,
    between: Sequence[str] = (),
) -> Change | None:
    """The device's unit ended by an act that ``order`` names: it stands in the one that took over. Once an act.

    Where it could be any of several, a technician has to say ``between`` them.
    """
    if device is None or device["state"] != "accepted" or device["unit_id"] != unit_id:
        return None
    before = device.get("followed", [])
    if any(one["act"] == act_id for one in before):
        return None
    told = with_life(device, "moved", Actor(act_id, order), at, unit_id=into, previous_unit_id=unit_id)
    stands, event = _elsewhere(device, into, path, at)
    fields = {**told, "rev": device["rev"] + 1, "followed": [*before, {"act": act_id, "from": unit_id, "to": into}]}
    guessed = {"unsure": act_id, "between": list(between)} if between else {}
    return Change(fields | guessed | stands, [event])


def went_back(device: Document | None, act_id: str, order: str, path: Sequence[str], at: datetime) -> Change | None:
    """The act does not hold any more: the device stands where it did, unless somebody has moved it since."""
    if device is None:
        return None
    ours = next((one for one in device.get("followed", []) if one["act"] == act_id), None)
    if ours is None:
        return None
    rest = {"followed": [one for one in device["followed"] if one["act"] != act_id]}
    guessed = _GUESSED if device.get("unsure") == act_id else ()
    if device["state"] != "accepted" or device["unit_id"] != ours["to"]:
        return Change(rest, unset=guessed)
    told = with_life(device, "moved", Actor(act_id, order), at, unit_id=ours["from"], previous_unit_id=ours["to"])
    stands, event = _elsewhere(device, ours["from"], path, at)
    return Change(rest | told | {"rev": device["rev"] + 1} | stands, [event], unset=guessed)


def regrouped(device: Document | None, actor: Actor, rev: int, groups: Sequence[Group], at: datetime) -> Change | None:
    """The device belongs to exactly these groups.

    Raises:
        StaleVersion, Conflict: it was changed since, or is revoked.
    """
    _require(device, rev)
    assert device is not None  # noqa: S101 - _require raises for None
    fields = grouping(groups)
    if fields["groups"] == device.get("groups", []):
        return None
    ver = device["ver"] + 1
    event = DeviceGrouped(
        device_id=device["_id"], ver=ver, groups=tuple(fields["groups"]), at=at, unit_id=device["unit_id"]
    )
    told = with_life(device, "grouped", actor, at, groups=fields["group_names"])
    fields |= told | {"rev": rev + 1, "grouped": {"ver": ver, "at": at}}
    return Change(fields | new_rights(device, at), [Outgoing(DEVICE_GROUPED, event)])


def under(device: Document | None, path: Sequence[str], at: datetime) -> Change | None:
    """The unit stays, its place in the tree changed."""
    if device is None or device["state"] != "accepted" or device["path"] == path:
        return None
    return Change({"path": list(path)} | new_rights(device, at))


def new_token(device: Document | None, actor: Actor, token_sha256: str, at: datetime) -> Change | None:
    """An MQTT receiver gets another token; connections with the old one end.

    Raises:
        Conflict: it is no such receiver, or revoked.
    """
    if device is None:
        return None
    if device.get("link") != "mqtt":
        raise Conflict("fleet.not-a-receiver")
    if device["state"] != "accepted":
        raise Conflict("fleet.device-revoked")
    told = with_life(device, "token", actor, at)
    event = DeviceRekeyed(device_id=device["_id"], ver=device["ver"] + 1, unit_id=device["unit_id"], at=at)
    fields = {"token_sha256": token_sha256, "rights_at": at, "kick_due": True, **told}
    return Change(fields, [Outgoing(DEVICE_REKEYED, event)])


def revoked(
    device: Document | None, actor: Actor | None, rev: int | None, at: datetime, replaced_by: str | None = None
) -> Change | None:
    """The device loses its rights for good; ``rev`` ``None`` takes it as it is.

    Raises:
        StaleVersion: it was changed since.
    """
    if device is None:
        return None
    heir = {"replaced_by": replaced_by} if replaced_by else {}
    if device["state"] == "revoked":
        return Change(heir) if heir and "replaced_by" not in device else None
    if rev is not None and device["rev"] != rev:
        raise StaleVersion
    ver = device["ver"] + 1
    event = DeviceRevoked(device_id=device["_id"], ver=ver, at=at, unit_id=device.get("unit_id"))
    fields = {"state": "revoked", "rev": device["rev"] + 1, "rights_at": at, "kick_due": True, **heir}
    fields |= {"revocation": {"ver": ver, "at": at}, **with_life(device, "revoked", actor, at)}
    return Change(fields, [Outgoing(DEVICE_REVOKED, event)], unset=("kv_due", "kv_exp", "token_sha256"))


def new_rights(device: Document, at: datetime) -> dict[str, Any]:
    """The fields that make rights follow: a new signed state, and connections from before cut."""
    return {"rights_at": at, "kick_due": True, "seq": device["seq"] + 1, "kv_due": True}


def _require(device: Document | None, rev: int) -> None:
    if device is None or device["rev"] != rev:
        raise StaleVersion
    if device["state"] != "accepted":
        raise Conflict("fleet.device-revoked")
