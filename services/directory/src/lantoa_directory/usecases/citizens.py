"""Citizens: a code to the phone, consent, a session; and to be forgotten."""

import math
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any, Protocol

import structlog

from lantoa_directory.domain.citizens import (
    CODE_LIFE,
    CODE_TRIES,
    CODES_ALLOWED,
    code_digest,
    code_wait,
    masked,
    phone_of,
)
from lantoa_directory.usecases.attempts import TooManyAttempts
from lantoa_directory.usecases.sessions import Sessions, citizen_view, digest
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Invalid, Unavailable
from lantoa_runtime.mongo import Database, Document, DuplicateKey

log = structlog.get_logger()

_RACES = 20
_LONGEST = CODES_ALLOWED[-1][1]


class CodeSender(Protocol):
    """The way to a phone: an SMS gateway, a Zalo account, or the demo's file."""

    async def send(self, phone: str, code: str) -> None:
        """Bring a code to a number.

        Raises:
            OSError: it did not get away.
        """


@dataclass(frozen=True)
class Consent:
    """What a citizen agreed to: the purpose, and the text that was shown, by its hash and version."""

    purpose: str
    text_sha256: str
    version: str


class Citizens:
    """Who signed in by phone. A number that nobody knows yet gets the same answers as one that is known."""

    def __init__(self, db: Database, sessions: Sessions, sender: CodeSender | None, clock: Clock) -> None:
        self._citizens = db["citizens"]
        self._challenges = db["challenges"]
        self._sessions = sessions
        self._sender = sender
        self._clock = clock

    async def send_code(self, typed: str) -> dict[str, Any]:
        """Send a new code; the one before does not hold any more.

        Raises:
            Invalid: this is no mobile number.
            TooManyAttempts: this number got too many codes.
            AppError: ``directory.no-code-sender``, nobody has set up a way to send codes.
            Unavailable: the sender does not work just now.
        """
        phone = _phone(typed)
        if self._sender is None:
            raise AppError("directory.no-code-sender", 503)
        code = f"{secrets.randbelow(1_000_000):06}"
        await self._challenge(phone, code, self._clock.now())
        try:
            await self._sender.send(phone, code)
        except OSError as error:
            log.error("code not sent", error=repr(error))
            raise Unavailable("code sender") from error
        return {"phone": masked(phone), "seconds": int(CODE_LIFE.total_seconds())}

    async def _challenge(self, phone: str, code: str, now: datetime) -> None:
        key = digest(phone)
        salt = secrets.token_hex(16)
        fresh = {
            "salt": salt,
            "code": code_digest(code, salt),
            "tries": 0,
            "ends_at": now + CODE_LIFE,
            "gone_at": now + _LONGEST,
        }
        for _ in range(_RACES):
            seen = await self._challenges.find_one({"_id": key})
            sent = [at for at in seen["sent"] if at > now - _LONGEST] if seen else []
            wait = math.ceil(code_wait(sent, now).total_seconds())
            if wait > 0:
                raise TooManyAttempts(wait, "directory.too-many-codes")
            fields = {**fresh, "sent": [*sent, now]}
            try:
                if seen is None:
                    await self._challenges.insert_one({"_id": key, **fields})
                    return
                # The salt is new with every code: whoever changed it meanwhile has sent one too.
                if (await self._challenges.update_one({"_id": key, "salt": seen["salt"]}, {"$set": fields})).matched:
                    return
            except DuplicateKey:
                continue
        raise TooManyAttempts(1, "directory.too-many-codes")

    async def sign_in(self, typed: str, code: str, consent: Consent) -> tuple[str, dict[str, Any]]:
        """A new session's id and the citizen, who is taken up at the first time.

        Raises:
            Invalid: this is no mobile number.
            AppError: ``directory.wrong-code``; or ``directory.code-expired`` when none holds: none was sent, or it was
                used, tried too often or is too old.
        """
        phone = _phone(typed)
        now = self._clock.now()
        await self._spend(phone, code, now)
        citizen = await self._citizen(phone, now)
        given = asdict(consent)
        if not any({name: kept[name] for name in given} == given for kept in citizen["consents"]):
            await self._citizens.update_one({"_id": citizen["_id"]}, {"$push": {"consents": {**given, "at": now}}})
        return await self._sessions.begin("citizen", citizen["_id"], now), citizen_view(citizen)

    async def _spend(self, phone: str, code: str, now: datetime) -> None:
        """Use the code up. No try is answered that was not counted, so many at once are not all the first."""
        key = digest(phone)
        for _ in range(_RACES):
            seen = await self._challenges.find_one({"_id": key})
            if seen is None or seen["code"] is None or seen["ends_at"] <= now or seen["tries"] >= CODE_TRIES:
                raise AppError("directory.code-expired", 401)
            guard = {"_id": key, "salt": seen["salt"], "code": seen["code"], "tries": seen["tries"]}
            right = compare_digest(seen["code"], code_digest(code, seen["salt"]))
            change = {"code": None} if right else {"tries": seen["tries"] + 1}
            if not (await self._challenges.update_one(guard, {"$set": change})).matched:
                continue
            if right:
                return
            raise AppError("directory.wrong-code", 401, left=CODE_TRIES - seen["tries"] - 1)
        raise TooManyAttempts(1, "directory.too-many-codes")

    async def _citizen(self, phone: str, now: datetime) -> Document:
        known = await self._citizens.find_one({"phone": phone})
        if known is not None:
            return known
        fresh: Document = {
            "_id": f"c-{secrets.token_hex(10)}",
            "phone": phone,
            "name": masked(phone),
            "consents": [],
            "created_at": now,
        }
        try:
            await self._citizens.insert_one(fresh)
        except DuplicateKey:
            return await self._citizen(phone, now)
        return fresh

    async def erase(self, citizen_id: str) -> None:
        """Forget who a citizen is: number, name, code and sessions. The id and what was agreed to stay, of nobody.

        Raises:
            AppError: ``sign-in-required``, there is no such citizen any more.
        """
        citizen = await self._citizens.find_one({"_id": citizen_id})
        if citizen is None or "phone" not in citizen:
            raise AppError("sign-in-required", 401)
        change = {"$unset": {"phone": "", "name": ""}, "$set": {"erased_at": self._clock.now()}}
        await self._citizens.update_one({"_id": citizen_id}, change)
        await self._sessions.end_all("citizen", citizen_id)
        await self._challenges.update_one({"_id": digest(citizen["phone"])}, {"$set": {"code": None}})


def _phone(typed: str) -> str:
    phone = phone_of(typed)
    if phone is None:
        raise Invalid("directory.wrong-phone", "/phone")
    return phone
