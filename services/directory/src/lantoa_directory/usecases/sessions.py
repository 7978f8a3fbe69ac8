"""Sign in, stay, sign out."""

import hashlib
import math
import secrets
from datetime import datetime, timedelta
from typing import Any

from lantoa_calendar.text import fold
from lantoa_directory.domain import session_end, wait_seconds
from lantoa_directory.usecases.people import Passwords
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Database, Document, DuplicateKey

_RACES = 20


class TooManyAttempts(AppError):
    """This login failed too often in a row; ``seconds`` says when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("directory.too-many-attempts", 429, retryable=True, seconds=seconds)
        self.seconds = seconds


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Sessions:
    """Who is signed in. The database holds digests of session ids: whoever reads it cannot use one."""

    def __init__(self, db: Database, passwords: Passwords, clock: Clock) -> None:
        self._people = db["people"]
        self._units = db["units"]
        self._sessions = db["sessions"]
        self._attempts = db["attempts"]
        self._passwords = passwords
        self._clock = clock

    async def sign_in(self, login: str, password: str) -> tuple[str, dict[str, Any]]:
        """A new session's id (256 random bits) and the person.

        Raises:
            TooManyAttempts: this login has to wait, whether somebody has it or not.
            AppError: ``directory.wrong-credentials``, for a wrong password as for an unknown login.
        """
        name = fold(login)
        # The login itself is not kept: people type their password into the wrong box.
        attempt = _digest(name)
        now = self._clock.now()
        await self._count(attempt, now)
        person = await self._people.find_one({"login": name})
        if not await self._passwords.fits(person["password"] if person else None, password) or person is None:
            raise AppError("directory.wrong-credentials", 401)
        await self._attempts.delete_one({"_id": attempt})
        session_id = secrets.token_urlsafe(32)
        session = {"person_id": person["_id"], "created_at": now, "ends_at": session_end(now, now)}
        await self._sessions.insert_one({"_id": _digest(session_id), **session})
        return session_id, await self._view(person)

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
        """The person whose session this is; its idle time starts anew.

        Raises:
            AppError: ``sign-in-required``.
        """
        now = self._clock.now()
        key = {"_id": _digest(session_id)}
        session = await self._sessions.find_one(key)
        if session is None or session["ends_at"] <= now:
            raise AppError("sign-in-required", 401)
        person = await self._people.find_one({"_id": session["person_id"]})
        if person is None:
            raise AppError("sign-in-required", 401)
        await self._sessions.update_one(key, {"$set": {"ends_at": session_end(session["created_at"], now)}})
        return await self._view(person)

    async def end(self, session_id: str) -> None:
        """Sign out; an unknown session is no error."""
        await self._sessions.delete_one({"_id": _digest(session_id)})

    async def _view(self, person: Document) -> dict[str, Any]:
        ids = [grant["unit_id"] for grant in person["grants"]]
        names = {unit["_id"]: unit["name"] for unit in await self._units.find({"_id": {"$in": ids}}, {"name": 1})}
        grants = [{**grant, "unit_name": names.get(grant["unit_id"], "")} for grant in person["grants"]]
        return {"id": person["_id"], "name": person["name"], "title": person["title"], "grants": grants}
