"""Many units at once, from a spreadsheet or a list."""

from collections.abc import Sequence

from lantoa_contracts.policy import UNIT_ACT
from lantoa_directory.domain.rows import MOST_ROWS, NEEDED, Judged, Outcome, Row, meaning_of, placed_rows, row_of
from lantoa_directory.domain.succession import Successor
from lantoa_directory.domain.units import Unit, keeping, path_of
from lantoa_directory.usecases.acts import Acts
from lantoa_directory.usecases.units import all_units, plan_units, store_units
from lantoa_runtime.errors import Forbidden, Invalid
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates
from lantoa_runtime.sheets import columns_of

Sheet = Sequence[Sequence[str]]


class UnitImporter:
    """Judges every row, writes the good ones. The same sheet again changes nothing; what acts did stays."""

    def __init__(self, units: Aggregates, acts: Acts) -> None:
        self._units = units
        self._acts = acts

    async def run(
        self, caller: Caller, sheet: Sheet, links: Sequence[tuple[str, Successor]], *, dry_run: bool
    ) -> list[Judged]:
        """What became of each row with something in it, or would become of it; numbers are those of the sheet.

        Raises:
            Invalid: the sheet has no header that can be used, or nothing below it.
            Forbidden: a link changes a unit that the caller does not administer.
            AppError: ``directory.tree-is-changing``; a retry helps.
        """
        if len(sheet) < 2:
            raise Invalid("sheet-empty")
        if len(sheet) > MOST_ROWS + 1:
            raise Invalid("sheet-too-long", most=MOST_ROWS)
        rows, judged = _read(sheet)
        async with self._acts.standing() as standing:
            stored = await all_units(self._units.collection)
            placed, refused = placed_rows(stored, rows)
            kept = dict(zip(placed, keeping(stored, placed.values(), standing), strict=True))
            allowed, forbidden = _allowed(caller, stored, kept)
            judged += [*refused, *forbidden]
            links = [link for link in links if not {link[0], link[1].unit_id} - stored.keys() - _ids(allowed)]
            changed = plan_units(stored, allowed.values(), links)
            for unit in changed:  # Whose successors a link changes may be no row of this sheet.
                if not caller.may(UNIT_ACT, unit.path[:-1]):
                    raise Forbidden("directory.unit-not-yours", name=unit.name)
            if not dry_run:
                await store_units(self._units, changed)
        different = {unit.id for unit in changed}
        for number, unit in allowed.items():
            known: Outcome = "changed" if unit.id in stored else "created"
            judged.append(Judged(number, known if unit.id in different else "unchanged", unit.id, unit.name))
        return sorted(judged, key=lambda one: one.row)


def _ids(units: dict[int, Unit]) -> set[str]:
    return {unit.id for unit in units.values()}


def _read(sheet: Sheet) -> tuple[list[Row], list[Judged]]:
    columns = columns_of(sheet[0], meaning_of, NEEDED)
    rows: list[Row] = []
    refused: list[Judged] = []
    for number, cells in enumerate(sheet[1:], start=2):
        if not any(cells):
            continue
        text = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        try:
            rows.append(row_of(number, text))
        except Invalid as why:
            refused.append(Judged(number, "refused", text.get("unit_id") or None, text.get("name", ""), why))
    return rows, refused


def _allowed(caller: Caller, stored: dict[str, Unit], given: dict[int, Unit]) -> tuple[dict[int, Unit], list[Judged]]:
    """Rows that the caller may write: an administrator what lies below, where it was and where it will be."""
    after = {**stored, **{unit.id: unit for unit in given.values()}}
    allowed: dict[int, Unit] = {}
    refused: list[Judged] = []
    for number, unit in given.items():
        above = path_of(after, unit)[:-1]
        before = stored[unit.id].path[:-1] if unit.id in stored else above
        if caller.may(UNIT_ACT, above) and caller.may(UNIT_ACT, before):
            allowed[number] = unit
        else:
            why = Forbidden("directory.row-not-yours") if above else Invalid("directory.row-parent-needed")
            refused.append(Judged(number, "refused", unit.id, unit.name, why))
    return allowed, refused
