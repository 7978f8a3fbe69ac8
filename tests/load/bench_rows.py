"""A figure and the figure it is held against, both taken in the same run in turns."""

import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` is ours divided by the baseline."""

    name: str
    ours: float
    baseline: float
    ratio: float
    unit: str
    note: str

    def public(self) -> dict[str, object]:
        """As it stands in the file."""
        return asdict(self)


def row(name: str, ours: float, baseline: float, unit: str, note: str) -> Row:
    """A line with its ratio, rounded to what can be trusted."""
    return _told(Row(name, round(ours, 3), round(baseline, 3), round(ours / baseline, 3), unit, note))


def _told(made: Row) -> Row:
    """Show a line as soon as it is there: a run takes long, and may fail before its table."""
    sys.stderr.write(table([made]) + "\n")
    sys.stderr.flush()
    return made


async def compared(name: str, ours: Measure, baseline: Measure, rounds: int, unit: str, note: str) -> Row:
    """Medians of both and the median of the ratios of each pair: what slows the machine slows both of a pair.

    Within each round the order changes, so that neither is always the one that comes after the other.
    """
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            held = await baseline()
            pairs.append((await ours(), held))
        else:
            mine = await ours()
            pairs.append((mine, await baseline()))
    ratio = statistics.median(mine / held for mine, held in pairs)
    spread = ", ".join(f"{mine / held:.2f}" for mine, held in pairs)
    middle = [statistics.median(side) for side in zip(*pairs, strict=True)]
    note = f"{note}; ratio of each pair: {spread}"
    return _told(Row(name, round(middle[0], 3), round(middle[1], 3), round(ratio, 3), unit, note))


def table(rows: list[Row]) -> str:
    """For people."""
    lines = [f"{'name':22} {'ours':>12} {'baseline':>12} {'ratio':>8}  unit"]
    for line in rows:
        lines.append(f"{line.name:22} {line.ours:12.3f} {line.baseline:12.3f} {line.ratio:8.3f}  {line.unit}")
        lines.append(f"    {line.note}")
    return "\n".join(lines)
