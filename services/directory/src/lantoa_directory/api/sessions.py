"""HTTP: every step of a sign-in, and the sessions that come of it. For the gateway, which alone holds cookies."""

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from lantoa_contracts.door import Me, NextStep, SessionsOut
from lantoa_directory.api.answers import CitizenResolved
from lantoa_directory.api.directory import GATEWAY_ONLY
from lantoa_directory.usecases.factors import Proof
from lantoa_directory.usecases.passkeys import Site
from lantoa_directory.usecases.security import Security
from lantoa_directory.usecases.sessions import Origin
from lantoa_directory.usecases.signing_in import Begun, Outcome, SignIn
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http import Line, Routes, StrictModel

Password = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=False)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=20)]


class From(StrictModel):
    """Where a browser is: words for it, its address cut short, and the site that it says to be on."""

    device: Annotated[Line, StringConstraints(max_length=80)] = ""
    place: Annotated[Line, StringConstraints(max_length=60)] = ""
    origin: Annotated[str, StringConstraints(pattern=r"^https?://[a-zA-Z0-9.:\[\]-]{1,253}$")] | None = None

    @property
    def where(self) -> Origin:
        """The use case's form of it."""
        return Origin(self.device, self.place)

    @property
    def site(self) -> Site | None:
        """The site, if keys can be used there."""
        return Site.of(self.origin)


class Held(From):
    """A browser that shows a session."""

    session_id: Text


class PasswordIn(From):
    """Who somebody says to be."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Password


class Shown(From):
    """One thing that proves who sits there."""

    totp: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    recovery: Code | None = None
    passkey: dict[str, Any] | None = None

    def proof(self) -> Proof | None:
        """The one that is there.

        Raises:
            Invalid: there are several.
        """
        kinds: tuple[Literal["totp", "recovery", "passkey"], ...] = ("totp", "recovery", "passkey")
        found = [Proof(kind, getattr(self, kind)) for kind in kinds if getattr(self, kind) is not None]
        if len(found) > 1:
            raise Invalid("directory.one-proof")
        return found[0] if found else None


class SecondFactorIn(Shown):
    """A second factor for a ticket."""

    ticket: Text


class NewPasswordIn(From):
    """A password of one's own for a ticket."""

    ticket: Text
    password: Password


class QuestionIn(From):
    """A key is to be asked; with a ticket, one of its person."""

    ticket: Text | None = None


class PasskeyIn(From):
    """A key's answer."""

    passkey: dict[str, Any]


class OidcIn(From):
    """Whom a provider named; ``login`` where the gateway may match by it."""

    issuer: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    login: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    mfa: bool = False


class LinkIn(Held):
    """Whom a provider named, for who is signed in."""

    issuer: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class AgainIn(Held, Shown):
    """A password, or a factor, once more."""

    password: Password | None = None


class SessionRef(StrictModel):
    """One session."""

    session_id: Text


class SessionIn(SessionRef):
    """A session and another of the same person."""

    id: Text


class ChangePasswordIn(Held):
    """The old password and the new one."""

    old: Password
    new: Password


class SessionBegun(Me):
    """The same with the id of a new session."""

    session_id: str


class PersonResolved(Me):
    """The session is a person's."""

    kind: Literal["person"]


def begun(made: Begun) -> dict[str, Any]:
    """The answer that somebody is in."""
    return {"session_id": made.session_id, **made.me}


def outcome(made: Outcome) -> dict[str, Any]:
    """The answer to a step."""
    if isinstance(made, Begun):
        return begun(made)
    return {"next": made.next, "ticket": made.ticket, "ways": list(made.ways), "seconds": made.seconds}


def sign_in_routes(sign_in: SignIn) -> Routes:
    """Every way in."""
    router = Routes(prefix="/sign-in", tags=["sign-in"], dependencies=[GATEWAY_ONLY])

    @router.post("", response_model=SessionBegun | NextStep)
    async def by_password(body: PasswordIn) -> dict[str, Any]:
        """A new session for a login and its password, or what is still wanted."""
        return outcome(await sign_in.password(body.login, body.password, body.where))

    @router.post("/second-factor", response_model=SessionBegun | NextStep)
    async def second_factor(body: SecondFactorIn) -> dict[str, Any]:
        """A new session for a ticket and a second factor, or a new password is wanted."""
        proof = body.proof()
        if proof is None:
            raise Invalid("directory.one-proof")
        return outcome(await sign_in.second_factor(body.ticket, proof, body.site, body.where))

    @router.post("/new-password", response_model=SessionBegun)
    async def new_password(body: NewPasswordIn) -> dict[str, Any]:
        """A new session for a ticket and a password of one's own."""
        return begun(await sign_in.new_password(body.ticket, body.password, body.where))

    @router.post("/question")
    async def question(body: QuestionIn) -> dict[str, Any]:
        """`PublicKeyCredentialRequestOptions` as JSON."""
        return await sign_in.question(body.ticket, body.site)

    @router.post("/passkey", response_model=SessionBegun | NextStep)
    async def passkey(body: PasskeyIn) -> dict[str, Any]:
        """A new session for a key's answer."""
        return outcome(await sign_in.passkey(body.passkey, body.site, body.where))

    @router.post("/oidc", response_model=SessionBegun | NextStep)
    async def oidc(body: OidcIn) -> dict[str, Any]:
        """A new session for whom a provider names."""
        return outcome(await sign_in.oidc(body.issuer, body.subject, body.login, body.mfa, body.where))

    return router


def session_routes(sign_in: SignIn, security: Security) -> Routes:
    """Sessions that are there."""
    router = Routes(prefix="/sessions", tags=["sessions"], dependencies=[GATEWAY_ONLY])
    sessions = security.sessions

    @router.post("/resolve", response_model=PersonResolved | CitizenResolved)
    async def resolve(body: SessionRef) -> dict[str, Any]:
        """Whose session this is: a person's or a citizen's."""
        return await sessions.resolve(body.session_id)

    @router.post("/again", response_model=SessionBegun)
    async def again(body: AgainIn) -> dict[str, Any]:
        """The same session under a new id, of who has shown once more who they are."""
        proof = body.proof()
        if (proof is None) == (body.password is None):
            raise Invalid("directory.one-proof")
        return begun(await sign_in.again(body.session_id, proof or body.password or "", body.site, body.where))

    @router.post("/password", response_model=SessionBegun)
    async def change_password(body: ChangePasswordIn) -> dict[str, Any]:
        """A new password; the same session under a new id, and no other."""
        return begun(await security.change_password(body.session_id, body.old, body.new, body.where))

    @router.post("/link", status_code=204)
    async def link(body: LinkIn) -> None:
        """From now on this person may come by a provider."""
        session = await sessions.recent(body.session_id)
        await sign_in.link(session["person_id"], body.issuer, body.subject)

    @router.post("/list", response_model=SessionsOut)
    async def list_sessions(body: SessionRef) -> dict[str, Any]:
        """The sessions of whoever shows one."""
        return {"items": await sessions.listed(await sessions.of_person(body.session_id))}

    @router.post("/end", status_code=204)
    async def end(body: SessionRef) -> None:
        """Sign out."""
        await sessions.end(body.session_id)

    @router.post("/end-one", status_code=204)
    async def end_one(body: SessionIn) -> None:
        """End one of one's own sessions."""
        await sessions.end_ref(await sessions.of_person(body.session_id), body.id)

    @router.post("/end-others", status_code=204)
    async def end_others(body: SessionRef) -> None:
        """End all of them but this."""
        session = await sessions.of_person(body.session_id)
        await sessions.end_all("person", session["person_id"], but=session["_id"])

    return router
