"""People as administrators keep them: taken up, changed, kept out and let in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lantoa_contracts import catalogue
from lantoa_contracts.events import directory as events
from lantoa_contracts.policy import EVERYWHERE, PERSON_WRITE
from lantoa_directory.domain.people import one_time_password
from lantoa_directory.usecases.editing import Editing
from lantoa_directory.usecases.grants import grants_fields, grants_of
from lantoa_directory.usecases.people import EndAll, Passwords, named
from lantoa_runtime.errors import Conflict, Invalid, StaleVersion
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Change, Document, DuplicateKey, Outgoing

_PROFILE = ("name", "title", "body", "phone", "email")


@dataclass(frozen=True)
class Profile:
    """What is known of a person apart from their rights."""

    name: str
    title: str
    body: str | None
    phone: str
    email: str


class Accounts:
    """People and their way in."""

    def __init__(
        self,
        editing: Editing,
        passwords: Passwords,
        end_all: EndAll,
        reset_factors: Callable[[str], Awaitable[None]],
    ) -> None:
        self.reach = editing.reach
        self._editing = editing
        self._passwords = passwords
        self._end_all = end_all
        self._reset_factors = reset_factors

    async def create(self, caller: Caller, person_id: str, login: str, profile: Profile) -> Document:
        """Take a person up, without rights and without a password.

        Raises:
            DuplicateKey: the id is taken.
            Conflict: another person has this login.
            Forbidden: the body is not the caller's to administer.
            Invalid: there is no such body, or none is named and the caller does not administer everything.
        """
        if profile.body is None:
            _may_belong_nowhere(caller)
        await self._editing.known(profile.body, "/body_id")
        nobody = {"_id": person_id, "units": [profile.body] if profile.body else []}
        await self.reach.administered(caller, nobody)
        fields = {**_profile_fields(login, profile), **grants_fields((), profile.body, self.reach.today())}
        event = events.AccountCreated(person_id=person_id, ver=1, unit_id=profile.body)
        try:
            return await self.reach.people.insert(
                person_id, {**fields, "password": None}, [Outgoing(catalogue.ACCOUNT_CREATED, event)]
            )
        except DuplicateKey as error:
            if "login" in error.key:
                raise Conflict("directory.login-taken") from error
            raise

    async def change(self, caller: Caller, person_id: str, ver: int, profile: Profile) -> Document:
        """Change what is known of a person. Who they are bound to stays an administrator's, also for themselves.

        Raises:
            StaleVersion: the person is not as they were seen.
            NotFound, Forbidden, Invalid: as for :meth:`create`.
        """
        document = await self.reach.load(person_id)
        moved = profile.body != document["body"]
        if caller.id != person_id or moved:
            if moved:
                await self._editing.known(profile.body, "/body_id")
            await self.reach.administered(caller, document, [profile.body] if profile.body and moved else [])
        if document["ver"] != ver:
            raise StaleVersion
        fields = _profile_fields(document["login"], profile)
        fields |= grants_fields(grants_of(document), profile.body, self.reach.today())
        if moved and not fields["units"]:
            _may_belong_nowhere(caller)
        told = tuple(
            name for name in ("name", "title", "body", "phone", "email") if document.get(name, "") != fields[name]
        )
        if not told:
            return document
        event = events.AccountChanged(person_id=person_id, ver=ver + 1, unit_id=profile.body, fields=told)
        return await self.reach.people.save(document, fields, [Outgoing(catalogue.ACCOUNT_CHANGED, event)])

    async def lock(self, caller: Caller, person_id: str, reason: str) -> Document:
        """Keep a person out until somebody unlocks them; their sessions end.

        Raises:
            Forbidden: the person is not the caller's to administer, or it is they.
            Conflict: ``directory.last-admin``.
        """

        async def decide(document: Document) -> Change | None:
            await self.reach.administered(caller, document)
            if document.get("locked"):
                return None
            at = self._editing.clock.now()
            return await self._editing.told(
                document,
                {"locked": {"at": at, "by": caller.id, "reason": reason}},
                catalogue.ACCOUNT_LOCKED,
                events.AccountLocked,
            )

        document = await self._editing.edit(person_id, decide)
        await self._end_all(person_id)
        return document

    async def unlock(self, caller: Caller, person_id: str) -> Document:
        """Let a person in again.

        Raises:
            Forbidden: the person is not the caller's to administer, or it is they.
        """

        async def decide(document: Document) -> Change | None:
            await self.reach.administered(caller, document)
            if not document.get("locked"):
                return None
            return await self._editing.told(
                document, {"locked": None}, catalogue.ACCOUNT_UNLOCKED, events.AccountUnlocked
            )

        return await self._editing.edit(person_id, decide)

    async def one_time_password(self, caller: Caller, person_id: str) -> str:
        """A password for one sign-in, at which another must be set. The one before is gone, sessions end.

        Raises:
            Forbidden: the person is not the caller's to administer, or it is they.
        """
        password = one_time_password()
        hashed = await self._passwords.hash(password)

        async def decide(document: Document) -> Change | None:
            await self.reach.administered(caller, document)
            fields = {"password": hashed, "password_once": True}
            return await self._editing.told(
                document, fields, catalogue.ACCOUNT_RESET, events.AccountReset, what="password"
            )

        await self._editing.edit(person_id, decide)
        await self._end_all(person_id)
        return password

    async def reset_factors(self, caller: Caller, person_id: str) -> Document:
        """Forget a person's second factors, for one who lost their phone; sessions end.

        Raises:
            Forbidden: the person is not the caller's to administer, or it is they.
        """

        async def decide(document: Document) -> Change | None:
            await self.reach.administered(caller, document)
            return await self._editing.told(document, {}, catalogue.ACCOUNT_RESET, events.AccountReset, what="factors")

        document = await self._editing.edit(person_id, decide)
        await self._reset_factors(person_id)
        await self._end_all(person_id)
        return document


def _may_belong_nowhere(caller: Caller) -> None:
    """Pass for who administers everything: nobody else could find somebody who belongs nowhere again.

    Raises:
        Invalid: for everybody else, who has to name an office.
    """
    if EVERYWHERE not in caller.units(PERSON_WRITE):
        raise Invalid("directory.office-needed", "/body_id")


def _profile_fields(login: str, profile: Profile) -> dict[str, Any]:
    names = named(login, profile.name, profile.title, profile.body)
    return {**names, "phone": profile.phone, "email": profile.email}
