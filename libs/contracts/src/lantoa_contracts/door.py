"""What the directory answers at the door and the gateway hands on as it is: who is in, and by what."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class NamedGrant(BaseModel):
    """A role for a unit and everything below it; the unit's name is empty when the directory does not know the unit."""

    role: str
    unit_id: str
    unit_name: str
    held_by: str | None = None
    """Held over a former unit, by the grant on this unit, which took over its papers."""


class PersonHere(BaseModel):
    """Somebody of the staff, as the gateway and they themselves see them."""

    id: str
    name: str
    title: str
    grants: list[NamedGrant]
    signed_in_at: datetime | None
    """When they last showed who they are; none for a token, by which nobody signs in."""


class FactorsOut(BaseModel):
    """What somebody has beside the password."""

    totp: bool
    passkeys: int
    recovery_left: int


class Me(BaseModel):
    """Who is signed in. Who `must_add_factor` holds nothing until one is there."""

    person: PersonHere
    factors: FactorsOut
    must_add_factor: bool


class NextStep(BaseModel):
    """Something is still wanted, for which the ticket is good for so many seconds."""

    next: Literal["second-factor", "new-password"]
    ways: list[Literal["totp", "passkey", "recovery"]]
    ticket: str
    seconds: int


class SessionOut(BaseModel):
    """One of one's sessions; `here` is the one that asks, `app` names the app that has it."""

    id: str
    device: str
    place: str
    begun_at: datetime
    used_at: datetime
    here: bool
    app: str | None


class SessionsOut(BaseModel):
    """All of them, last used first."""

    items: list[SessionOut]


class SecretOut(BaseModel):
    """A secret, and the address that a picture shows to an authenticator program."""

    secret: str
    uri: str


class RecoveryOut(BaseModel):
    """Codes, each good once, that are shown this once."""

    recovery_codes: list[str]


class PasskeyOut(BaseModel):
    """A passkey as its owner sees it."""

    id: str
    name: str
    created_at: datetime
    used_on: str | None


class PasskeysOut(BaseModel):
    """All of them."""

    items: list[PasskeyOut]


class TokenOut(BaseModel):
    """A token as its owner sees it; `used_on` is the day of its last use."""

    id: str
    name: str
    permissions: list[str]
    created_at: datetime
    ends_at: datetime
    used_on: str | None


class TokensOut(BaseModel):
    """One's tokens, and the names of permissions that one may give."""

    items: list[TokenOut]
    grantable: list[str]


class TokenMade(BaseModel):
    """A token, shown this once: `Authorization: Bearer <token>` at `/api/v1`."""

    token: str
    item: TokenOut


class CodeSent(BaseModel):
    """A code is on its way to a masked number, and for how many seconds it holds."""

    phone: str
    seconds: int


class SignedInCitizen(BaseModel):
    """A citizen: `name` is the masked number."""

    id: str
    name: str
