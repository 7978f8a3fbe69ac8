"""Histories of acts over a small province, for property tests."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import strategies as st

from lantoa_directory.domain.acts import (
    ActRefused,
    NewUnit,
    Plan,
    Wanted,
    effective,
    planned,
    reversed_units,
)
from lantoa_directory.domain.units import Unit, UnitsRefused, placed

FIRST = date(2020, 1, 1)
PROVINCE = Unit("u-p", "86", "Tỉnh", "province", None, None, None)
DISTRICTS = tuple(Unit(f"u-d{n}", f"d{n}", f"Huyện {n}", "district", "u-p", None, None) for n in range(2))
COMMUNES = tuple(Unit(f"u-{n}", f"{n}", f"Xã {n}", "commune", f"u-d{n % 2}", None, None) for n in range(6))
BODIES = tuple(
    Unit(f"b-{n}", f"b{n}", f"Đảng ủy {n}", "body", f"u-{n}", None, None, tree="party", superior="b-p")
    for n in range(2)
)
PARTY = Unit("b-p", "bp", "Tỉnh ủy", "body", "u-p", None, None, tree="party")


def province() -> dict[str, Unit]:
    """Six communes in two districts, two bodies in a tree of their own."""
    return placed({unit.id: unit for unit in (PROVINCE, *DISTRICTS, *COMMUNES, PARTY, *BODIES)})


@dataclass
class History:
    """Units after some acts, one a month, and the acts in their order."""

    units: dict[str, Unit] = field(default_factory=province)
    acts: list[Plan] = field(default_factory=list)

    @property
    def next_day(self) -> date:
        return FIRST + timedelta(days=30 * (len(self.acts) + 1))

    def standing(self, kind: str = "commune") -> list[str]:
        return sorted(unit.id for unit in self.units.values() if unit.kind == kind and unit.exists_on(self.next_day))

    def do(self, wanted: Wanted) -> None:
        """Do an act; one that cannot be is left out."""
        try:
            plan = planned(self.units, wanted)
        except (ActRefused, UnitsRefused):
            return
        self.units = placed(effective(self.units, plan))
        self.acts.append(plan)

    def undo(self) -> None:
        self.units = placed(reversed_units(self.units, self.acts.pop()))


@st.composite
def wanted_of(draw: st.DrawFn, history: History) -> Wanted:
    """An act over the communes that are there, or a move of one into the other district."""
    day, here = history.next_day, history.standing()
    act = f"NQ {len(history.acts)}"
    kind = draw(st.sampled_from(["merge", "merge", "split", "rename", "move"]))
    if kind == "move":
        return Wanted("move", day, act, (draw(st.sampled_from(here)),), (draw(st.sampled_from(["u-d0", "u-d1"])),))
    new = [NewUnit(name=f"Xã mới {n}") for n in range(3)]
    if kind == "merge":
        sources = draw(st.lists(st.sampled_from(here), min_size=1, max_size=3, unique=True))
        target = draw(st.sampled_from([new[0], *(unit for unit in here if unit not in sources)]))
        return Wanted("merge", day, act, tuple(sources), (target,))
    source = draw(st.sampled_from(here))
    targets = tuple(new[: draw(st.integers(2, 3))]) if kind == "split" else (new[0],)
    return Wanted(kind, day, act, (source,), targets)  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn, most: int = 6) -> History:
    history = History()
    for _ in range(draw(st.integers(1, most))):
        history.do(draw(wanted_of(history)))
    return history
