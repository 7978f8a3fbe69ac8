"""What the directory does by the clock."""

from lantoa_directory.settings import DirectorySettings
from lantoa_directory.telemetry import ACTS_OVERDUE
from lantoa_directory.usecases.acts import Acts
from lantoa_runtime.service import Service


def schedule(service: Service[DirectorySettings], acts: Acts) -> None:
    """Register the jobs."""

    async def acts_on_their_day() -> None:
        ACTS_OVERDUE.set(await acts.overdue())
        await acts.resume()
        ACTS_OVERDUE.set(await acts.overdue())

    service.every("acts", service.settings.sweep_seconds, acts_on_their_day)
