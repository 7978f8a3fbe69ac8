"""What the directory does for people at the door: each call is by the gateway itself, for who shows a session."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lantoa_gateway.adapters.services import Asking, Refusal, Upstreams
from lantoa_gateway.usecases import Person, Tokens
from lantoa_runtime.errors import AppError

_SAID = frozenset({400, 401, 403, 404, 409, 422, 429, 503})
"""Statuses whose problem documents are the directory's word to the person."""


class Accounts:
    """Sign-in, sessions, factors, tokens and apps, as the directory keeps them."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._asking = Asking(upstreams, tokens)

    async def ask(self, what: str, body: Mapping[str, Any], language: str) -> dict[str, Any]:
        """The directory's answer to a step.

        Raises:
            Refusal: it says no, and why.
            Unavailable: it does not answer.
        """
        answer = await self._asking.ask(what, dict(body), language, refusals=_SAID)
        return answer or {}


class Bearers:
    """Whom tokens speak for."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._asking = Asking(upstreams, tokens)

    async def person(self, token: str) -> Person:
        """For whom a token speaks.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        try:
            found = await self._asking.ask("tokens/resolve", {"token": token})
        except Refusal as refusal:
            raise AppError("sign-in-required", 401) from refusal
        return Person(found["person"], only=found["only"], ends_at=datetime.fromisoformat(found["ends_at"]))
