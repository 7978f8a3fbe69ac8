"""Take units up, tell everybody again."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_directory.domain.succession import Successor
from lantoa_directory.domain.units import Unit, UnitsRefused, changed_units
from lantoa_directory.usecases.records import unit_fields, unit_of
from lantoa_runtime.errors import Invalid, NotFound
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Aggregates, Change, Collection, Document, Outgoing


async def get_unit(units: Aggregates, unit_id: str) -> Document:
    """One unit.

    Raises:
        NotFound: no such unit.
    """
    document = await units.load(unit_id)
    if document is None:
        raise NotFound("unit")
    return document


async def all_units(units: Collection) -> dict[str, Unit]:
    """Every unit of every day, by id."""
    return {document["_id"]: unit_of(document) for document in await units.find({})}


def plan_units(
    stored: Mapping[str, Unit], given: Iterable[Unit], successors: Iterable[tuple[str, Successor]]
) -> list[Unit]:
    """What taking these up will change.

    Raises:
        Invalid: they do not make a tree with what is there.
    """
    try:
        return changed_units(stored, given, successors)
    except UnitsRefused as refused:
        raise Invalid(f"directory.{refused.code}", "/units", unit_id=refused.unit_id) from refused


async def store_units(units: Aggregates, changed: Iterable[Unit]) -> None:
    """Write units in their order, each with its event."""
    for unit in changed:
        await units.change(unit.id, lambda document, unit=unit: _change(unit, document))  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def _change(unit: Unit, document: Document | None) -> Change:
    ver = document["ver"] + 1 if document else 1
    return Change(unit_fields(unit), [Outgoing(UNIT_CHANGED, _event(unit, ver))])


def _event(unit: Unit, ver: int) -> UnitChanged:
    return UnitChanged(
        unit_id=unit.id,
        ver=ver,
        code=unit.code,
        name=unit.name,
        kind=unit.kind,
        path=unit.path,
        valid_from=unit.valid_from,
        valid_to=unit.valid_to,
        successor_ids=tuple(successor.unit_id for successor in unit.successors),
        lat=unit.lat,
        lon=unit.lon,
    )


async def replay_units(units: Aggregates, now: datetime) -> int:
    """Publish every unit as it stands, ancestors first, for read models that began late; how many were published.

    Raises:
        Unavailable: NATS is away; nothing is lost by doing it again.
    """
    turn = new_id(now)
    documents = sorted(await units.collection.find({}), key=lambda document: len(document["path"]))
    for document in documents:
        await units.replay(document, [Outgoing(UNIT_CHANGED, _event(unit_of(document), document["ver"]))], turn)
    return len(documents)
