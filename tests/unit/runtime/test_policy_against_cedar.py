"""The matrix in another engine: Cedar, made and proved by others, decides every case as we do.

Cedar's policies are written from the matrix alone, its entities from the trees and grants of the case; neither knows
how :func:`lantoa_contracts.policy.allowed` or :class:`lantoa_runtime.http.Caller` come to their word.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cedarpy import Entities, PolicySet, is_authorized_batch
from hypothesis import given, settings
from hypothesis import strategies as st

from lantoa_contracts.policy import EVERYWHERE, ITEM_WRITE, PERMISSIONS, ROLES, SYSTEM, Permission
from lantoa_runtime.http import Caller, Grant

CASES, TREES = 10_000, 100
ALL = tuple(PERMISSIONS.values())
GRANTED = (*ROLES, SYSTEM)


def _policies(permissions: Iterable[Permission]) -> PolicySet:
    lines = []
    for one in permissions:
        scope = f'permit(principal, action == Action::"{one.name}", resource)'
        match one.who:
            case "role":
                lines += [f"{scope} when {{ resource in principal.{role} }};" for role in sorted(one.roles)]
            case "citizen":
                lines.append(f"{scope} when {{ principal.citizen }};")
            case "system":
                lines.append(f"{scope} when {{ principal.platform }};")
            case "anyone":
                lines.append(f"{scope};")
    open_to_all = ", ".join(f'Action::"{one.name}"' for one in permissions if one.who == "anyone")
    limited = "principal has only && !principal.only.contains(action)"
    lines.append(f"forbid(principal, action, resource) when {{ {limited} }} unless {{ action in [{open_to_all}] }};")
    return PolicySet.from_str("\n".join(lines))


MATRIX = _policies(ALL)


@dataclass(frozen=True)
class World:
    """A forest of units by the number of each one's parent, people in it, and what is asked: who, what and where."""

    parents: tuple[int | None, ...]
    people: tuple[Caller, ...]
    asked: tuple[tuple[int, Permission, int], ...]

    def path(self, unit: int) -> tuple[str, ...]:
        """From the root down to the unit."""
        above = self.parents[unit]
        return (*(self.path(above) if above is not None else ()), f"u-{unit}")

    def ours(self) -> list[bool]:
        """What we decide."""
        return [
            self.people[who].may(what, iter(self.path(where))) if what.who == "role" else self.people[who].holds(what)
            for who, what, where in self.asked
        ]

    def cedars(self) -> list[bool]:
        """What Cedar decides."""
        requests = [
            {"principal": f'Person::"{who}"', "action": f'Action::"{what.name}"', "resource": f'Unit::"u-{where}"',
             "context": {}}
            for who, what, where in self.asked
        ]  # fmt: skip
        answers = is_authorized_batch(requests, MATRIX, Entities.from_json_str(json.dumps(self._entities())))
        assert not [answer.diagnostics.errors for answer in answers if answer.diagnostics.errors]
        return [answer.allowed for answer in answers]

    def _entities(self) -> list[dict[str, object]]:
        units = [(EVERYWHERE, [])] + [
            (f"u-{number}", [_unit(EVERYWHERE if above is None else f"u-{above}")])
            for number, above in enumerate(self.parents)
        ]
        people = [
            {"uid": {"type": "Person", "id": str(number)}, "attrs": _attributes(person), "parents": []}
            for number, person in enumerate(self.people)
        ]
        return [{"uid": _unit(name), "attrs": {}, "parents": above} for name, above in units] + people


def _unit(name: str) -> dict[str, str]:
    return {"type": "Unit", "id": name}


def _attributes(person: Caller) -> dict[str, object]:
    held: dict[str, list[object]] = {role: [] for role in GRANTED}
    for grant in person.grants:
        held[grant.role].append({"__entity": _unit(grant.unit_id)})
    about = {**held, "citizen": person.citizen, "platform": bool(held[SYSTEM])}
    if person.only is None:
        return about
    return {**about, "only": [{"__entity": {"type": "Action", "id": name}} for name in sorted(person.only)]}


@st.composite
def worlds(draw, asked=CASES // TREES):
    """Up to eight units, four people with up to five grants, and a hundred questions."""
    drawn = draw(st.lists(st.integers(0, 7), min_size=1, max_size=8))
    parents = tuple(None if above >= number else above for number, above in enumerate(drawn))
    units = st.sampled_from([*(f"u-{number}" for number in range(len(parents))), EVERYWHERE])
    grants = st.lists(st.builds(Grant, st.sampled_from(GRANTED), units), max_size=5).map(tuple)
    names = st.none() | st.frozensets(st.sampled_from(sorted(PERMISSIONS)), max_size=len(ALL))
    person = st.builds(Caller, st.just("p"), st.just("P"), grants, st.booleans(), signed_in_at=st.none(), only=names)
    people = tuple(draw(st.lists(person, min_size=4, max_size=4)))
    question = st.tuples(st.integers(0, 3), st.sampled_from(ALL), st.integers(0, len(parents) - 1))
    return World(parents, people, tuple(draw(st.lists(question, min_size=asked, max_size=asked))))


def test_cedar_decides_ten_thousand_random_cases_as_we_do():
    decided: Counter[bool] = Counter()

    @settings(max_examples=TREES, deadline=None, database=None)
    @given(worlds())
    def agree(world):
        ours = world.ours()
        assert ours == world.cedars()
        decided.update(ours)

    agree()
    assert decided.total() >= CASES
    assert min(decided.values()) > CASES / 20, "cases of one kind prove little"


def _one_grant_each() -> World:
    """Every role over the province, every permission asked for the commune in it."""
    people = tuple(Caller(role, role, (Grant(role, "u-0"),)) for role in ROLES)
    return World((None, 0), people, tuple((who, what, 1) for who in range(len(people)) for what in ALL))


def test_cedar_reads_the_matrix_as_it_is_written():
    world = _one_grant_each()
    written = [what.who == "anyone" or ROLES[who] in what.roles for who, what, _ in world.asked]
    assert world.cedars() == world.ours() == written


def test_a_role_too_many_or_too_few_is_found():
    for roles in (ITEM_WRITE.roles | {"reporter"}, ITEM_WRITE.roles - {"author"}):
        world = _one_grant_each()
        changed = replace(ITEM_WRITE, roles=frozenset(roles))
        asked = tuple((who, changed if what == ITEM_WRITE else what, where) for who, what, where in world.asked)
        faulty = replace(world, asked=asked)
        assert sum(one != other for one, other in zip(faulty.ours(), faulty.cedars(), strict=True)) == 1
