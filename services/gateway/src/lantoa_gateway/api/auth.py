"""Sign in, show once more who one is, sign out; who am I, and where else."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from lantoa_contracts.door import Me, NextStep, SessionsOut
from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.api import cookie
from lantoa_gateway.api.door import HERE, Door, Password, SixDigits, Ticket, done, said
from lantoa_runtime.http import Routes, StrictModel, declares


class SignIn(StrictModel):
    """What somebody types at the door."""

    login: str = Field(min_length=1, max_length=64)
    password: Password


class Shown(StrictModel):
    """One proof of who sits there: six digits, a recovery code, or what `navigator.credentials.get` gave, as JSON."""

    totp: SixDigits | None = None
    recovery: str | None = Field(default=None, min_length=1, max_length=20)
    passkey: dict[str, Any] | None = None


class SecondFactor(Shown):
    """Exactly one of the three, and the ticket of the step before."""

    ticket: Ticket


class Again(Shown):
    """Exactly one of the four."""

    password: Password | None = None


class NewPassword(StrictModel):
    """A password of one's own in the place of one that was given."""

    ticket: Ticket
    password: Password


class ChangedPassword(StrictModel):
    """The old password and the new one."""

    old: Password
    new: Password


class Question(StrictModel):
    """With the ticket of the step before: one of this person's keys. Without: any."""

    ticket: Ticket | None = None


class Answer(StrictModel):
    """What `navigator.credentials.get` gave, as JSON."""

    passkey: dict[str, Any]


class Provider(BaseModel):
    """A provider by which staff may sign in."""

    name: str


class Ways(BaseModel):
    """By what one can sign in here. Passkeys need a site that has a name."""

    password: bool
    passkey: bool
    oidc: Provider | None


def auth_routes(door: Door, provider: str | None) -> Routes:
    """The ways in."""
    router = Routes(prefix="/auth", tags=["sign-in"], dependencies=[declares(DOOR_USE)])

    @router.get("/ways", response_model=Ways)
    async def ways(request: Request) -> Response:
        """By what one can sign in here."""
        oidc = {"name": provider} if provider else None
        return said({"password": True, "passkey": door.takes_passkeys(request), "oidc": oidc})

    @router.post("/sign-in", response_model=Me | NextStep)
    async def sign_in(request: Request, body: SignIn) -> Response:
        """Sign in by password. The session id is always new and the one shown before ends: nobody can plant one."""
        door.count_try(request)
        return await door.entered(request, await door.ask(request, "sign-in", body.model_dump()))

    @router.post("/second-factor", response_model=Me | NextStep)
    async def second_factor(request: Request, body: SecondFactor) -> Response:
        """The second step, for a ticket."""
        return await door.entered(request, await door.ask(request, "sign-in/second-factor", body.model_dump()))

    @router.post("/new-password", response_model=Me)
    async def new_password(request: Request, body: NewPassword) -> Response:
        """The last step of who was given a password, for a ticket."""
        return await door.entered(request, await door.ask(request, "sign-in/new-password", body.model_dump()))

    @router.post("/passkey/options")
    async def passkey_options(request: Request, body: Question) -> dict[str, Any]:
        """`PublicKeyCredentialRequestOptions` as JSON (WebAuthn, 5.1.8), good for one answer."""
        return await door.ask(request, "sign-in/question", {"ticket": body.ticket})

    @router.post("/passkey/sign-in", response_model=Me | NextStep)
    async def passkey_sign_in(request: Request, body: Answer) -> Response:
        """Sign in by a passkey alone."""
        door.count_try(request)
        return await door.entered(request, await door.ask(request, "sign-in/passkey", {"passkey": body.passkey}))

    return router


def session_routes(door: Door) -> Routes:
    """What there is for who is signed in."""
    router = Routes(prefix="/auth", tags=["sign-in"], dependencies=[declares(DOOR_USE)])

    @router.post("/again", response_model=Me, dependencies=[HERE])
    async def again(request: Request, body: Again) -> Response:
        """Show once more who sits here: the session goes on under a new id, as fresh as a new one."""
        return door.goes_on(request, await door.own(request, "sessions/again", body.model_dump(), where=True))

    @router.post("/sign-out", status_code=204)
    async def sign_out(request: Request) -> Response:
        """End the session; without one nothing happens."""
        shown = cookie.session_id(request.headers)
        if shown is not None:
            await door.sessions.end(shown)
        response = done()
        cookie.take(response)
        return response

    @router.get("/me", response_model=Me, dependencies=[HERE])
    async def me(request: Request) -> Response:
        """The person signed in, with the names of their units, and what they sign in with."""
        person = await cookie.person(request.headers, door.sessions)
        return said({"person": person.view, **person.owns})

    @router.post("/password", response_model=Me, dependencies=[HERE])
    async def change_password(request: Request, body: ChangedPassword) -> Response:
        """A new password: every other session ends, this one goes on under a new id."""
        return door.goes_on(request, await door.own(request, "sessions/password", body.model_dump(), where=True))

    @router.get("/sessions", response_model=SessionsOut, dependencies=[HERE])
    async def list_sessions(request: Request) -> Response:
        """Where one is signed in."""
        return said(await door.own(request, "sessions/list"))

    @router.delete("/sessions/{session}", status_code=204, dependencies=[HERE])
    async def end_session(request: Request, session: Ticket) -> Response:
        """End one of one's sessions."""
        await door.own(request, "sessions/end-one", {"id": session})
        return done()

    @router.post("/sessions/end-others", status_code=204, dependencies=[HERE])
    async def end_others(request: Request) -> Response:
        """End all of them but this."""
        await door.own(request, "sessions/end-others")
        return done()

    return router
