"""HTTP: access tokens of integrations, codes and tokens of apps. For the gateway."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from lantoa_contracts.door import PersonHere, TokenMade, TokensOut
from lantoa_directory.api.directory import GATEWAY_ONLY
from lantoa_directory.api.sessions import From, SessionIn, SessionRef
from lantoa_directory.domain.tokens import LONGEST_DAYS
from lantoa_directory.usecases.apps import Apps, Asked
from lantoa_directory.usecases.tokens import AccessTokens
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Line, Routes, StrictModel

Token = Annotated[str, StringConstraints(pattern=r"^l(ta|ap|ar)_[A-Za-z0-9_-]{43}$")]
Word = Annotated[str, StringConstraints(max_length=128)]
ClientId = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class TokenWanted(SessionRef):
    """A token for a program."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    permissions: Annotated[list[Annotated[str, StringConstraints(max_length=80)]], Field(min_length=1, max_length=100)]
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS, strict=True)]


class TokenRef(StrictModel):
    """A token as a program shows it."""

    token: Token


class AskedIn(StrictModel):
    """What an app asks for."""

    client_id: ClientId
    redirect_uri: Address
    response_type: Word = ""
    code_challenge: Word = ""
    code_challenge_method: Word = ""

    def asked(self) -> Asked:
        """The use case's form of it."""
        names = ("client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method")
        return Asked(**{name: getattr(self, name) for name in names})


class AllowedIn(SessionRef, AskedIn):
    """What an app asks for, and who lets it."""


class CodeShown(From):
    """A code, and the proof that it comes back to who asked for it."""

    client_id: ClientId
    code: Word
    redirect_uri: Address
    code_verifier: Word


class RefreshShown(StrictModel):
    """A refresh token, or one to be revoked."""

    client_id: ClientId
    token: Word


class Spoken(BaseModel):
    """For whom a token speaks, and until when; ``only`` names the permissions it is limited to."""

    person: PersonHere
    only: list[str] | None
    ends_at: datetime


class AppOut(BaseModel):
    """The app that asks."""

    name: str


class CodeOut(BaseModel):
    """A code, good for a minute, once."""

    code: str


class AppTokens(BaseModel):
    """As RFC 6749, 5.1 has it."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


def token_routes(tokens: AccessTokens, apps: Apps) -> Routes:
    """Tokens of integrations, and of whom any token speaks."""
    router = Routes(prefix="/tokens", tags=["tokens"], dependencies=[GATEWAY_ONLY])

    @router.post("/list", response_model=TokensOut)
    async def list_tokens(body: SessionRef) -> dict[str, Any]:
        """One's tokens."""
        return await tokens.listed(body.session_id)

    @router.post("/make", response_model=TokenMade)
    async def make_token(body: TokenWanted) -> dict[str, Any]:
        """A new one."""
        return await tokens.make(body.session_id, body.name, body.permissions, body.days)

    @router.post("/end", status_code=204)
    async def end_token(body: SessionIn) -> None:
        """Take one back."""
        await tokens.end(body.session_id, body.id)

    @router.post("/resolve", response_model=Spoken)
    async def resolve_token(body: TokenRef) -> dict[str, Any]:
        """For whom a token speaks."""
        kind = body.token[:4]
        if kind == "lta_":
            return await tokens.resolve(body.token)
        if kind == "lap_":
            return await apps.resolve(body.token)
        raise AppError("sign-in-required", 401)  # A refresh token opens no door.

    return router


def app_routes(apps: Apps) -> Routes:
    """Codes and tokens of apps."""
    router = Routes(prefix="/apps", tags=["apps"], dependencies=[GATEWAY_ONLY])

    @router.post("/asking", response_model=AppOut)
    async def asking(body: AskedIn) -> dict[str, str]:
        """Which app asks."""
        return {"name": apps.asking(body.asked()).name}

    @router.post("/authorize", response_model=CodeOut)
    async def authorize(body: AllowedIn) -> dict[str, str]:
        """A code for it."""
        return {"code": await apps.authorize(body.session_id, body.asked())}

    @router.post("/redeem", response_model=AppTokens)
    async def redeem(body: CodeShown) -> dict[str, Any]:
        """Tokens for a code."""
        return await apps.redeem(body.client_id, body.code, body.redirect_uri, body.code_verifier, body.where)

    @router.post("/refresh", response_model=AppTokens)
    async def refresh(body: RefreshShown) -> dict[str, Any]:
        """The next tokens for a refresh token."""
        return await apps.refresh(body.client_id, body.token)

    @router.post("/revoke", status_code=204)
    async def revoke(body: RefreshShown) -> None:
        """End what a token belongs to."""
        await apps.revoke(body.client_id, body.token)

    return router
