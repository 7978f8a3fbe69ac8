"""Events of ``directory``: units of territory, dated and with successors; people by their ids; seals of the audit."""

from datetime import date
from typing import Literal

from lantoa_contracts.base import AccountEvent, Event, Id, SignedDocument

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
