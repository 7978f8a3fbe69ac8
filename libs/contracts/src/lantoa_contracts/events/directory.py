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


class Heir(Contract):
    """A unit that took over, and its path, root first."""

    unit_id: Id
    path: tuple[Id, ...]
    made: bool
    """Whether the act made it; else it was there before."""


class Succession(Contract):
    """A unit that an act ended, its path, and those that it went into; the first of them takes over its papers."""

    unit_id: Id
    path: tuple[Id, ...]
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

    @property
    def unit_ids(self) -> frozenset[str]:
        """Every unit that is told of."""
        heirs = (heir.unit_id for gone in self.units for heir in gone.heirs)
        return frozenset({*(gone.unit_id for gone in self.units), *heirs})


class ActReversed(ActDone):
    """An act does not hold any more: what it moved goes back, and nothing else."""


SignInWay = Literal["password", "totp", "recovery", "passkey", "oidc", "app"]
"""What showed last who somebody is; ``oidc`` a provider, ``app`` a code for an app of ours."""

RefusedBecause = Literal["password", "factor", "locked"]

Secured = Literal[
    "password",
    "totp",
    "totp-removed",
    "passkey",
    "passkey-removed",
    "recovery",
    "reset",
    "linked",
    "token",
    "token-removed",
]
"""What somebody changed about how they sign in, or what programs may do for them."""


class AccountSignedIn(Event):
    """Somebody signed in. Nothing in it opens a door: the session is named by its digest."""

    person_id: Id
    way: SignInWay
    mfa: bool
    """With two factors."""
    device: str
    """Words for the browser and its system."""
    place: str
    """The address, cut to /24 or /48."""
    session: Sha256
    at: Timestamp


class SignInRefused(Event):
    """Somebody was refused; ``person_id`` is none for a login that nobody has, which is not kept."""

    person_id: Id | None
    because: RefusedBecause
    place: str
    at: Timestamp


class AccountSecured(Event):
    """Somebody changed what they sign in with."""

    person_id: Id
    what: Secured
    at: Timestamp


class SessionEnded(Event):
    """Sessions and tokens that hold no longer, whatever anybody remembers of them."""

    person_id: Id
    """Whose they were, a citizen's too."""
    ver: int
    digests: tuple[Sha256, ...]
    """SHA-256 of each id or token: whoever reads this cannot use one."""
    at: Timestamp
