"""Events in and out: FastStream on NATS JetStream, with its traps closed here once."""

from lantoa_runtime.bus.batches import Batch
from lantoa_runtime.bus.bus import Bus
from lantoa_runtime.bus.delivery import Meta

__all__ = ["Batch", "Bus", "Meta"]
