"""What contest does with what it hears."""

from lantoa_contracts import catalogue
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.bus import Bus, Meta
from lantoa_runtime.mongo import ReadModel


def register(bus: Bus, units: ReadModel) -> None:
    """Register the handler."""

    @bus.on(catalogue.UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        fields = event.model_dump(mode="json", include={"code", "name", "kind", "path", "valid_from", "valid_to"})
        await units.apply(event.unit_id, event.ver, fields)
