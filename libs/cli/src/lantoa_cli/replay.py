"""`lantoa replay`: the owners publish their state once more, for read models that began late or were lost."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from nats.js import JetStreamContext

from lantoa_cli import demo
from lantoa_cli.dlq import connected
from lantoa_cli.door import DATA, Data
from lantoa_cli.errors import Refused, run
from lantoa_cli.layout import Layout, started_layout
from lantoa_contracts.catalogue import EVENTS

ORDER = ("directory", "fleet", "content", "broadcast", "signboard", "contest")
"""Owners, those whose events others need to understand theirs first."""
_CATCH_UP_SECONDS = 600.0
_LOOK_SECONDS = 0.2


async def caught_up(js: JetStreamContext, owner: str, seconds: float = _CATCH_UP_SECONDS) -> None:
    """Wait until every reader has handled what an owner published.

    Raises:
        Refused: they took too long.
    """
    durables = {
        spec.durable(reader): spec.stream for spec in EVENTS if spec.owner == owner for reader in spec.consumers
    }
    async with asyncio.timeout(seconds):
        while True:
            infos = [await js.consumer_info(stream, durable) for durable, stream in durables.items()]
            if not any(info.num_pending or info.num_ack_pending for info in infos):
                return
            await asyncio.sleep(_LOOK_SECONDS)


async def replay_owners(layout: Layout, owners: Sequence[str]) -> None:
    """Ask the owners one after the other, each after the readers of the one before have caught up.

    Raises:
        Refused: one of them refused, or readers did not catch up.
    """
    door = demo.operator(layout)
    async with connected(layout.nats.url, layout.ring) as js:
        for owner in owners:
            published = await door.call(owner, "POST", "/replay")
            counts = published.get("events", published)
            typer.echo(f"{owner:10} {', '.join(f'{name} {count}' for name, count in sorted(counts.items())) or '0'}")
            try:
                await caught_up(js, owner)
            except TimeoutError as error:
                raise Refused(f"readers of {owner} have not caught up after {_CATCH_UP_SECONDS:.0f} s") from error


def replay(
    services: Annotated[list[str] | None, typer.Argument(help=f"Owners; all without: {', '.join(ORDER)}.")] = None,
    data: Data = DATA,
) -> None:
    """Let services publish their state once more; readers that have it change nothing."""
    wanted = services or list(ORDER)
    unknown = sorted(set(wanted) - set(ORDER))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: {', '.join(ORDER)}")

    async def work() -> None:
        await replay_owners(started_layout(data), [owner for owner in ORDER if owner in wanted])

    run(work())
