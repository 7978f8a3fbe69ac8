"""Access tokens: what a program of somebody else's shows, for what its owner lets it do."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lantoa_contracts.catalogue import SESSION_ENDED
from lantoa_contracts.events.directory import SessionEnded
from lantoa_directory.domain.tokens import MOST_TOKENS, grantable
from lantoa_directory.telemetry import SIGN_INS
from lantoa_directory.usecases.credentials import Credentials, today
from lantoa_directory.usecases.sessions import KEPT_AFTER_END, Sessions, digest, session_ref
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Invalid, NotFound
from lantoa_runtime.mongo import Aggregates, Change, Database, Document, Outgoing


class AccessTokens:
    """Tokens by their digests: whoever reads the database cannot use one."""

    def __init__(
        self, db: Database, tokens: Aggregates, sessions: Sessions, credentials: Credentials, clock: Clock
    ) -> None:
        self._people = db["people"]
        self._tokens = tokens
        self._sessions = sessions
        self._credentials = credentials
        self._clock = clock

    async def listed(self, session_id: str) -> dict[str, Any]:
        """``{items, grantable}``: one's own tokens, newest first, and what one may let a program do.

        Raises:
            AppError: ``sign-in-required``.
        """
        session = await self._sessions.of_person(session_id)
        live = sorted(await self._live(session["person_id"]), key=lambda one: one["created_at"], reverse=True)
        return {"items": [_view(token) for token in live], "grantable": list(await self._grantable(session))}

    async def make(self, session_id: str, name: str, permissions: Sequence[str], days: int) -> dict[str, Any]:
        """``{token, item}``; the token is shown this once.

        Raises:
            AppError: ``sign-in-required``, ``directory.sign-in-again``.
            Invalid: ``directory.not-grantable``, for what its owner may not do or no program may.
            Conflict: ``directory.too-many-tokens``.
        """
        session = await self._sessions.recent(session_id)
        may = await self._grantable(session)
        for number, permission in enumerate(permissions):
            if permission not in may:
                raise Invalid("directory.not-grantable", f"/permissions/{number}", permission=permission)
        if len(await self._live(session["person_id"])) >= MOST_TOKENS:
            raise Conflict("directory.too-many-tokens", most=MOST_TOKENS)
        token, now = f"lta_{secrets.token_urlsafe(32)}", self._clock.now()
        fields = {
            "person_id": session["person_id"],
            "name": name,
            "permissions": sorted(set(permissions)),
            "created_at": now,
            "ends_at": now + timedelta(days=days),
            "used_on": None,
        }
        event = self._credentials.secured(session["person_id"], "token")
        made = await self._tokens.insert(digest(token), fields, [event])
        return {"token": token, "item": _view(made)}

    async def end(self, session_id: str, ref: str) -> None:
        """Take a token back.

        Raises:
            AppError: ``sign-in-required``.
            NotFound: one has no such token.
        """
        session = await self._sessions.of_person(session_id)
        found = [one for one in await self._live(session["person_id"]) if session_ref(one["_id"]) == ref]
        if not found:
            raise NotFound("token")

        def decide(document: Document | None) -> Change | None:
            if document is None or document.get("ended_at"):
                return None
            now, owner = self._clock.now(), document["person_id"]
            told = SessionEnded(person_id=owner, ver=document["ver"] + 1, digests=(document["_id"],), at=now)
            events = [Outgoing(SESSION_ENDED, told), self._credentials.secured(owner, "token-removed")]
            return Change({"ended_at": now, "ends_at": now + KEPT_AFTER_END}, events)

        await self._tokens.change(found[0]["_id"], decide)

    async def resolve(self, token: str) -> dict[str, Any]:
        """``{person, only, ends_at}``: for whom a token speaks, what permissions it is limited to, until when.

        Raises:
            AppError: ``sign-in-required``.
        """
        found = await self._tokens.load(digest(token))
        now = self._clock.now()
        if found is None or found.get("ended_at") or found["ends_at"] <= now:
            SIGN_INS.labels("token", "refused").inc()
            raise AppError("sign-in-required", 401)
        person = await self._sessions.person(found)
        if found["used_on"] != today(now):
            await self._tokens.collection.update_one({"_id": found["_id"]}, {"$set": {"used_on": today(now)}})
        # Given by somebody who had shown both factors; nobody signs in by it, so nothing is fresh about it.
        view = (await self._sessions.me(person, now, mfa=True))["person"]
        person_out = {**view, "signed_in_at": None}
        return {"person": person_out, "only": found["permissions"], "ends_at": found["ends_at"]}

    async def _grantable(self, session: Document) -> tuple[str, ...]:
        person = await self._sessions.person(session)
        me = await self._sessions.me(person, session["signed_in_at"], session["mfa"])
        return grantable(grant["role"] for grant in me["person"]["grants"])

    async def _live(self, person_id: str) -> list[Document]:
        living = {"ended_at": None, "ends_at": {"$gt": self._clock.now()}}
        return await self._tokens.collection.find({"person_id": person_id, **living})


def _view(token: Document) -> dict[str, Any]:
    names = ("name", "permissions", "created_at", "ends_at", "used_on")
    return {"id": session_ref(token["_id"]), **{name: token[name] for name in names}}
