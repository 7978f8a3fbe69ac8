"""Show who you are: with a password and a second factor, with a key, by a provider, and once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lantoa_calendar.text import fold
from lantoa_contracts.events.directory import RefusedBecause, SignInWay
from lantoa_directory.domain.signin import TICKET_LIFE, is_weak
from lantoa_directory.telemetry import SIGN_INS
from lantoa_directory.usecases.attempts import Attempts, TooManyAttempts
from lantoa_directory.usecases.credentials import Credentials, Tickets
from lantoa_directory.usecases.factors import Factors, Proof
from lantoa_directory.usecases.passkeys import Site
from lantoa_directory.usecases.people import Passwords
from lantoa_directory.usecases.sessions import Entered, Origin, Sessions, digest
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, Invalid
from lantoa_runtime.mongo import Collection, Document


@dataclass(frozen=True)
class Begun:
    """Somebody is in."""

    session_id: str
    me: Mapping[str, Any]


@dataclass(frozen=True)
class Next:
    """Something is still wanted, for which the ticket is good."""

    next: Literal["second-factor", "new-password"]
    ticket: str
    ways: tuple[str, ...] = ()
    seconds: int = int(TICKET_LIFE.total_seconds())


Outcome = Begun | Next


@dataclass(frozen=True)
class Parts:
    """What a sign-in is made of."""

    people: Collection
    identities: Collection
    credentials: Credentials
    tickets: Tickets
    attempts: Attempts
    sessions: Sessions
    factors: Factors
    passwords: Passwords
    clock: Clock


class SignIn:
    """Every way in. Whoever is refused hears the same whether the login exists or not."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def password(self, login: str, password: str, origin: Origin) -> Outcome:
        """The first step of most.

        Raises:
            TooManyAttempts: this login has to wait, whether somebody has it or not.
            AppError: ``directory.wrong-credentials``, for a wrong password as for an unknown login.
            Forbidden: ``directory.locked``, said to whoever knows the password only.
        """
        name = fold(login)
        # The login itself is not kept: people type their password into the wrong box.
        attempt = digest(name)
        try:
            await self._p.attempts.count(attempt, self._p.clock.now())
        except TooManyAttempts:
            SIGN_INS.labels("password", "waiting").inc()
            raise
        person = await self._p.people.find_one({"login": name})
        if not await self._p.passwords.fits(person["password"] if person else None, password) or person is None:
            await self._refused(person["_id"] if person else None, attempt, "password", origin)
            raise AppError("directory.wrong-credentials", 401)
        await self._p.attempts.clear(attempt)
        return await self._passed(person, Entered("password", mfa=False), origin)

    async def _passed(self, person: Document, entered: Entered, origin: Origin) -> Outcome:
        """What follows for somebody who has shown one thing, or both."""
        if person.get("locked"):
            await self._refused(person["_id"], "", "locked", origin, entered.way)
            raise Forbidden("directory.locked")
        ways = [] if entered.mfa else await self._p.factors.ways(person["_id"])
        if ways:
            SIGN_INS.labels(entered.way, "half").inc()
            ticket = await self._p.tickets.give("second-factor", person["_id"], {"way": entered.way})
            return Next("second-factor", ticket, tuple(ways))
        if person.get("password_once") and entered.way != "oidc":
            facts = {"way": entered.way, "mfa": entered.mfa}
            return Next("new-password", await self._p.tickets.give("new-password", person["_id"], facts))
        return await self._enter(person, entered, origin)

    async def _enter(self, person: Document, entered: Entered, origin: Origin) -> Begun:
        session_id, since = await self._p.sessions.enter(person["_id"], entered, origin)
        SIGN_INS.labels(entered.way, "in").inc()
        return Begun(session_id, await self._p.sessions.me(person, since, entered.mfa))

    async def _refused(
        self, person_id: str | None, attempt: str, because: RefusedBecause, origin: Origin, way: SignInWay = "password"
    ) -> None:
        SIGN_INS.labels(way, "refused").inc()
        await self._p.credentials.refused(person_id, attempt, because, origin.place)

    async def second_factor(self, ticket: str, proof: Proof, site: Site | None, origin: Origin) -> Outcome:
        """The second step. Each try costs one of the ticket's five; codes are counted for the person, too.

        Raises:
            TooManyAttempts: too many codes of this person were wrong.
            AppError: ``directory.ticket-over``, ``directory.wrong-factor``, ``directory.wrong-passkey``.
        """
        held, left = await self._p.tickets.try_(ticket, "second-factor")
        person = await self._person(str(held.person_id))
        try:
            way = await self._p.factors.check(person["_id"], proof, site)
        except TooManyAttempts:
            SIGN_INS.labels(proof.kind, "waiting").inc()
            raise
        except AppError as error:
            await self._refused(person["_id"], "", "factor", origin, proof.kind)
            raise AppError(error.code, error.http_status, left=left) from error
        await self._p.tickets.spend(held)
        return await self._passed(person, Entered(way, mfa=True), origin)

    async def new_password(self, ticket: str, password: str, origin: Origin) -> Begun:
        """Put a password of one's own in the place of one that was given.

        Raises:
            AppError: ``directory.ticket-over``.
            Invalid: ``directory.weak-password``.
        """
        held = await self._p.tickets.look(ticket, "new-password")
        person = await self._person(str(held.person_id))
        await check_password(self._p, person, password, "/password")
        await self._p.tickets.spend(held)
        await store_password(self._p, person, password)
        return await self._enter(person, Entered(held.facts["way"], held.facts["mfa"]), origin)

    async def question(self, ticket: str | None, site: Site | None) -> dict[str, Any]:
        """What a browser needs to answer with a key.

        Raises:
            AppError: ``directory.ticket-over``.
            Invalid: ``directory.no-passkeys-here``.
        """
        held = await self._p.tickets.look(ticket, "second-factor") if ticket is not None else None
        return await self._p.factors.question(site, held.person_id if held else None)

    async def passkey(self, credential: Mapping[str, Any], site: Site | None, origin: Origin) -> Outcome:
        """Sign in with a key alone: it has looked at a finger or asked for a PIN itself.

        Raises:
            AppError: ``directory.wrong-passkey``.
        """
        try:
            person_id = await self._p.factors.passkey(credential, site)
        except AppError:
            SIGN_INS.labels("passkey", "refused").inc()
            raise
        return await self._passed(await self._person(person_id), Entered("passkey", mfa=True), origin)

    async def oidc(self, issuer: str, subject: str, login: str | None, mfa: bool, origin: Origin) -> Outcome:
        """Sign in whom a provider names; by ``login`` only who was not linked before, and is linked then.

        Raises:
            AppError: ``directory.unknown-identity``.
        """
        key = {"_id": digest(f"{issuer}\0{subject}")}
        known = await self._p.identities.find_one(key)
        wanted = {"_id": known["person_id"]} if known else {"login": fold(login)} if login else None
        person = await self._p.people.find_one(wanted) if wanted else None
        if person is None:
            SIGN_INS.labels("oidc", "refused").inc()
            raise AppError("directory.unknown-identity", 401)
        if known is None:
            await self.link(person["_id"], issuer, subject)
        return await self._passed(person, Entered("oidc", mfa), origin)

    async def link(self, person_id: str, issuer: str, subject: str) -> None:
        """Take up that a provider's subject is this person; whose else it was it is no more."""
        key = {"_id": digest(f"{issuer}\0{subject}")}
        fields = {"person_id": person_id, "issuer": issuer, "at": self._p.clock.now()}
        await self._p.identities.update_one(key, {"$set": fields}, upsert=True)
        await self._p.credentials.say(person_id, "linked")

    async def again(self, session_id: str, proof: Proof | str, site: Site | None, origin: Origin) -> Begun:
        """Show once more who sits here, by a password (a text) or a factor: the same session under a new id, as fresh
        as a new one.

        Raises:
            TooManyAttempts: tried too often with this session's person.
            AppError: ``sign-in-required``, ``directory.wrong-credentials``, ``directory.wrong-factor``,
                ``directory.wrong-passkey``.
        """
        session = await self._p.sessions.of_person(session_id)
        person = await self._p.sessions.person(session)
        if isinstance(proof, str):
            await self.own_password(person, proof)
            entered = Entered("password", session["mfa"])
        else:
            entered = Entered(await self._p.factors.check(person["_id"], proof, site), mfa=True)
        begun, since = await self._p.sessions.enter(person["_id"], entered, origin, before=session)
        SIGN_INS.labels(entered.way, "again").inc()
        return Begun(begun, await self._p.sessions.me(person, since, entered.mfa))

    async def own_password(self, person: Document, password: str) -> None:
        """Pass when this is the person's password. Counted apart from tries at the door: whoever sits at a session
        keeps nobody out there.

        Raises:
            TooManyAttempts: tried too often.
            AppError: ``directory.wrong-credentials``.
        """
        attempt = digest(f"again {person['_id']}")
        await self._p.attempts.count(attempt, self._p.clock.now())
        if not await self._p.passwords.fits(person["password"], password):
            raise AppError("directory.wrong-credentials", 401)
        await self._p.attempts.clear(attempt)

    async def _person(self, person_id: str) -> Document:
        person = await self._p.people.find_one({"_id": person_id})
        if person is None:
            raise AppError("directory.ticket-over", 401)
        return person


async def check_password(p: Parts, person: Document, password: str, pointer: str) -> None:
    """Pass when a password may be somebody's new one.

    Raises:
        Invalid: ``directory.weak-password``; also for the one they have.
    """
    if is_weak(password, person["login"]) or await p.passwords.fits(person["password"], password):
        raise Invalid("directory.weak-password", pointer)


async def store_password(p: Parts, person: Document, password: str, but: str | None = None) -> None:
    """Keep a new password; the person's sessions end, but the one with this key."""
    fields = {"password": await p.passwords.hash(password), "password_once": False}
    await p.people.update_one({"_id": person["_id"]}, {"$set": fields})
    await p.sessions.end_all("person", person["_id"], but)
    await p.credentials.say(person["_id"], "password")
