"""Who stands behind a session, and the tokens that say so to the services."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lantoa_gateway.domain import Target
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import Caller, Grant, TokenSigner

SESSION_SECONDS = 30.0
"""How long a person is believed without asking the directory: how late another gateway learns of a sign-out."""
TOKEN_SECONDS = 45.0
"""How long a token is used again; it lives for 60."""
STRANGERS_WAIT_SECONDS = 2.0
"""How long a page that is open to all waits for the directory before it is shown as to a stranger."""
_ASKED_AGAIN = 3
"""How often at most the directory is asked for one answer while others sign out."""
_REMEMBERED = 5000
_ANONYMOUS = Caller("anonymous", "")


class Person:
    """Somebody signed in, as the directory describes them: staff by id, name, title, grants; citizens by id, name."""

    def __init__(
        self,
        view: dict[str, Any],
        citizen: bool = False,
        owns: Mapping[str, Any] | None = None,
        only: Iterable[str] | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        grants = tuple(Grant(grant["role"], grant["unit_id"]) for grant in view.get("grants", ()))
        since = view.get("signed_in_at")
        signed_in_at = int(datetime.fromisoformat(since).timestamp()) if since else None
        self.view = view
        self.owns = dict(owns or {})
        """What they sign in with, and whether they owe a second factor."""
        self.ends_at = ends_at
        """When the token ends that speaks for them; ``None`` for who signed in themselves."""
        limited = None if only is None else frozenset(only)
        self.caller = Caller(view["id"], view["name"], grants, citizen, signed_in_at, limited)
        """What the services are told."""


def digest_of(session_id: str) -> str:
    """The form in which a session is remembered, and named in events: nobody who learns it can use it."""
    return hashlib.sha256(session_id.encode()).hexdigest()


class Knows(Protocol):
    """Who knows people by what they show: the directory, or its stand-in in a test."""

    async def person(self, shown: str) -> Person:
        """Whose this is, or an error."""


class SessionStore(Knows, Protocol):
    """Who keeps sessions."""

    async def end(self, session_id: str) -> None:
        """End a session."""


class People:
    """People by the session or the token that they show, each believed for a short while."""

    def __init__(self, store: Knows, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._known: OrderedDict[str, tuple[float, Person]] = OrderedDict()
        self._ends = 0

    async def person(self, shown: str) -> Person:
        """Whose session or token this is.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer, and it is none that was seen just now.
        """
        digest = digest_of(shown)
        believed = self._believed(digest)
        if believed is not None:
            return believed
        for _ in range(_ASKED_AGAIN):
            ends = self._ends
            person = await self._store.person(shown)
            if ends == self._ends:  # Otherwise something ended meanwhile: it may have been this.
                _remember(self._known, digest, (self._now() + SESSION_SECONDS, person))
                break
        return person

    def believed(self, shown: str) -> Person | None:
        """Whose this is, as far as that is known without asking: how almost every request is answered."""
        return self._believed(digest_of(shown))

    def _believed(self, digest: str) -> Person | None:
        known = self._known.get(digest)
        return known[1] if known and known[0] > self._now() else None

    def forget(self, shown: str) -> None:
        """Ask the directory about this one the next time."""
        self.forget_digests((digest_of(shown),))

    def forget_digests(self, digests: Iterable[str]) -> None:
        """Ask the directory about these the next time."""
        self._ends += 1
        for digest in digests:
            self._known.pop(digest, None)

    def forget_people(self, people: Container[str]) -> None:
        """Ask the directory about these people the next time."""
        self.forget_digests([digest for digest, (_, person) in self._known.items() if person.caller.id in people])

    def forget_all(self) -> None:
        """Ask the directory about everybody."""
        self.forget_digests(list(self._known))


class Sessions(People):
    """People by their sessions, which they may end."""

    def __init__(self, store: SessionStore, now: Callable[[], float]) -> None:
        super().__init__(store, now)
        self._sessions = store

    async def end(self, session_id: str) -> None:
        """Sign out, here and in the directory."""
        self.forget(session_id)
        await self._sessions.end(session_id)
        self.forget(session_id)


@dataclass(frozen=True)
class Shown:
    """What a request shows: session ids of the two kinds there are, or a token."""

    staff: str | None
    citizen: str | None
    bearer: str | None = None
    """The token of a program; empty for what says to be one and cannot be."""


class Callers:
    """Who makes a request."""

    def __init__(self, staff: People, citizens: People, bearers: People) -> None:
        self._staff = staff
        self._citizens = citizens
        self._bearers = bearers

    async def of(self, target: Target, method: str, shown: Shown) -> Caller:
        """Who makes a request that is passed on: staff before citizens; strangers where those may be.

        Raises:
            AppError: ``sign-in-required``; ``gateway.two-credentials``, a token beside a session.
            Unavailable: the directory does not answer, and it matters who this is.
        """
        if target.public:
            return _ANONYMOUS
        if shown.bearer is not None and not target.page:
            return (await self._bearer(shown)).caller
        open_to_all = target.open_to_all(method)
        refusal = AppError("sign-in-required", 401)
        for sessions, session_id in self._ways(target, shown):
            believed = sessions.believed(session_id)
            if believed is not None:
                return believed.caller
            try:
                async with asyncio.timeout(STRANGERS_WAIT_SECONDS if open_to_all else None):
                    return (await sessions.person(session_id)).caller
            except TimeoutError:
                refusal = Unavailable("directory")
            except AppError as error:
                refusal = error
        # Who sends something as somebody must not be taken for a stranger because the directory is away.
        if open_to_all or (target.page and refusal.http_status == 401):
            return _ANONYMOUS
        raise refusal

    async def listener(self, shown: Shown) -> tuple[Person, str]:
        """Who opens a stream, of the staff or by a token, and the digest of what they show.

        Raises:
            AppError: ``sign-in-required``; ``gateway.two-credentials``, a token beside a session.
            Unavailable: the directory does not answer.
        """
        if shown.bearer is not None:
            return await self._bearer(shown), digest_of(shown.bearer)
        if shown.staff is None:
            raise AppError("sign-in-required", 401)
        return await self._staff.person(shown.staff), digest_of(shown.staff)

    async def _bearer(self, shown: Shown) -> Person:
        """A program says who it is or is refused: never taken for a stranger, nor for whose cookie it brings."""
        if shown.staff is not None or shown.citizen is not None:
            raise AppError("gateway.two-credentials", 400)
        if not shown.bearer:
            raise AppError("sign-in-required", 401)
        return await self._bearers.person(shown.bearer)

    def _ways(self, target: Target, shown: Shown) -> Iterator[tuple[People, str]]:
        if shown.staff is not None and not target.page:
            yield self._staff, shown.staff
        if shown.citizen is not None and target.citizens:
            yield self._citizens, shown.citizen


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
