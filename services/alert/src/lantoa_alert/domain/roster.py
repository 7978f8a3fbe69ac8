"""Who hears what: devices with their place and groups, units with their path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

ALL = "all"


@dataclass(frozen=True)
class Unit:
    """A unit of territory. ``path`` leads from the root down to and including it."""

    id: str
    ver: int
    name: str
    path: tuple[str, ...]
    code: str = ""
    kind: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Device:
    """A device as events told of it: each fact with the version that told it, because events come in any order."""

    id: str
    name: str = ""
    kind: str = ""
    unit: tuple[str, int] = ("", 0)
    groups: tuple[tuple[str, ...], int] = ((), 0)
    accepted: tuple[bool, int] = (False, 0)

    @property
    def unit_id(self) -> str:
        """Where it stands; empty when nobody has said."""
        return self.unit[0]

    @property
    def active(self) -> bool:
        """Whether it may hear alerts."""
        return self.accepted[0] and bool(self.unit[0])


def newer(one: Device, other: Device) -> Device:
    """What both know of a device together: of each fact the newest."""
    told = other if other.accepted[1] > one.accepted[1] else one
    return replace(
        one,
        name=told.name or one.name or other.name,
        kind=told.kind or one.kind or other.kind,
        unit=max(one.unit, other.unit, key=lambda fact: fact[1]),
        groups=max(one.groups, other.groups, key=lambda fact: fact[1]),
        accepted=max(one.accepted, other.accepted, key=lambda fact: fact[1]),
    )


@dataclass
class Roster:
    """Every device and unit that alert has heard of."""

    devices: dict[str, Device] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)

    def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit's ancestors and itself; the unit alone when nothing is known of it."""
        unit = self.units.get(unit_id)
        return unit.path if unit else (unit_id,)

    def scopes_of(self, device: Device) -> frozenset[str]:
        """The scopes whose alerts a device hears."""
        return frozenset(
            (ALL, *(f"unit.{one}" for one in self.path(device.unit_id)), *(f"grp.{one}" for one in device.groups[0]))
        )

    def hearing(self, scopes: Iterable[str]) -> Mapping[str, str]:
        """Every active device that hears one of the scopes, and the unit in which it stands."""
        wanted = frozenset(scopes)
        heard: dict[str, bool] = {}
        found = {}
        for device in self.devices.values():
            if not device.active:
                continue
            unit_id = device.unit_id
            if unit_id not in heard:  # Most devices share a few hundred units.
                heard[unit_id] = ALL in wanted or any(f"unit.{one}" in wanted for one in self.path(unit_id))
            if heard[unit_id] or any(f"grp.{one}" in wanted for one in device.groups[0]):
                found[device.id] = unit_id
        return found

    def scope_of(self, told: str) -> str | None:
        """The scope that somebody means by ``all``, a unit's id, a group, or a scope itself; ``None`` for none."""
        if told == ALL:
            return told
        kind, _, name = told.partition(".")
        if kind == "unit" and name in self.units:
            return told
        if kind == "grp" and self.members(name):
            return told
        if told in self.units:
            return f"unit.{told}"
        return f"grp.{told}" if self.members(told) else None

    def members(self, group: str) -> list[Device]:
        """The active devices of a group."""
        return [device for device in self.devices.values() if device.active and group in device.groups[0]]

    def paths_of(self, scope: str) -> list[tuple[str, ...]]:
        """The paths of the units for which somebody must have a right to speak to a scope."""
        if scope == ALL:
            return sorted({unit.path[:1] for unit in self.units.values()})
        kind, _, name = scope.partition(".")
        if kind == "unit":
            return [self.path(name)]
        return sorted({self.path(device.unit_id) for device in self.members(name)})
