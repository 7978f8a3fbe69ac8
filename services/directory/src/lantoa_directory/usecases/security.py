"""What somebody who is signed in changes about how they sign in: each change asks for a fresh sign-in."""

from collections.abc import Mapping
from typing import Any

from lantoa_directory.usecases.passkeys import Site
from lantoa_directory.usecases.sessions import Entered, Origin, Sessions
from lantoa_directory.usecases.signing_in import Begun, Parts, SignIn, check_password, store_password
from lantoa_runtime.mongo import Document


class Security:
    """Factors, password and sessions of whoever shows a session."""

    def __init__(self, parts: Parts, sign_in: SignIn) -> None:
        self._p = parts
        self._sign_in = sign_in

    @property
    def sessions(self) -> Sessions:
        """The sessions of everybody."""
        return self._p.sessions

    async def begin_totp(self, session_id: str) -> dict[str, str]:
        """``{secret, uri}``; see :meth:`Factors.begin_totp`."""
        _, person = await self._fresh(session_id)
        return await self._p.factors.begin_totp(person)

    async def confirm_totp(self, session_id: str, code: str, origin: Origin) -> tuple[Begun, list[str]]:
        """The same session under a new id, and recovery codes, if there were none."""
        session, person = await self._fresh(session_id)
        codes = await self._p.factors.confirm_totp(person["_id"], code)
        return await self._gone_on(session, person, origin, mfa=True), codes

    async def remove_totp(self, session_id: str, origin: Origin) -> Begun:
        """The same session under a new id."""
        session, person = await self._fresh(session_id)
        await self._p.factors.remove_totp(person["_id"], await self._p.sessions.owes_factor(person))
        return await self._gone_on(session, person, origin, session["mfa"])

    async def renew_recovery(self, session_id: str) -> list[str]:
        """Ten new recovery codes."""
        _, person = await self._fresh(session_id)
        return await self._p.factors.renew_recovery(person["_id"])

    async def begin_passkey(self, session_id: str, site: Site | None) -> dict[str, Any]:
        """What a browser needs to make a key."""
        _, person = await self._fresh(session_id)
        return await self._p.factors.begin_passkey(person, site)

    async def add_passkey(
        self, session_id: str, name: str, credential: Mapping[str, Any], site: Site | None, origin: Origin
    ) -> tuple[Begun, dict[str, Any], list[str]]:
        """The same session under a new id, the key, and recovery codes, if there were none."""
        session, person = await self._fresh(session_id)
        made, codes = await self._p.factors.add_passkey(person["_id"], name, credential, site)
        return await self._gone_on(session, person, origin, mfa=True), made, codes

    async def remove_passkey(self, session_id: str, key_id: str, origin: Origin) -> Begun:
        """The same session under a new id."""
        session, person = await self._fresh(session_id)
        await self._p.factors.remove_passkey(person["_id"], key_id, await self._p.sessions.owes_factor(person))
        return await self._gone_on(session, person, origin, session["mfa"])

    async def passkeys(self, session_id: str) -> list[dict[str, Any]]:
        """One's own keys."""
        session = await self._p.sessions.of_person(session_id)
        return await self._p.factors.listed(session["person_id"])

    async def change_password(self, session_id: str, old: str, new: str, origin: Origin) -> Begun:
        """The same session under a new id; all others have ended.

        Raises:
            AppError: ``directory.wrong-credentials``; Invalid: ``directory.weak-password``; TooManyAttempts.
        """
        session = await self._p.sessions.of_person(session_id)
        person = await self._p.sessions.person(session)
        await self._sign_in.own_password(person, old)
        await check_password(self._p, person, new, "/new")
        await store_password(self._p, person, new, but=session["_id"])
        return await self._gone_on(session, person, origin, session["mfa"])

    async def _fresh(self, session_id: str) -> tuple[Document, Document]:
        session = await self._p.sessions.recent(session_id)
        return session, await self._p.sessions.person(session)

    async def _gone_on(self, session: Document, person: Document, origin: Origin, mfa: bool) -> Begun:
        """After a change of factors this browser goes on under a new id, and every other begins anew."""
        await self._p.sessions.end_all("person", person["_id"], but=session["_id"])
        entered = Entered(session["way"], mfa)
        session_id, since = await self._p.sessions.enter(person["_id"], entered, origin, told=False, before=session)
        return Begun(session_id, await self._p.sessions.me(person, since, mfa))
