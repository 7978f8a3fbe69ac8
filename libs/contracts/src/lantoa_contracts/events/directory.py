"""Events of ``directory``: units of territory, dated and with successors."""

from datetime import date
from typing import Literal

from lantoa_contracts.base import Event, Id

UnitKind = Literal["province", "district", "ward", "commune", "town", "body"]
"""``ward`` phường, ``commune`` xã, ``town`` thị trấn; ``body`` is a body of the administration."""


class UnitChanged(Event):
    """A unit as it stands after a change: the whole state, so that a reader keeps the highest ``ver``."""

    unit_id: Id
    ver: int
    code: str
    name: str
    kind: UnitKind
    path: tuple[Id, ...]
    """Ancestors from the root down to and including the unit itself."""
    valid_from: date | None
    valid_to: date | None
    successor_ids: tuple[Id, ...] = ()
    lat: float | None = None
    lon: float | None = None
    """The unit's point, degrees (WGS 84), where one is known."""
