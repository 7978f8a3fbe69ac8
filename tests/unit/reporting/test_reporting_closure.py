"""Every shown number is the sum over the proofs listed behind it, whatever happened on the way."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reporting_memory import Crash, MemoryEvidence, MemoryPlan, MemoryUnits

from lantoa_calendar.periods import ZONE, period
from lantoa_contracts.policy import REPORT_READ
from lantoa_reporting.domain import DeviceWord, Fact, PageSeen, SealedAttempt, Totals, Unit, as_now
from lantoa_reporting.usecases.evidence import rebuild, take_back, take_up
from lantoa_reporting.usecases.reports import Reports
from lantoa_runtime.errors import NotFound
from lantoa_runtime.http import Caller, Grant

TASKS = ("05", "08", "12")
OLD, NEW = ("a", "b", "c", "d"), ("x", "y")
YEARS = ("plan75-2026", "plan75-2027")
CUT_OFF = datetime(2026, 11, 15, tzinfo=ZONE)
TODAY = date(2026, 11, 23)
ENDED = date(2025, 6, 30)
WORD = DeviceWord(
    kid="U", p="{}", sig="-", device_public_key="U", session_id="s-1", entry_id="e-1", media_sha256="a" * 64
)
PAGE = PageSeen(post_id="w", url="http://p/tin/i", approval_sha256="b" * 64, page_sha256="c" * 64, confirmed_at=CUT_OFF)
PREFIX = {"radio": "airing", "board": "display", "web": "post", "contest": "attempt"}


class Clock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime.combine(TODAY, datetime.min.time(), UTC)


@dataclass(frozen=True)
class TakenBack:
    """The word that a post does not stand in this version."""

    fact_id: str
    ver: int


@dataclass(frozen=True)
class Told:
    """A unit's state."""

    ver: int
    unit: Unit


Event = Fact | TakenBack | Told


def a_fact(number: int, channel: str, unit_id: str, tasks: tuple[str, ...], at: int, seconds: float) -> Fact:
    moment = CUT_OFF + timedelta(seconds=at)
    return Fact(
        fact_id=f"{PREFIX[channel]}:{number}",
        channel=channel,
        unit_id=unit_id,
        device_id="d-1" if channel in ("radio", "board") else None,
        item_id=None if channel == "contest" else "i-1",
        contest_id="q-1" if channel == "contest" else None,
        revision=1,
        title="Bản tin",
        priority="normal",
        tasks=tasks,
        topic="skills",
        started_at=moment,
        ended_at=moment if channel == "web" else moment + timedelta(seconds=seconds),
        seconds=0.0 if channel == "web" else seconds,
        proof={"web": PAGE, "contest": SealedAttempt({})}.get(channel, WORD),
    )


def a_unit(unit_id: str, successors: tuple[str, ...] = (), ended: date | None = None) -> Unit:
    kind, path = ("province", ("p",)) if unit_id == "p" else ("commune", ("p", unit_id))
    return Unit(unit_id, f"Xã {unit_id}", kind, path, None, ended, successors)


facts = st.tuples(
    st.sampled_from(("radio", "board", "web", "web", "contest")),
    st.sampled_from((*OLD, *NEW, "untold")),
    st.lists(st.sampled_from(TASKS), max_size=3).map(tuple),
    st.integers(-3 * 86_400, 3 * 86_400),
    st.floats(0.1, 900, allow_nan=False),
)


@st.composite
def histories(draw) -> list[Event]:
    """Facts of four kinds, posts that come and go, units that are merged and divided; again and in any order."""
    events: list[Event] = []
    for number, drawn in enumerate(draw(st.lists(facts, max_size=10))):
        fact = a_fact(number, *drawn)
        events.append(fact)
        if fact.channel == "web":
            for ver in range(2, draw(st.integers(1, 5)) + 1):
                moved = timedelta(days=draw(st.integers(0, 1)))
                again = replace(fact, ver=ver, started_at=fact.started_at + moved, ended_at=fact.ended_at + moved)
                events.append(draw(st.sampled_from((again, TakenBack(fact.fact_id, ver)))))
    events += [Told(1, a_unit(unit_id)) for unit_id in ("p", *OLD, *NEW)]
    for unit_id in OLD:
        heirs = draw(st.lists(st.sampled_from((*OLD, *NEW)), max_size=2, unique=True))
        if draw(st.booleans()):
            events.append(Told(2, a_unit(unit_id, tuple(heirs), ENDED)))
    again = draw(st.lists(st.sampled_from(events), max_size=8))
    return draw(st.permutations(events + again))


