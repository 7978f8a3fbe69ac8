"""What broadcast does by the clock."""

from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.missed import mark_missed
from lantoa_broadcast.usecases.stores import Stores
from lantoa_runtime.service import Service


def schedule(service: Service[BroadcastSettings], stores: Stores) -> None:
    """Register the jobs."""

    async def missed() -> None:
        await mark_missed(stores)

    service.every("missed", service.settings.missed_check_seconds, missed)
