"""Every event of every service, for the audit."""

from collections.abc import Sequence

import structlog

from lantoa_contracts.catalogue import EVERY_EVENT
from lantoa_directory import telemetry
from lantoa_directory.usecases.audit import Audit
from lantoa_runtime.bus import Bus
from lantoa_runtime.bus.batches import Batch
from lantoa_runtime.clock import Clock

log = structlog.get_logger()


def register(bus: Bus, audit: Audit, clock: Clock) -> None:
    """Read the event stream in its order, and write down what people did."""

    async def fold(batch: Batch) -> Sequence[bool]:
        done = []
        for body, meta in batch:
            try:
                written = await audit.fold(body.root, meta)
            except Exception as error:  # noqa: BLE001 - whatever kept one from being written, the others are
                log.warning("act not written yet", event_name=meta.type, error=repr(error))
                done.append(False)
                continue
            done.append(True)
            if written is not None:
                telemetry.AUDIT_ENTRIES.labels(written).inc()
                telemetry.AUDIT_LAG.set(max(0.0, (clock.now() - meta.time).total_seconds()))
        return done

    bus.in_batches(EVERY_EVENT, fold)
