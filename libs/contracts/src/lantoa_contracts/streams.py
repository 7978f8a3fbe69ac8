"""Streams, buckets and durables as data; ``lantoa topology`` makes them, services only bind.

Sizes and flags are the tested table of the device topology: a flag missing here (``allow_rollup_hdrs``,
``allow_msg_ttl``, ``allow_atomic`` ...) on a stream that captures device messages is missing on purpose, because a
device may set any header.
"""

from dataclasses import dataclass
from typing import Literal

from lantoa_contracts.catalogue import CATALOGUE, FEEDS

HEARD = "heard"
"""Begins the subjects on which stored events are said once more: ``heard.content.item.approved.v1``."""
_MIB = 1024 * 1024
_DAY = 86_400


@dataclass(frozen=True)
class StreamSpec:
    """A JetStream stream. Ages in seconds (0 keeps for ever), sizes in bytes."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age: int = 0
    max_msg_size: int = -1
    discard: Literal["new", "old"] = "new"
    max_msgs_per_subject: int = -1
    duplicate_window: int = 120
    allow_direct: bool = False
    deny_delete: bool = False
    rollup: bool = False
    republish: tuple[str, str] | None = None


@dataclass(frozen=True)
class ConsumerSpec:
    """A durable pull consumer with one filter. The error's class decides on redelivery, so there is no maximum."""

    stream: str
    durable: str
    service: str
    filter_subject: str
    max_ack_pending: int


def _bucket(name: str, subjects: str, republish: tuple[str, str] | None, size: int) -> StreamSpec:
    return StreamSpec(
        name=f"KV_{name}",
        subjects=(subjects,),
        max_bytes=size,
        max_msg_size=64 * 1024,
        max_msgs_per_subject=1,
        allow_direct=True,
        deny_delete=True,
        rollup=True,
        republish=republish,
    )


STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec(
        "EVT",
        ("evt.>",),
        max_bytes=2048 * _MIB,
        max_age=30 * _DAY,
        max_msg_size=256 * 1024,
        duplicate_window=600,
        allow_direct=True,
        deny_delete=True,
        # What is stored is said once more with its place in the stream: gateways hear it without a consumer.
        republish=("evt.>", f"{HEARD}.>"),
    ),
    StreamSpec(
        "ACK",
        ("dev.up.*.ack", "dev.up.*.aired", "dev.up.*.displayed", "dev.up.*.alarm"),
        max_bytes=1024 * _MIB,
        max_age=30 * _DAY,
        max_msg_size=64 * 1024,
        deny_delete=True,
    ),
    StreamSpec(
        "REPORTED",
        ("dev.up.*.reported",),
        max_bytes=256 * _MIB,
        max_msg_size=64 * 1024,
        discard="old",
        max_msgs_per_subject=1,
        allow_direct=True,
    ),
    _bucket("desired", "$KV.desired.*", ("$KV.desired.*", "dev.dn.{{wildcard(1)}}.desired"), 256 * _MIB),
    _bucket("alert", "$KV.alert.>", ("$KV.alert.>", "dev.bc.>"), 64 * _MIB),
    # What alert keeps for itself: notices, who has them, devices and units. It needs no other store.
    _bucket("alert_book", "$KV.alert_book.>", None, 512 * _MIB),
    StreamSpec(
        "DLQ",
        ("dlq.>",),
        max_bytes=512 * _MIB,
        max_age=90 * _DAY,
        discard="old",
        duplicate_window=3600,
        allow_direct=True,
    ),
    StreamSpec(
        "ADV",
        ("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"),
        max_bytes=64 * _MIB,
        max_age=30 * _DAY,
        discard="old",
    ),
)

NEVER_CAPTURED = ("dev.dn.>", "dev.bc.>", "dev.rpc.>", "dev.up.*.hb")
"""Subjects that no stream may hold: a captured broadcast would be answered to whoever a device points at."""


def consumers() -> tuple[ConsumerSpec, ...]:
    """Every durable that the catalogue asks for."""
    return tuple(
        ConsumerSpec(
            stream=spec.stream,
            durable=spec.durable(service),
            service=service,
            filter_subject=spec.subject,
            max_ack_pending=spec.max_ack_pending,
        )
        for spec in (*CATALOGUE, *FEEDS)
        for service in spec.consumers
    )