@dataclass
class World:
    """Reporting over memory."""

    evidence: MemoryEvidence
    units: MemoryUnits

    @property
    def reports(self) -> Reports:
        return Reports(self.evidence, MemoryPlan(TASKS), self.units, Clock())

    async def deliver(self, event: Event) -> None:
        if isinstance(event, Told):
            self.units.tell(event.ver, event.unit)
        elif isinstance(event, TakenBack):
            await take_back(self.evidence, event.fact_id, event.ver)
        else:
            await take_up(self.evidence, event)

    async def deliver_all(self, history: list[Event], workers: int, crashes: list[int]) -> None:
        """Several workers at once; who dies in the middle has his event delivered again, to whoever is next."""
        waiting, steps = list(reversed(history)), list(crashes)

        async def work() -> None:
            while waiting:
                event = waiting.pop()
                if steps and self.evidence.left is None:
                    self.evidence.left = steps.pop()
                try:
                    await self.deliver(event)
                except Crash:
                    waiting.insert(0, event)

        await asyncio.gather(*(work() for _ in range(workers)))
        self.evidence.left = None

    async def walk(self, caller: Caller, code: str, year: str, view: str, **narrowed) -> list[Fact]:
        """Every page of the proofs."""
        found, before = [], None
        only = {"unit_id": None, "channel": None, "day": None, **narrowed}
        while True:
            lines, before = await self.reports.proofs(caller, code, year, before=before, limit=3, view=view, **only)
            assert len(lines) <= 3
            found += [line.fact for line in lines]
            if before is None:
                return found


def sums_of(listed: list[Fact]) -> Totals:
    """What a list of proofs adds up to; nothing is listed twice."""
    assert len({fact.fact_id for fact in listed}) == len(listed)
    of = {channel: [fact for fact in listed if fact.channel == channel] for channel in PREFIX}
    return Totals(
        airings=len(of["radio"]),
        airing_milliseconds=sum(fact.milliseconds for fact in of["radio"]),
        displays=len(of["board"]),
        posts=len(of["web"]),
        attempts=len(of["contest"]),
    )


def standing(history: list[Event]) -> list[Fact]:
    """The facts that hold after all of a history: the highest version of each decides."""
    last: dict[str, Fact | TakenBack] = {}
    for event in sorted((e for e in history if not isinstance(e, Told)), key=lambda e: e.ver):
        last[event.fact_id] = event
    return [event for event in last.values() if isinstance(event, Fact)]


def reporter(*unit_ids: str, role: str = "reporter") -> Caller:
    return Caller("p-1", "Hà", tuple(Grant(role, unit_id) for unit_id in unit_ids))


callers = st.sampled_from(
    [reporter("p"), reporter("a"), reporter("x"), reporter("a", "y"), reporter("b", role="author"), reporter("none")]
)


async def check_closure(world: World, caller: Caller, year: str, view: str) -> dict[str, Totals]:
    """Each number against the proofs listed behind it; the totals by task."""
    shown = {task.code: sums for task, sums in await world.reports.tasks(caller, year, view)}
    seen: dict[str, Fact] = {}
    for code in TASKS:
        numbers = await world.reports.task(caller, code, year, view)
        listed = await world.walk(caller, code, year, view)
        seen.update({fact.fact_id: fact for fact in listed})
        assert sums_of(listed) == numbers.totals == shown[code]
        for unit_id, _, sums in numbers.by_unit:
            assert sums_of(await world.walk(caller, code, year, view, unit_id=unit_id)) == sums
        for day, sums in numbers.by_day.items():
            assert sums_of(await world.walk(caller, code, year, view, day=date.fromisoformat(day))) == sums
        for channel, sums in numbers.by_channel.items():
            assert sums_of(await world.walk(caller, code, year, view, channel=channel)) == sums
        for parts in ([row[2] for row in numbers.by_unit], numbers.by_day.values(), numbers.by_channel.values()):
            assert sum(part.airing_milliseconds for part in parts) == numbers.totals.airing_milliseconds
            assert sum(part.airings + part.displays + part.posts + part.attempts for part in parts) == len(listed)
    for fact_id in seen:
        line, _ = await world.reports.proof(caller, fact_id)
        assert line.fact == seen[fact_id]
    if view == "then":
        summary = await world.reports.summary(caller, year)
        assert summary.totals == sums_of(list(seen.values()))
        assert summary.tasks_without_evidence == sum(sums == Totals() for sums in shown.values())
    return shown


