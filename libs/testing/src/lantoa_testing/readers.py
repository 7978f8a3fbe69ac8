"""What a service of a test reads because of the name that it bears."""

from typing import Any

from lantoa_contracts.catalogue import EVERY_EVENT
from lantoa_runtime.bus import Batch
from lantoa_runtime.service import Service


def read_every_event(service: Service[Any]) -> None:
    """Read the whole stream and keep nothing, as whoever is called ``directory`` has to: its one durable waits."""

    async def read(batch: Batch) -> list[bool]:
        return [True] * len(batch)

    service.bus.in_batches(EVERY_EVENT, read)
