"""Events of ``directory``: dated units with successors, and acts on them; people by their ids; the audit's seals."""

from datetime import date
from typing import Literal

from lantoa_contracts.base import AccountEvent, Contract, Event, Id, Sha256, SignedDocument, Timestamp

UnitKind = Literal["province", "district", "ward", "commune", "town", "body"]
"""``ward`` phường, ``commune`` xã, ``town`` thị trấn; ``body`` is a body of the administration."""


Tree = Literal["territory", "party", "administration"]
"""Where a unit hangs: the territory; the Party and the mass organisations; the bodies of the administration."""

ActKind = Literal["merge", "split", "rename", "move"]


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


class AccountCreated(AccountEvent):
    """A person was taken up."""


class AccountChanged(AccountEvent):
    """What is known of a person changed."""

    fields: tuple[str, ...]
    """Names of what is not as it was; grants among them when an import replaced them."""


class AccountGranted(AccountEvent):
    """A person was given a role for a unit."""

    grant_id: Id
    role: str
    valid_from: date | None
    valid_to: date | None
    lender_id: Id | None = None
    """Whose role it is, when it is lent."""


class AccountRevoked(AccountGranted):
    """A grant or loan was ended before its day; ``valid_to`` is its last day now, ``None`` for one that never held."""


class AccountLocked(AccountEvent):
    """A person may not sign in until somebody unlocks them; their sessions are over."""


class AccountUnlocked(AccountEvent):
    """A person may sign in again."""


class AccountReset(AccountEvent):
    """A person got a one-time password, or lost their second factors; their sessions are over."""

    what: Literal["password", "factors"]


class AuditSealed(Event):
    """The heads of the audit's chains that moved, signed: a copy that lies outside the database."""

    number: int
    """Counts seals from 1."""
    ver: int
    seal: SignedDocument


class Place(Contract):
    """A unit and its path, root first."""

    unit_id: Id
    path: tuple[Id, ...]


class Heir(Place):
    """A unit that took over."""

    made: bool
    """Whether the act made it; else it was there before."""


class Succession(Place):
    """A unit that an act ended, and those that it went into, the first of them the one that takes over its papers."""

    heirs: tuple[Heir, ...]


class ActDone(Event):
    """An act has taken effect: its day has come, units and grants are as it says. Others follow with what is theirs."""

    act_id: Id
    ver: int
    kind: ActKind
    date: date
    act: str
    """The document that ordered it, e.g. ``1687/NQ-UBTVQH15``."""
    units: tuple[Succession, ...]
    """None for a move: there units keep their ids, and ``directory.unit.changed`` tells their new paths."""
    at: Timestamp


class ActReversed(Event):
    """An act does not hold any more: what it moved goes back, and nothing else."""

    act_id: Id
    ver: int
    kind: ActKind
    date: date
    act: str
    units: tuple[Succession, ...]
    at: Timestamp


class SessionEnded(Event):
    """Sessions that hold no longer, whatever anybody remembers of them."""

    person_id: Id
    ver: int
    digests: tuple[Sha256, ...]
    """SHA-256 of each session's id: whoever reads this cannot use one."""
    at: Timestamp
