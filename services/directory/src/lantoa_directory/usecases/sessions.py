"""Sign in, stay, sign out."""

import hashlib
import math
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from lantoa_calendar.periods import ZONE
from lantoa_calendar.text import fold
from lantoa_directory.domain.people import Grant
from lantoa_directory.domain.signin import session_end, wait_seconds
from lantoa_directory.domain.succession import held_over_former
from lantoa_directory.usecases.people import Passwords
from lantoa_directory.usecases.records import former_in
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Database, Document, DuplicateKey

_RACES = 20


HeldBy = Callable[[Document], Awaitable[tuple[Grant, ...]]]
"""What somebody may use today, by their document."""
Kind = Literal["person", "citizen"]


class TooManyAttempts(AppError):
    """This login or number was tried too often; ``seconds`` says when to try again."""

    def __init__(self, seconds: int, code: str = "directory.too-many-attempts") -> None:
        super().__init__(code, 429, retryable=True, seconds=seconds)
        self.seconds = seconds


def digest(text: str) -> str:
    """The form in which a session id, a login or a number is looked up without being kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def citizen_view(citizen: Document) -> dict[str, Any]:
    """A citizen as the other services may know them: the id, and the masked number as ``name``."""
    return {"id": citizen["_id"], "name": citizen["name"]}


class Sessions:
    """Who is signed in. The database holds digests of session ids: whoever reads it cannot use one."""

    def __init__(self, db: Database, passwords: Passwords, clock: Clock, held: HeldBy) -> None:
        self._people = db["people"]
        self._citizens = db["citizens"]
        self._units = db["units"]
        self._sessions = db["sessions"]
        self._attempts = db["attempts"]
        self._passwords = passwords
        self._clock = clock
        self._held = held

    async def sign_in(self, login: str, password: str) -> tuple[str, dict[str, Any]]:
        """A new session's id (256 random bits) and the person.

        Raises:
            TooManyAttempts: this login has to wait, whether somebody has it or not.
            AppError: ``directory.wrong-credentials``, for a wrong password as for an unknown login.
        """
        name = fold(login)
        # The login itself is not kept: people type their password into the wrong box.
        attempt = digest(name)
        now = self._clock.now()
        await self._count(attempt, now)
        person = await self._people.find_one({"login": name})
        fits = await self._passwords.fits(person["password"] if person else None, password)
        if not fits or person is None or person.get("locked"):
            raise AppError("directory.wrong-credentials", 401)
        await self._attempts.delete_one({"_id": attempt})
        since = self._clock.now()
        return await self.begin("person", person["_id"], since), await self._view(person, since)

    async def begin(self, kind: Kind, owner_id: str, now: datetime) -> str:
        """A new session of somebody who has shown in this moment who they are; its id."""
        session_id = secrets.token_urlsafe(32)
        session = {"kind": kind, f"{kind}_id": owner_id, "created_at": now, "ends_at": session_end(now, now)}
        await self._sessions.insert_one({"_id": digest(session_id), **session})
        return session_id

    async def _count(self, attempt: str, now: datetime) -> None:
        """Count a failure before the password is tried, so that a hundred tries at once are not all the first."""
        for _ in range(_RACES):
            seen = await self._attempts.find_one({"_id": attempt})
            if seen and seen["until"] > now:
                raise TooManyAttempts(math.ceil((seen["until"] - now).total_seconds()))
            failures = (seen["failures"] if seen else 0) + 1
            fields = {"failures": failures, "until": now + timedelta(seconds=wait_seconds(failures)), "at": now}
            try:
                if seen is None:
                    await self._attempts.insert_one({"_id": attempt, **fields})
                    return
                guard = {"_id": attempt, "failures": seen["failures"]}
                if (await self._attempts.update_one(guard, {"$set": fields})).matched:
                    return
            except DuplicateKey:
                continue
        raise TooManyAttempts(1)

    async def resolve(self, session_id: str) -> dict[str, Any]:
        """Whose session this is, as ``{kind, person}`` or ``{kind, citizen}``; its idle time starts anew.

        Raises:
            AppError: ``sign-in-required``.
        """
        now = self._clock.now()
        key = {"_id": digest(session_id)}
        session = await self._sessions.find_one(key)
        if session is None or session["ends_at"] <= now:
            raise AppError("sign-in-required", 401)
        kind: Kind = session.get("kind", "person")  # One begun by the release before this says no kind.
        owners = self._people if kind == "person" else self._citizens
        owner = await owners.find_one({"_id": session[f"{kind}_id"]})
        # An erased citizen has no name any more; a session that began in that moment ends here.
        if owner is None or "name" not in owner or owner.get("locked"):
            raise AppError("sign-in-required", 401)
        await self._sessions.update_one(key, {"$set": {"ends_at": session_end(session["created_at"], now)}})
        return {
            "kind": kind,
            kind: await self._view(owner, session["created_at"]) if kind == "person" else citizen_view(owner),
        }

    async def end(self, session_id: str) -> None:
        """Sign out; an unknown session is no error."""
        await self._sessions.delete_one({"_id": digest(session_id)})

    async def end_all(self, kind: Kind, owner_id: str) -> None:
        """Sign somebody out everywhere."""
        await self._sessions.delete_many({f"{kind}_id": owner_id})

    async def _view(self, person: Document, signed_in_at: datetime) -> dict[str, Any]:
        held = dict.fromkeys((grant.role, grant.unit_id) for grant in await self._held(person))
        day = self._clock.now().astimezone(ZONE).date()
        units = await self._names({unit_id for _, unit_id in held})
        # Whoever follows takes over the papers: a grant holds over the former units too.
        over = held_over_former(held, {unit_id: former_in(unit) for unit_id, unit in units.items()}, day)
        units |= await self._names({unit_id for _, unit_id, _ in over} - units.keys())
        given = [(role, unit_id, None) for role, unit_id in held]
        grants = [
            {"role": role, "unit_id": unit, "unit_name": units[unit]["name"] if unit in units else "", "held_by": by}
            for role, unit, by in (*given, *over)
        ]
        about = {"id": person["_id"], "name": person["name"], "title": person["title"]}
        return {**about, "grants": grants, "signed_in_at": signed_in_at}

    async def _names(self, unit_ids: set[str]) -> dict[str, Document]:
        if not unit_ids:
            return {}
        found = await self._units.find({"_id": {"$in": sorted(unit_ids)}}, {"name": 1, "former": 1})
        return {unit["_id"]: unit for unit in found}
