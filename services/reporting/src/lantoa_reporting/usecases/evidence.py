"""Take up evidence, count it again, check what a device signed."""

from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import ValidationError

from lantoa_calendar.periods import period, period_of
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_reporting.domain import Cell, CellKey, Fact, fold
from lantoa_reporting.usecases.ports import Evidence
from lantoa_runtime.errors import StaleVersion
from lantoa_signing.documents import SignatureRefused
from lantoa_signing.nkey import device_id, verify_by_nkey

CALENDAR = "plan75"
_MOST_RACES = 50


async def take_up(evidence: Evidence, fact: Fact) -> None:
    """Keep a fact, then count it. Repeating it finishes what a crash in between left open and changes nothing else."""
    await evidence.note_period(period_of(CALENDAR, fact.day).key)
    # What is counted is what is kept: a repeat that says something else changes neither.
    kept = await evidence.keep(fact)
    for key in kept.cells:
        await evidence.count(key, kept)


async def rebuild(evidence: Evidence) -> tuple[int, int]:
    """Count every fact again; how many cells there are, and how many of them were wrong and are mended.

    Raises:
        StaleVersion: a cell kept changing; repeat.
    """
    cells = mended = 0
    for key in await evidence.periods():
        found = period(key)
        for number in range((found.end - found.start).days + 1):
            checked, changed = await rebuild_day(evidence, found.start + timedelta(days=number))
            cells += checked
            mended += changed
    return cells, mended


async def rebuild_day(evidence: Evidence, day: date) -> tuple[int, int]:
    """Count the facts of one day again; cells and mended cells as in :func:`rebuild`, which raises the same."""
    held = {cell.key: cell for cell in await evidence.cells_of_day(day)}
    wanted = fold(await evidence.facts_of_day(day))
    keys = held.keys() | wanted.keys()
    wrong = [key for key in keys if key not in held or not held[key].equals(wanted.get(key, Cell()))]
    return len(keys), sum([await _mend(evidence, key) for key in wrong])


async def _mend(evidence: Evidence, key: CellKey) -> bool:
    for _ in range(_MOST_RACES):
        # The cell first, the facts after: a fact that comes in between changes the cell's version or is counted.
        held = await evidence.cell(key)
        wanted = fold(await evidence.facts_of_day(key.day)).get(key, Cell())
        if held is not None and held.equals(wanted):
            return False
        if await evidence.replace_cell(key, wanted, held.ver if held else None):
            return True
    raise StaleVersion


@dataclass(frozen=True)
class Verdict:
    """What checking a proof found: names of what does not hold (none: all does); the rundown that the text names."""

    doubts: tuple[str, ...]
    rundown_sha256: str | None


def check_proof(fact: Fact) -> Verdict:
    """Whether the device signed exactly what the fact says: its key, its signature, its every field."""
    document = SignedDocument(kid=fact.proof.kid, p=fact.proof.p, sig=fact.proof.sig)
    try:
        text = verify_by_nkey(document, fact.device_public_key)
    except SignatureRefused:
        return Verdict(("signature",), None)
    told: AiredProof | DisplayedProof
    try:
        if fact.channel == "radio":
            told = AiredProof.model_validate_json(text)
            own = {"session_id": fact.session_id, "audio_sha256": fact.media_sha256, "outcome": "aired"}
        else:
            told = DisplayedProof.model_validate_json(text)
            own = {"slide_sha256": fact.media_sha256}
    except ValidationError:
        return Verdict(("text",), None)
    shared = ("device_id", "entry_id", "item_id", "revision", "started_at", "ended_at", "seconds")
    expected = {**{name: getattr(fact, name) for name in shared}, **own}
    doubts = [name for name, value in expected.items() if getattr(told, name) != value]
    if device_id(fact.device_public_key) != fact.device_id:
        doubts.append("device_public_key")
    return Verdict(tuple(doubts), told.rundown_sha256)
