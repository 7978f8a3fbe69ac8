"""Who stands behind a session, and the tokens that say so to the services."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lantoa_runtime.http.auth import Caller, Grant, TokenSigner

SESSION_SECONDS = 30.0
"""How long a person is believed without asking the directory: how late another gateway learns of a sign-out."""
TOKEN_SECONDS = 45.0
"""How long a token is used again; it lives for 60."""
_REMEMBERED = 5000


@dataclass(frozen=True)
class Person:
    """Somebody signed in, as the directory describes them: id, name, title, grants."""

    view: dict[str, Any]

    @property
    def caller(self) -> Caller:
        """What the services are told."""
        grants = tuple(Grant(grant["role"], grant["unit_id"]) for grant in self.view["grants"])
        return Caller(self.view["id"], self.view["name"], grants)


class SessionStore(Protocol):
    """What is needed of the directory, or of its stand-in in a test."""

    async def person(self, session_id: str) -> Person:
        """Whose session this is, or an error."""

    async def end(self, session_id: str) -> None:
        """End a session."""


class Sessions:
    """The directory's sessions, each believed for a short while."""

    def __init__(self, store: SessionStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._known: OrderedDict[str, tuple[float, Person]] = OrderedDict()
        self._ends = 0

    async def person(self, session_id: str) -> Person:
        """Whose session this is.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer, and the session is not one seen just now.
        """
        known = self._known.get(session_id)
        if known and known[0] > self._now():
            return known[1]
        ends = self._ends
        person = await self._store.person(session_id)
        if ends == self._ends:  # Otherwise somebody signed out meanwhile: it may have been this session.
            _remember(self._known, session_id, (self._now() + SESSION_SECONDS, person))
        return person

    async def end(self, session_id: str) -> None:
        """Sign out, here and in the directory."""
        self._forget(session_id)
        await self._store.end(session_id)
        self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        self._ends += 1
        self._known.pop(session_id, None)


class Tokens:
    """Internal tokens, each used again for a while: signing costs more than the rest of a request."""

    def __init__(self, signer: TokenSigner, now: Callable[[], float]) -> None:
        self._signer = signer
        self._now = now
        self._known: OrderedDict[tuple[Caller, str], tuple[float, str]] = OrderedDict()

    def token(self, caller: Caller, audience: str) -> str:
        """A token for one service that is good for 15 seconds at least."""
        now = self._now()
        known = self._known.get((caller, audience))
        if known and known[0] > now:
            return known[1]
        token = self._signer.sign(caller, audience, now)
        _remember(self._known, (caller, audience), (now + TOKEN_SECONDS, token))
        return token


def _remember(known: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
