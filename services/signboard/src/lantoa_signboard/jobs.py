"""What signboard does by the clock."""

from lantoa_runtime.service import Service
from lantoa_signboard.settings import SignboardSettings
from lantoa_signboard.usecases import rundowns
from lantoa_signboard.usecases.stores import Stores


def schedule(service: Service[SignboardSettings], stores: Stores) -> None:
    """Register the jobs."""

    async def expire() -> None:
        await rundowns.compile_expired(stores)

    service.every("expire", service.settings.expire_seconds, expire)
