"""Who is signed in, where, and since when."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from lantoa_calendar.periods import ZONE
from lantoa_contracts.catalogue import ACCOUNT_SIGNED_IN, SESSION_ENDED
from lantoa_contracts.events.directory import AccountSignedIn, SessionEnded, SignInWay
from lantoa_directory.domain.people import Grant
from lantoa_directory.domain.signin import MOST_SESSIONS, RECENT, is_secured, session_end
from lantoa_directory.domain.succession import held_over_former
from lantoa_directory.usecases.records import former_in
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, NotFound
from lantoa_runtime.mongo import Aggregates, Change, Database, Document, Outgoing

HeldBy = Callable[[Document], Awaitable[tuple[Grant, ...]]]
"""What somebody may use today, by their document."""
Kind = Literal["person", "citizen"]

KEPT_AFTER_END = timedelta(minutes=10)
"""What has ended stays until its event is surely out."""


@dataclass(frozen=True)
class Origin:
    """Where a sign-in comes from: words for the device, and an address cut short."""

    device: str = ""
    place: str = ""


@dataclass(frozen=True)
class Entered:
    """How somebody showed who they are."""

    way: SignInWay
    mfa: bool
    """With two factors."""


def digest(text: str) -> str:
    """The form in which a session id, a login or a number is looked up without being kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_session_id() -> str:
    """256 random bits. Always made here: what a browser shows when somebody signs in is never taken up."""
    return secrets.token_urlsafe(32)


def account_key(person_id: str) -> str:
    """The key of a person's account. Unlike the person's own: ids of events are made of keys."""
    return f"account-{person_id}"


def citizen_view(citizen: Document) -> dict[str, Any]:
    """A citizen as the other services may know them: the id, and the masked number as ``name``."""
    return {"id": citizen["_id"], "name": citizen["name"]}


