"""Runs the attempts, judges each by what the server says and by what anybody hears, and writes the table."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attacks import Attempt, of_others, of_the_platform
from probes import END, MosquittoProbe, Probe, aiomqtt_probe, nats_probe
from yard import Yard, barrier

AT_ONCE = 20


@dataclass(frozen=True)
class Cell:
    """One attempt with one client: what went wrong, or nothing."""

    client: str
    attempt: Attempt
    fault: str = ""


def attempts_of(yard: Yard) -> list[Attempt]:
    """Everything that the attacker is to try."""
    return of_others(yard.own.place, yard.others) + of_the_platform(yard.own.place)


async def _publish(yard: Yard, probe: Probe, attempts: Sequence[Attempt]) -> list[Cell]:
    bodies = {attempt: f"forged {number} {probe.name}".encode() for number, attempt in enumerate(attempts)}
    refused = await probe.publish([(attempt.subject, body) for attempt, body in bodies.items()])
    await yard.settle()
    cells = []
    for attempt, body in bodies.items():
        fault = ""
        if arrived := yard.arrived(body):
            fault = f"arrived on {', '.join(sorted(arrived))}"
        elif probe.tells_refused_publish and attempt.subject not in refused:
            fault = "not refused in so many words"
        cells.append(Cell(probe.name, attempt, fault))
    return cells


async def _subscribe(yard: Yard, probe: Probe, attempts: Sequence[Attempt]) -> list[Cell]:
    cells: list[Cell] = []
    said = sorted({subject for other in yard.others for subject in other.rights(mqtt=False).subscribe})
    private = [subject for subject in said if not yard.own.place.owns(subject)]

    async def speak() -> None:
        for subject in private:
            await yard.platform.publish(subject.replace(">", "x"), f"secret of {subject}".encode())
        await yard.outside.client.publish(f"_INBOX_{yard.far.id}.x", f"secret of {yard.far.id}".encode())
        await barrier(yard.outside.client)
        await yard.platform.publish(f"dev.dn.{yard.own.id}.cmd", END)
        await barrier(yard.platform)

    for start in range(0, len(attempts), AT_ONCE):
        some = attempts[start : start + AT_ONCE]
        heard = await probe.hear([attempt.subject for attempt in some], speak)
        leaked = sorted(body.decode() for body in heard.bodies if body.startswith(b"secret of "))
        for attempt in some:
            fault = "" if attempt.subject in heard.refused else "granted"
            if leaked and fault:
                fault += f", heard: {leaked}"
            cells.append(Cell(probe.name, attempt, fault))
        assert not leaked or any(cell.fault for cell in cells), leaked
    return cells


async def try_all(yard: Yard, probe: Probe, attempts: Iterable[Attempt]) -> list[Cell]:
    """Try everything with one client."""
    by_verb: dict[str, list[Attempt]] = {"publish": [], "subscribe": []}
    for attempt in attempts:
        by_verb[attempt.verb].append(attempt)
    return await _publish(yard, probe, by_verb["publish"]) + await _subscribe(yard, probe, by_verb["subscribe"])


async def survey(yard: Yard) -> list[Cell]:
    """Everything, with every client, one after the other."""
    attempts, cells = attempts_of(yard), []
    for websocket in (False, True):
        async with nats_probe(yard, websocket=websocket) as probe:
            cells += await try_all(yard, probe, attempts)
    async with aiomqtt_probe(yard) as mqtt:
        cells += await try_all(yard, mqtt, attempts)
    cells += await try_all(yard, MosquittoProbe(yard), attempts)
    return cells


def table(cells: Iterable[Cell]) -> str:
    """Markdown: a row for each kind of attempt, a column for each client."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(dict)
    clients: dict[str, None] = {}
    for cell in cells:
        clients[cell.client] = None
        count = counts[f"{cell.attempt.verb}: {cell.attempt.row}"].setdefault(cell.client, [0, 0])
        count[0] += not cell.fault
        count[1] += 1
    lines = [f"| a device tries to | {' | '.join(clients)} |", "|---" * (len(clients) + 1) + "|"]
    for row, by_client in sorted(counts.items()):
        shown = ("{}/{}".format(*by_client[client]) for client in clients)
        lines.append(f"| {row} | {' | '.join(shown)} |")
    return "\n".join(lines)


def write(name: str, text: str) -> Path:
    """Keep a table where people look for what a run made."""
    folder = Path(__file__).parents[2] / "build" / "isolation"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.md"
    file.write_text(text + "\n", encoding="utf-8")
    return file


def run(coroutine):
    """For fixtures, which pytest runs outside of any loop."""
    return asyncio.run(coroutine)
