"""Apps of our own on somebody's phone: a code against a proof, short tokens, and refresh tokens that rotate.

RFC 6749 with PKCE (RFC 7636, S256 alone), as RFC 9700 wants it. What an app has is a session of its person's like any
other: it is listed, it ends with the others, and a refresh token that comes a second time ends it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from lantoa_directory.domain.tokens import (
    APP_ABSOLUTE,
    APP_IDLE,
    APP_TOKEN_LIFE,
    CODE_LIFE,
    MOST_USED,
    is_challenge,
    verifier_fits,
)
from lantoa_directory.telemetry import SIGN_INS
from lantoa_directory.usecases.credentials import Tickets
from lantoa_directory.usecases.sessions import Origin, Sessions, digest
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Aggregates, Change, Document

log = structlog.get_logger()

_MOST_ACCESS = 4


@dataclass(frozen=True)
class App:
    """A registered public client."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What an app asks for at the authorize address."""

    client_id: str
    redirect_uri: str
    response_type: str = "code"
    code_challenge: str = ""
    code_challenge_method: str = ""


class BadGrant(AppError):
    """``invalid_grant`` (RFC 6749, 5.2): the code or refresh token does not hold."""

    def __init__(self) -> None:
        super().__init__("directory.invalid-grant", 401)


class Apps:
    """Codes and tokens of registered apps; the database holds digests."""

    def __init__(
        self, apps: Sequence[App], sessions: Sessions, kept: Aggregates, tickets: Tickets, clock: Clock
    ) -> None:
        self._apps = {app.client_id: app for app in apps}
        self._sessions = sessions
        self._kept = kept
        self._tickets = tickets
        self._clock = clock

    def asking(self, asked: Asked) -> App:
        """The app that asks.

        Raises:
            AppError: ``directory.unknown-app``, unknown, or with an address that is not its own to the letter: nobody
                is sent there. ``directory.bad-app-request``, it asks for what is not given: no code, or no S256.
        """
        app = self._apps.get(asked.client_id)
        if app is None or asked.redirect_uri not in app.redirect_uris:
            raise AppError("directory.unknown-app", 422)
        if asked.response_type != "code" or asked.code_challenge_method != "S256":
            raise AppError("directory.bad-app-request", 422)
        if not is_challenge(asked.code_challenge):
            raise AppError("directory.bad-app-request", 422)
        return app

    async def authorize(self, session_id: str, asked: Asked) -> str:
        """A code for an app, good for a minute, once.

        Raises:
            AppError: ``sign-in-required``, and those of :meth:`asking`.
        """
        app = self.asking(asked)
        session = await self._sessions.of_person(session_id)
        facts = {
            "client_id": app.client_id,
            "redirect_uri": asked.redirect_uri,
            "challenge": asked.code_challenge,
            "signed_in_at": session["signed_in_at"],
            "mfa": session["mfa"],
        }
        return await self._tickets.give("app-code", session["person_id"], facts, CODE_LIFE)

    async def redeem(
        self, client_id: str, code: str, redirect_uri: str, verifier: str, origin: Origin
    ) -> dict[str, Any]:
        """The first tokens for a code. A code that comes a second time ends what it was given for (RFC 6749, 4.1.2).

        Raises:
            BadGrant: unknown, used or too old; another app's, another address, or not the verifier of the challenge.
        """
        key = digest(code)
        try:
            ticket = await self._tickets.look(code, "app-code")
            await self._tickets.spend(ticket)
        except AppError as error:
            await self._replayed({"code": key})
            raise BadGrant from error
        facts = ticket.facts
        same = (facts["client_id"], facts["redirect_uri"]) == (client_id, redirect_uri)
        if not same or not verifier_fits(verifier, facts["challenge"]):
            SIGN_INS.labels("app", "refused").inc()
            raise BadGrant
        now = self._clock.now()
        app = self._apps[client_id]
        fields = {
            "person_id": ticket.person_id,
            "way": "app",
            "mfa": facts["mfa"],
            "signed_in_at": facts["signed_in_at"],
            "app": app.name,
            "client_id": client_id,
            "code": key,
            "used": [],
        }
        tokens, kept = self._new(now)
        family = {**fields, **kept, "created_at": now, "used_at": now, "ends_at": now + APP_IDLE}
        await self._sessions.keep_app(family, origin)
        SIGN_INS.labels("app", "in").inc()
        return tokens

    async def refresh(self, client_id: str, token: str) -> dict[str, Any]:
        """The next two tokens for a refresh token, which is used up with it.

        Raises:
            BadGrant: unknown, of another app, too old; or used before, and then all that came of it has ended.
        """
        key = digest(token)
        family = await self._kept.collection.find_one({"refresh": key, "ended_at": None})
        if family is None or family["client_id"] != client_id:
            await self._replayed({"used": key})
            raise BadGrant
        now = self._clock.now()
        if family["ends_at"] <= now:
            raise BadGrant
        tokens, kept = self._new(now)
        ends_at = min(family["created_at"] + APP_ABSOLUTE, now + APP_IDLE)
        taken = False

        def decide(document: Document | None) -> Change | None:
            nonlocal taken
            taken = document is not None and document.get("ended_at") is None and document["refresh"] == key
            if document is None or not taken:
                return None
            used = [*document["used"], key][-MOST_USED:]
            # Requests that are under way with the token before this go through.
            access = [one for one in document["access"] if one["ends_at"] > now][-_MOST_ACCESS:] + kept["access"]
            return Change({**kept, "access": access, "used": used, "used_at": now, "ends_at": ends_at})

        await self._kept.change(family["_id"], decide)
        if not taken:
            await self._replayed({"used": key})
            raise BadGrant
        return tokens

    async def revoke(self, client_id: str, token: str) -> None:
        """End what a token belongs to (RFC 7009); an unknown one is no error."""
        key = digest(token)
        for where in ({"refresh": key}, {"access.id": key}):
            family = await self._kept.collection.find_one({**where, "client_id": client_id})
            if family is not None:
                await self._sessions.end_key(family["_id"])

    async def resolve(self, token: str) -> dict[str, Any]:
        """``{person, only, ends_at}`` of an app's access token; ``only`` is ``None``: it may do what its person may.

        Raises:
            AppError: ``sign-in-required``.
        """
        key, now = digest(token), self._clock.now()
        family = await self._kept.collection.find_one({"access.id": key, "ended_at": None})
        held = [one for one in family["access"] if one["id"] == key and one["ends_at"] > now] if family else []
        if family is None or not held or family["ends_at"] <= now:
            raise AppError("sign-in-required", 401)
        person = await self._sessions.person(family)
        me = await self._sessions.me(person, family["signed_in_at"], family["mfa"])
        return {"person": me["person"], "only": None, "ends_at": held[0]["ends_at"]}

    def _new(self, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next tokens, and what is kept of them."""
        access, refresh = (f"{kind}_{secrets.token_urlsafe(32)}" for kind in ("lap", "lar"))
        kept = {"access": [{"id": digest(access), "ends_at": now + APP_TOKEN_LIFE}], "refresh": digest(refresh)}
        said = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer"}
        return {**said, "expires_in": int(APP_TOKEN_LIFE.total_seconds())}, kept

    async def _replayed(self, where: dict[str, Any]) -> None:
        """What comes a second time was stolen, by whoever comes now or by whoever came before: both lose it."""
        family = await self._kept.collection.find_one(where)
        SIGN_INS.labels("app", "replayed" if family else "refused").inc()
        if family is not None and not family.get("ended_at"):
            log.warning("an app's token came a second time", app=family["client_id"])
            await self._sessions.end_key(family["_id"])
