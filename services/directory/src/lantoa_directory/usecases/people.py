"""People and what they may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lantoa_calendar.text import fold, nfc, sort_key
from lantoa_contracts.policy import PERSON_READ
from lantoa_directory.usecases.pages import page
from lantoa_runtime.errors import Conflict
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_runtime.mongo import Collection, Document, DuplicateKey


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
    grants: tuple[Grant, ...]
    password: str | None

    @property
    def units(self) -> tuple[str, ...]:
        """Units that the person has to do with."""
        units = {grant.unit_id for grant in self.grants} | ({self.body} if self.body else set())
        return tuple(sorted(units))


async def store_people(
    people: Collection, sessions: Collection, passwords: Passwords, given: Sequence[NewPerson]
) -> int:
    """Take people up by their ids; how many changed. A new password ends the person's sessions.

    Raises:
        Conflict: another person has this login.
    """
    changed = 0
    for person in given:
        stored = await people.find_one({"_id": person.id})
        fields: dict[str, Any] = {
            "login": fold(person.login),
            "name": nfc(person.name),
            "title": nfc(person.title),
            "body": person.body,
            "grants": [{"role": grant.role, "unit_id": grant.unit_id} for grant in person.grants],
            "units": list(person.units),
            "sort_key": sort_key(person.name),
        }
        if stored is None:
            fields["password"] = None
        known = stored["password"] if stored else None
        if person.password is not None and not (known and await passwords.fits(known, person.password)):
            fields["password"] = await passwords.hash(person.password)
            await sessions.delete_many({"person_id": person.id})
        if stored and all(stored[name] == value for name, value in fields.items()):
            continue
        try:
            await people.update_one({"_id": person.id}, {"$set": fields}, upsert=True)
        except DuplicateKey as error:
            raise Conflict("directory.login-taken") from error
        changed += 1
    return changed


async def find_people(
    people: Collection, units: Collection, caller: Caller, limit: int, cursor: str | None
) -> tuple[list[Document], str | None]:
    """People tied to a unit whose people the caller may see.

    Raises:
        AppError: ``bad-cursor``.
    """
    roots = list(caller.units(PERSON_READ))
    below = [unit["_id"] for unit in await units.find({"path": {"$in": roots}}, {"_id": 1})]
    found = await people.find({"units": {"$in": below}}, {"password": 0})
    return page(found, limit, cursor)