@settings(max_examples=150)
@given(
    histories(),
    callers,
    st.sampled_from(YEARS),
    st.integers(1, 3),
    st.lists(st.integers(0, 12), max_size=4),
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
)
def test_every_number_is_the_sum_over_the_proofs_behind_it_in_both_views(
    history, caller, year, workers, crashes, paces
):
    async def run() -> None:
        world = World(MemoryEvidence(paces=cycle(paces)), MemoryUnits())
        await world.deliver_all(history, workers, crashes)
        then = await check_closure(world, caller, year, "then")
        now = await check_closure(world, caller, year, "now")

        facts = [fact for fact in standing(history) if fact.day in period(year)]
        own = set(await world.units.below(caller.units(REPORT_READ)))
        heirs = as_now(await world.units.all(), TODAY)
        everything = caller.units(REPORT_READ) == ("p",)
        for code in TASKS:
            of_task = [fact for fact in facts if code in fact.tasks]
            assert then[code] == sums_of([fact for fact in of_task if everything or fact.unit_id in own])
            reach = own | {unit_id for unit_id, heir in heirs.items() if heir in own}
            assert now[code] == sums_of([fact for fact in of_task if everything or fact.unit_id in reach])
        if everything:
            assert then == now

    asyncio.run(run())


DAMAGES = ("lose the cell", "lose the sheet", "lose both", "change the cell", "change the sheet")


@settings(max_examples=50)
@given(histories(), st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=5), st.integers(1, 3))
def test_counting_again_over_lost_and_damaged_cells_gives_what_was_there(history, damages, workers):
    async def run() -> None:
        world = World(MemoryEvidence(), MemoryUnits())
        await world.deliver_all(history, workers, [])
        evidence = world.evidence

        def numbers() -> dict:
            return {key: (cell.facts, cell.entry[:-1]) for key, cell in evidence.cells.items() if cell.count}

        before = numbers()
        reports = {year: await check_closure(world, reporter("p"), year, "now") for year in YEARS}
        assert (await rebuild(evidence))[1] == 0
        spoiled = sorted(evidence.cells, key=lambda key: key.id)[: len(damages)]
        for key, how in zip(spoiled, damages, strict=False):
            evidence.spoil(key, how)
        assert (await rebuild(evidence))[1] <= len(spoiled)
        assert (await rebuild(evidence))[1] == 0
        assert numbers() == before
        assert reports == {year: await check_closure(world, reporter("p"), year, "now") for year in YEARS}
        # What comes after the mending is counted as if nothing had been damaged.
        late = a_fact(99, "radio", "a", ("05", "08"), 0, 60.0)
        await take_up(evidence, late)
        assert late.cells[0] in evidence.sheets
        for year in YEARS:
            await check_closure(world, reporter("p"), year, "then")

    asyncio.run(run())


POST = a_fact(1, "web", "a", ("08",), 0, 0.0)


@pytest.mark.parametrize(
    ("events", "posts"),
    [
        ([POST], 1),
        ([POST, TakenBack(POST.fact_id, 2)], 0),
        ([TakenBack(POST.fact_id, 2), POST], 0),
        ([POST, TakenBack(POST.fact_id, 2), replace(POST, ver=3)], 1),
        ([replace(POST, ver=3), TakenBack(POST.fact_id, 2), POST], 1),
        ([TakenBack(POST.fact_id, 4), replace(POST, ver=3), TakenBack(POST.fact_id, 2), POST], 0),
        ([POST, TakenBack(POST.fact_id, 2), POST, TakenBack(POST.fact_id, 2)], 0),
    ],
)
async def test_a_post_counts_while_its_newest_version_stands(events, posts):
    world = World(MemoryEvidence(), MemoryUnits())
    for event in events:
        await world.deliver(event)
    world.units.tell(1, a_unit("p"))
    numbers = await world.reports.task(reporter("p"), "08", YEARS[1])
    assert numbers.totals == Totals(posts=posts)
    assert len(await world.walk(reporter("p"), "08", YEARS[1], "then")) == posts


async def test_a_post_that_was_taken_back_is_shown_as_no_longer_standing_and_a_mere_tombstone_is_not_found():
    world = World(MemoryEvidence(), MemoryUnits())
    world.units.tell(1, a_unit("p"))
    await world.deliver(TakenBack(POST.fact_id, 2))
    with pytest.raises(NotFound):
        await world.reports.proof(reporter("p"), POST.fact_id)
    await world.deliver(POST)
    _, verdict = await world.reports.proof(reporter("p"), POST.fact_id)
    assert "standing" in verdict.doubts


@given(st.lists(st.integers(1, 9), min_size=5, max_size=30), st.permutations([1, 2, 3]))
def test_versions_of_a_post_that_are_handled_at_the_same_time_end_as_the_newest_says(paces, order):
    fact = replace(POST, tasks=TASKS)
    told = {1: fact, 2: replace(fact, ver=2), 3: TakenBack(fact.fact_id, 3)}

    async def run() -> None:
        world = World(MemoryEvidence(paces=cycle(paces)), MemoryUnits())
        await asyncio.gather(*(world.deliver(told[ver]) for ver in order))
        assert [cell.count for cell in world.evidence.cells.values()] == [0] * len(world.evidence.cells)
        assert [entry.number for entry in world.evidence.sheets.values()] == [0] * len(world.evidence.sheets)

    asyncio.run(run())
