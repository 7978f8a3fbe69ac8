"""People: who may see and change them, what an import makes of them, how they are found."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from lantoa_calendar.text import fold, nfc, sort_key, tokens
from lantoa_contracts.catalogue import ACCOUNT_CHANGED, ACCOUNT_CREATED
from lantoa_contracts.events.directory import AccountChanged, AccountCreated
from lantoa_contracts.policy import COLLEAGUE_READ, EVERYWHERE, PERSON_READ, PERSON_WRITE
from lantoa_directory.domain.people import Grant, Path, may_administer
from lantoa_directory.usecases.grants import IMPORTED, grants_fields, grants_of, holder_of, paths_of
from lantoa_directory.usecases.last_admin import LastAdmin
from lantoa_directory.usecases.pages import page
from lantoa_runtime.errors import Conflict, Forbidden, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.http.auth import Grant as Right
from lantoa_runtime.mongo import Aggregates, Change, Collection, Document, DuplicateKey, Outgoing

EndAll = Callable[[str], Awaitable[None]]
"""Ends every session of a person."""


class Passwords(Protocol):
    """A way to keep passwords so that nobody can read them."""

    async def hash(self, password: str) -> str:
        """The password in the form that is stored."""

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one. Without one it costs the same and is ``False``."""


@dataclass(frozen=True)
class NewPerson:
    """A person to be taken up. Without a password the one that is stored stays."""

    id: str
    login: str
    name: str
    title: str
    body: str | None
    grants: tuple[Right, ...]
    password: str | None

    @property
    def units(self) -> tuple[str, ...]:
        """Units that the person has to do with."""
        units = {grant.unit_id for grant in self.grants} | ({self.body} if self.body else set())
        return tuple(sorted(units))


def named(login: str, name: str, title: str, body: str | None) -> dict[str, Any]:
    """A person's names as stored, with the keys by which they are found and sorted."""
    return {
        "login": fold(login),
        "name": nfc(name),
        "title": nfc(title),
        "body": body,
        "tokens": list(tokens(f"{name} {title} {login}")),
        "sort_key": sort_key(name),
    }


async def borrowers_of(people: Collection, person_id: str) -> tuple[str, ...]:
    """People who hold something on loan from somebody."""
    found = await people.find({"grants.lender": person_id}, {"_id": 1})
    return tuple(sorted(person["_id"] for person in found))


class Reach:
    """Whom a caller may see, and whom they may change."""

    def __init__(self, people: Aggregates, units: Collection, today: Callable[[], date]) -> None:
        self.people = people
        self.units = units
        self.today = today

    async def load(self, person_id: str) -> Document:
        """A person's document.

        Raises:
            NotFound: there is no such person.
        """
        document = await self.people.load(person_id)
        if document is None:
            raise NotFound("person")
        if "ver" not in document:  # Taken up by the release before.
            await self.people.collection.update_one({"_id": person_id, "ver": {"$exists": False}}, {"$set": {"ver": 1}})
            return await self.load(person_id)
        return document

    async def administered(self, caller: Caller, person: Document, more: Iterable[str] = ()) -> None:
        """Pass when the caller may change what this person may do, and has a say over these units too.

        Raises:
            Forbidden: they may not; ``directory.not-yourself`` where it is they.
        """
        over = frozenset(caller.units(PERSON_WRITE))
        if EVERYWHERE in over:
            return
        if caller.id == person["_id"]:
            raise Forbidden("directory.not-yourself")
        paths = await self.paths([*person["units"], *more])
        if not may_administer(caller.id, over, person["_id"], paths):
            raise Forbidden

    async def paths(self, unit_ids: Iterable[str]) -> list[Path]:
        """The paths of units; of an unknown one an empty path, which nobody's grant lies on."""
        wanted = list(unit_ids)
        found = await paths_of(self.units, wanted)
        return [found.get(unit_id, ()) for unit_id in wanted]

    async def seen(self, caller: Caller, person: Document) -> bool | None:
        """Whether the caller sees all of a person (``True``), name and title (``False``), or nobody (``None``)."""
        if caller.id == person["_id"]:
            return True
        return _sees(caller, await self.paths(person["units"]))

    async def find(
        self, caller: Caller, text: str, unit_id: str | None, limit: int, cursor: str | None
    ) -> tuple[list[tuple[Document, bool]], str | None]:
        """People in the caller's units by beginnings of words in name, title or login; and whether all of each is seen.

        Raises:
            AppError: ``bad-cursor``.
        """
        roots = {*caller.units(COLLEAGUE_READ), *caller.units(PERSON_READ)}
        found = await self.units.find({"path": {"$in": sorted(roots)}}, {"path": 1})
        paths = {unit["_id"]: tuple(unit["path"]) for unit in found if unit_id is None or unit_id in unit["path"]}
        words = tokens(text)
        people = await self.people.collection.find({"units": {"$in": sorted(paths)}}, {"password": 0})
        fitting = [person for person in people if _has_words(person, words)]
        shown, following = page(fitting, limit, cursor)
        full = [_sees(caller, [paths.get(unit, ()) for unit in person["units"]]) or False for person in shown]
        return list(zip(shown, full, strict=True)), following