class Sessions:
    """Sessions by the digest of their ids: whoever reads the database cannot use one."""

    def __init__(
        self, db: Database, sessions: Aggregates, clock: Clock, held: HeldBy, second_factor_required: bool = False
    ) -> None:
        self._people = db["people"]
        self._citizens = db["citizens"]
        self._units = db["units"]
        self._accounts = db["accounts"]
        self._sessions = sessions
        self._clock = clock
        self._held = held
        self._required = second_factor_required

    async def begin(self, kind: Kind, owner_id: str, now: datetime) -> str:
        """A new session of somebody who has shown in this moment who they are; its id."""
        return await self._insert({"kind": kind, f"{kind}_id": owner_id, "created_at": now, "signed_in_at": now}, now)

    async def enter(
        self, person_id: str, entered: Entered, origin: Origin, told: bool = True, before: Document | None = None
    ) -> tuple[str, datetime]:
        """A new session of a person: its id, and when they showed who they are. ``before`` ends with it: it is the same
        browser's.

        ``told`` leaves out the event where this is no sign-in but a session going on under a new id.
        """
        now = self._clock.now()
        await self._make_room(person_id)
        fields = {"kind": "person", "person_id": person_id, **asdict(entered), **asdict(origin)}
        kept = {name: before[name] for name in ("created_at", "signed_in_at")} if before and not told else {}
        fields |= {"created_at": now, "signed_in_at": now, **kept}
        session_id = await self._insert(fields, now, told)
        if before is not None:
            await self.end_key(before["_id"])
        return session_id, fields["signed_in_at"]

    async def _insert(self, fields: Mapping[str, Any], now: datetime, told: bool = False) -> str:
        session_id = new_session_id()
        key = digest(session_id)
        events = []
        if told:
            about = {name: fields[name] for name in ("person_id", "way", "mfa", "device", "place")}
            events = [Outgoing(ACCOUNT_SIGNED_IN, AccountSignedIn(session=key, at=now, **about))]
        ends_at = session_end(fields["created_at"], now)
        await self._sessions.insert(key, {**fields, "used_at": now, "ends_at": ends_at}, events)
        return session_id

    async def _make_room(self, person_id: str) -> None:
        live = await self._live_of("person", person_id)
        for session in sorted(live, key=lambda one: one["used_at"])[: max(0, len(live) - MOST_SESSIONS + 1)]:
            await self.end_key(session["_id"])

    async def keep_app(self, family: Mapping[str, Any], origin: Origin) -> None:
        """Keep what an app was given as a session of its person's; no cookie leads to it."""
        key = digest(new_session_id())
        about = {name: family[name] for name in ("person_id", "way", "mfa")}
        event = AccountSignedIn(session=key, at=family["used_at"], **asdict(origin), **about)
        await self._make_room(family["person_id"])
        await self._sessions.insert(
            key, {"kind": "person", **asdict(origin), **family}, [Outgoing(ACCOUNT_SIGNED_IN, event)]
        )

    async def of_person(self, session_id: str) -> Document:
        """The session of somebody of the staff.

        Raises:
            AppError: ``sign-in-required``.
        """
        session = await self._find(session_id)
        if session["kind"] != "person":
            raise AppError("sign-in-required", 401)
        return session

    async def recent(self, session_id: str) -> Document:
        """The session, of somebody who showed just now who they are.

        Raises:
            AppError: ``sign-in-required``.
            Forbidden: ``directory.sign-in-again``.
        """
        session = await self.of_person(session_id)
        if self._clock.now() - session["signed_in_at"] > RECENT:
            raise Forbidden("directory.sign-in-again", minutes=int(RECENT.total_seconds() // 60))
        return session

    async def person(self, session: Document) -> Document:
        """Whose session it is.

        Raises:
            AppError: ``sign-in-required``, for who is locked or not there any more.
        """
        person = await self._people.find_one({"_id": session["person_id"]})
        if person is None or person.get("locked"):
            raise AppError("sign-in-required", 401)
        return person

    async def resolve(self, session_id: str) -> dict[str, Any]:
        """Whose session this is, ``{kind, person, factors, must_add_factor}`` or ``{kind, citizen}``; its idle time
        starts anew.

        Raises:
            AppError: ``sign-in-required``.
        """
        session = await self._find(session_id)
        if session["kind"] == "citizen":
            citizen = await self._citizens.find_one({"_id": session["citizen_id"]})
            # An erased citizen has no name any more; a session that began in that moment ends here.
            if citizen is None or "name" not in citizen:
                raise AppError("sign-in-required", 401)
            answer = {"kind": "citizen", "citizen": citizen_view(citizen)}
        else:
            person = await self.person(session)
            answer = {"kind": "person", **await self.me(person, session["signed_in_at"], session["mfa"])}
        now = self._clock.now()
        used = {"used_at": now, "ends_at": session_end(session["created_at"], now)}
        await self._sessions.collection.update_one({"_id": session["_id"], "ended_at": None}, {"$set": used})
        return answer

    async def me(self, person: Document, signed_in_at: datetime, mfa: bool) -> dict[str, Any]:
        """``{person, factors, must_add_factor}``. Who still owes a second factor holds nothing until it is there."""
        grants = await self._grants(person)
        owes = self._required and not mfa and is_secured(grant["role"] for grant in grants)
        about = {"id": person["_id"], "name": person["name"], "title": person["title"]}
        return {
            "person": {**about, "grants": [] if owes else grants, "signed_in_at": signed_in_at},
            "factors": factors_of(await self._accounts.find_one({"_id": account_key(person["_id"])})),
            "must_add_factor": owes,
        }

    async def _grants(self, person: Document) -> list[dict[str, Any]]:
        """What somebody may use today, over former units too: whoever follows takes over the papers."""
        held = dict.fromkeys((grant.role, grant.unit_id) for grant in await self._held(person))
        day = self._clock.now().astimezone(ZONE).date()
        units = await self._names({unit_id for _, unit_id in held})
        over = held_over_former(held, {unit_id: former_in(unit) for unit_id, unit in units.items()}, day)
        units |= await self._names({unit_id for _, unit_id, _ in over} - units.keys())
        given = [(role, unit_id, None) for role, unit_id in held]
        return [
            {"role": role, "unit_id": unit, "unit_name": units[unit]["name"] if unit in units else "", "held_by": by}
            for role, unit, by in (*given, *over)
        ]

    async def _names(self, unit_ids: set[str]) -> dict[str, Document]:
        if not unit_ids:
            return {}
        found = await self._units.find({"_id": {"$in": sorted(unit_ids)}}, {"name": 1, "former": 1})
        return {unit["_id"]: unit for unit in found}

    async def owes_factor(self, person: Document) -> bool:
        """Whether a second factor is demanded of somebody by what they are."""
        return self._required and is_secured(grant["role"] for grant in await self._grants(person))

    async def listed(self, session: Document) -> list[dict[str, Any]]:
        """The sessions of the person whose session this is, last used first; this one says ``here``."""
        live = await self._live_of("person", session["person_id"])
        return [
            {
                "id": session_ref(one["_id"]),
                "device": one["device"],
                "place": one["place"],
                "begun_at": one["created_at"],
                "used_at": one["used_at"],
                "here": one["_id"] == session["_id"],
                "app": one.get("app"),
            }
            for one in sorted(live, key=lambda one: one["used_at"], reverse=True)
        ]

    async def end(self, session_id: str) -> None:
        """Sign out; an unknown session is no error."""
        await self.end_key(digest(session_id))

    async def end_ref(self, session: Document, ref: str) -> None:
        """End another session of the same person.

        Raises:
            NotFound: they have no such session.
        """
        live = await self._live_of("person", session["person_id"])
        found = [one["_id"] for one in live if session_ref(one["_id"]) == ref]
        if not found:
            raise NotFound("session")
        await self.end_key(found[0])

    async def end_all(self, kind: Kind, owner_id: str, but: str | None = None) -> None:
        """Sign somebody out everywhere; ``but`` is the key of a session that stays."""
        for session in await self._live_of(kind, owner_id):
            if session["_id"] != but:
                await self.end_key(session["_id"])

    async def end_key(self, key: str) -> None:
        """End what lies under a key."""

        def decide(document: Document | None) -> Change | None:
            if document is None or document.get("ended_at"):
                return None
            now = self._clock.now()
            keys = (key, *(token["id"] for token in document.get("access", ())))
            owner = document[f"{document['kind']}_id"]
            event = SessionEnded(person_id=owner, ver=document["ver"] + 1, digests=keys, at=now)
            return Change({"ended_at": now, "ends_at": now + KEPT_AFTER_END}, [Outgoing(SESSION_ENDED, event)])

        await self._sessions.change(key, decide)

    async def _find(self, session_id: str) -> Document:
        session = await self._sessions.load(digest(session_id))
        # One begun by the release before this does not say when it was used.
        if session is None or "used_at" not in session or session.get("ended_at"):
            raise AppError("sign-in-required", 401)
        if session["ends_at"] <= self._clock.now():
            raise AppError("sign-in-required", 401)
        return session

    async def _live_of(self, kind: Kind, owner_id: str) -> list[Document]:
        living = {"ended_at": None, "ends_at": {"$gt": self._clock.now()}, "used_at": {"$exists": True}}
        return await self._sessions.collection.find({f"{kind}_id": owner_id, **living})


def session_ref(key: str) -> str:
    """What a session is named by to its owner: enough to tell theirs apart."""
    return key[:24]


def factors_of(account: Document | None) -> dict[str, Any]:
    """``{totp, passkeys, recovery_left}`` of an account."""
    found = account or {}
    return {
        "totp": found.get("totp") is not None,
        "passkeys": len(found.get("passkeys", ())),
        "recovery_left": len(found.get("recovery", ())),
    }
