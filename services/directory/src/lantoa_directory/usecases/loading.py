"""Take up units and people from outside, all of it or, where something is wrong or not allowed, nothing."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from lantoa_contracts.policy import EVERYWHERE, REGISTER_IMPORT
from lantoa_directory.domain.succession import Successor
from lantoa_directory.domain.units import Unit, keeping
from lantoa_directory.usecases.acts import Acts
from lantoa_directory.usecases.last_admin import LastAdmin
from lantoa_directory.usecases.people import EndAll, NewPerson, Passwords, Reach, store_people
from lantoa_directory.usecases.units import all_units, plan_units, store_units
from lantoa_runtime.errors import Forbidden, Invalid
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates


@dataclass(frozen=True)
class Stores:
    """Where the directory keeps what it owns."""

    units: Aggregates
    acts: Acts
    reach: Reach
    passwords: Passwords
    end_all: EndAll
    guard: LastAdmin


@dataclass(frozen=True)
class Given:
    """What is to be taken up."""

    units: Sequence[Unit]
    successors: Sequence[tuple[str, Successor]]
    people: Sequence[NewPerson]


async def load(stores: Stores, caller: Caller, given: Given) -> tuple[int, int]:
    """Store what differs; how many units and how many people changed.

    What acts made of units stays: the list says how they were before.

    Raises:
        Invalid: units do not make a tree, or a person is tied to an unknown unit.
        Forbidden: the caller is neither the operator nor administrator of all that is touched.
        Conflict: a login is taken, or a root would lose its last administrator.
    """
    async with stores.acts.standing() as standing:
        units_changed = await _load_units(stores, caller, given, standing)
    guard = None if EVERYWHERE in caller.units(REGISTER_IMPORT) else stores.guard
    people_changed = await store_people(stores.reach, stores.end_all, stores.passwords, given.people, guard)
    return units_changed, people_changed


async def _load_units(stores: Stores, caller: Caller, given: Given, standing: Container[str]) -> int:
    before = await all_units(stores.units.collection)
    changed = plan_units(before, keeping(before, given.units, standing), given.successors)
    after = {**before, **{unit.id: unit for unit in changed}}
    for number, person in enumerate(given.people):
        if unknown := [unit_id for unit_id in person.units if unit_id not in after]:
            raise Invalid("unknown-unit", f"/people/{number}", unit_id=unknown[0])
    await _check(stores, caller, before, after, changed, given)
    await store_units(stores.units, changed)
    return len(changed)


async def _check(
    stores: Stores,
    caller: Caller,
    before: Mapping[str, Unit],
    after: Mapping[str, Unit],
    changed: Sequence[Unit],
    given: Given,
) -> None:
    """An administrator changes what lies below, where it was and where it will be: not their own unit, which they
    could move away from those above, and no unit of others, nor themselves. A root, and who has no unit, is the
    operator's.
    """
    everywhere = EVERYWHERE in caller.units(REGISTER_IMPORT)
    numbers = {unit.id: number for number, unit in enumerate(given.units)}
    for unit in changed:
        if not everywhere and unit.parent is None and unit.id in numbers:
            raise Invalid("directory.parent-needed", f"/units/{numbers[unit.id]}/parent", name=unit.name)
        for one in (unit, before.get(unit.id, unit)):
            if not caller.may(REGISTER_IMPORT, one.path[:-1]):
                raise Forbidden("directory.unit-not-yours", name=unit.name)
    for number, person in enumerate(given.people):
        if person.id == caller.id:
            raise Forbidden("directory.not-yourself")
        if not everywhere and not person.units:
            raise Invalid("directory.office-needed", f"/people/{number}/body")
        stored = await stores.reach.people.collection.find_one({"_id": person.id}, {"units": 1})
        for unit_id in (*person.units, *(stored["units"] if stored else ())):
            caller.require(REGISTER_IMPORT, after[unit_id].path)
        if stored and not stored["units"]:
            caller.require(REGISTER_IMPORT, ())