def _has_words(person: Document, words: Sequence[str]) -> bool:
    known = person.get("tokens", ())
    return all(any(token.startswith(word) for token in known) for word in words)


def _sees(caller: Caller, paths: Iterable[Path]) -> bool | None:
    known = list(paths)
    if any(caller.may(PERSON_READ, path) for path in known):
        return True
    return False if any(caller.may(COLLEAGUE_READ, path) for path in known) else None


async def store_people(
    reach: Reach, end_all: EndAll, passwords: Passwords, given: Sequence[NewPerson], guard: LastAdmin | None
) -> int:
    """Take people up by their ids; how many changed. A new password ends the person's sessions.

    ``guard`` keeps the last administrator of a root; the operator, who can bring one back, works without.

    Raises:
        Conflict: another person has this login; a root would lose its last administrator.
    """
    changed = 0
    for person in given:
        stored = await reach.people.load(person.id)
        fields = await _fields(stored, person, passwords, reach.today())
        before = holder_of(stored) if stored else holder_of({"_id": person.id, "grants": []})
        differing = tuple(name for name, value in fields.items() if stored is None or stored.get(name) != value)
        if not differing:
            continue
        if stored and "ver" not in stored:
            await reach.load(person.id)
        also = await borrowers_of(reach.people.collection, person.id)
        try:
            if guard is None:
                await reach.people.change(person.id, _decide(person, fields, differing, also))
            else:
                async with guard.kept(before, holder_of({**(stored or {}), **fields, "_id": person.id}), reach.today()):
                    await reach.people.change(person.id, _decide(person, fields, differing, also))
        except DuplicateKey as error:
            raise Conflict("directory.login-taken") from error
        if "password" in differing and stored is not None:
            await end_all(person.id)
        changed += 1
    return changed


async def _fields(stored: Document | None, person: NewPerson, passwords: Passwords, today: date) -> dict[str, Any]:
    before = grants_of(stored) if stored else ()
    kept = tuple(grant for grant in before if grant.by != IMPORTED)
    known = {(grant.role, grant.unit_id): grant for grant in before if grant.by == IMPORTED}
    given = tuple(
        known.get((right.role, right.unit_id)) or _imported(person.id, right) for right in dict.fromkeys(person.grants)
    )
    fields = named(person.login, person.name, person.title, person.body)
    fields |= grants_fields((*given, *kept), person.body, today)
    password = stored["password"] if stored else None
    if person.password is not None and not (password and await passwords.fits(password, person.password)):
        fields["password"] = await passwords.hash(person.password)
    elif stored is None:
        fields["password"] = None
    return fields


def _imported(person_id: str, right: Right) -> Grant:
    name = hashlib.sha256(f"{person_id}|{right.role}|{right.unit_id}".encode()).hexdigest()[:16]
    return Grant(f"g-{name}", right.role, right.unit_id, by=IMPORTED)


def _decide(
    person: NewPerson, fields: dict[str, Any], differing: tuple[str, ...], also: tuple[str, ...]
) -> Callable[[Document | None], Change]:
    told = tuple(name for name in differing if name not in ("tokens", "sort_key"))

    def decide(document: Document | None) -> Change:
        about = {"person_id": person.id, "unit_id": person.body, "also": also}
        if document is None:
            return Change(fields, [Outgoing(ACCOUNT_CREATED, AccountCreated(ver=1, **about))])
        event = AccountChanged(ver=document["ver"] + 1, fields=told, **about)
        return Change(fields, [Outgoing(ACCOUNT_CHANGED, event)])

    return decide
