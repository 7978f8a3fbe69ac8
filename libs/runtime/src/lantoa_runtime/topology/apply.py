"""Make the server fit the contracts: ``apply`` creates and updates, ``diff`` only tells. Nothing is ever deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RePublish,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from lantoa_contracts.streams import NEVER_CAPTURED, STREAMS, ConsumerSpec, StreamSpec, consumers

_STORE_LIMIT = 8 * 1024**3
_NO_ROOM = 10047


class TopologyRefused(Exception):
    """The contracts ask for something that must not be, or that the server has no room for."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the contracts say; ``have`` is ``None`` when it is missing."""

    what: str
    field: str
    want: Any
    have: Any

    def __str__(self) -> str:
        return f"{self.what}: {self.field} is {self.have!r}, wanted {self.want!r}"


def overlaps(one: str, other: str) -> bool:
    """Whether two subject patterns can match the same subject (NATS wildcards ``*`` and ``>``)."""
    left, right = one.split("."), other.split(".")
    for mine, theirs in zip(left, right, strict=False):
        if ">" in (mine, theirs):
            return True
        if mine != theirs and "*" not in (mine, theirs):
            return False
    return len(left) == len(right)


def check(streams: Iterable[StreamSpec], store_bytes: int = _STORE_LIMIT) -> None:
    """Refuse a plan that would be dangerous or cannot fit.

    Raises:
        TopologyRefused: a stream captures what devices hear, two streams overlap, or the reservations exceed the store.
    """
    specs = list(streams)
    for spec in specs:
        for subject in spec.subjects:
            caught = [pattern for pattern in NEVER_CAPTURED if overlaps(subject, pattern)]
            if caught:
                raise TopologyRefused(f"stream {spec.name} must not capture {', '.join(caught)}")
    for number, spec in enumerate(specs):
        for other in specs[number + 1 :]:
            if any(overlaps(a, b) for a in spec.subjects for b in other.subjects):
                raise TopologyRefused(f"streams {spec.name} and {other.name} overlap")
    reserved = sum(spec.max_bytes for spec in specs)
    if reserved > store_bytes:
        raise TopologyRefused(f"streams reserve {reserved} bytes, the store has {store_bytes}")


def stream_config(spec: StreamSpec, replicas: int) -> StreamConfig:
    """The server's form of a stream."""
    return StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_bytes=spec.max_bytes,
        max_age=spec.max_age,
        max_msg_size=spec.max_msg_size,
        discard=DiscardPolicy.NEW if spec.discard == "new" else DiscardPolicy.OLD,
        max_msgs_per_subject=spec.max_msgs_per_subject,
        duplicate_window=spec.duplicate_window,
        allow_direct=spec.allow_direct,
        deny_delete=spec.deny_delete,
        allow_rollup_hdrs=spec.rollup,
        republish=RePublish(*spec.republish) if spec.republish else None,
    )


def consumer_config(spec: ConsumerSpec, ack_wait_seconds: float) -> ConsumerConfig:
    """The server's form of a durable."""
    return ConsumerConfig(
        name=spec.durable,
        durable_name=spec.durable,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        filter_subject=spec.filter_subject,
        ack_wait=ack_wait_seconds,
        max_deliver=-1,
        max_ack_pending=spec.max_ack_pending,
    )


def _compared(what: str, want: Any, have: Any, fields: Sequence[str]) -> list[Difference]:
    if have is None:
        return [Difference(what, "existence", "present", None)]
    return [
        Difference(what, name, getattr(want, name), getattr(have, name))
        for name in fields
        # What was never set comes back as absent, nought or false, by the field.
        if (getattr(want, name) or None) != (getattr(have, name) or None)
    ]


_STREAM_FIELDS = (
    "subjects",
    "num_replicas",
    "max_bytes",
    "max_age",
    "max_msg_size",
    "discard",
    "max_msgs_per_subject",
    "duplicate_window",
    "allow_direct",
    "deny_delete",
    "allow_rollup_hdrs",
    "republish",
    # Never asked for: what a device could do with a header (see lantoa_contracts.streams).
    "allow_msg_ttl",
    "allow_msg_schedules",
    "allow_msg_counter",
    "allow_atomic",
)
_CONSUMER_FIELDS = ("filter_subject", "ack_wait", "max_deliver", "max_ack_pending")


async def diff(js: JetStreamContext, replicas: int = 1, ack_wait_seconds: float = 15.0) -> list[Difference]:
    """What the server has otherwise than the contracts say."""
    found: list[Difference] = []
    for spec in STREAMS:
        try:
            have: Any = (await js.stream_info(spec.name)).config
        except NotFoundError:
            have = None
        found += _compared(f"stream {spec.name}", stream_config(spec, replicas), have, _STREAM_FIELDS)
    for durable in consumers():
        try:
            have = (await js.consumer_info(durable.stream, durable.durable)).config
        except NotFoundError:
            have = None
        want = consumer_config(durable, ack_wait_seconds)
        found += _compared(f"durable {durable.durable}", want, have, _CONSUMER_FIELDS)
    return found


async def apply(js: JetStreamContext, replicas: int = 1, ack_wait_seconds: float = 15.0) -> list[Difference]:
    """Create and update until ``diff`` is empty; what was changed.

    Raises:
        TopologyRefused: the plan must not be, or the server has no room for it or cannot change what is there.
    """
    check(STREAMS)
    changed = await diff(js, replicas, ack_wait_seconds)
    wanted = {difference.what for difference in changed}
    missing = {difference.what for difference in changed if difference.field == "existence"}
    try:
        for spec in STREAMS:
            what = f"stream {spec.name}"
            if what in missing:
                await js.add_stream(stream_config(spec, replicas))
            elif what in wanted:
                await js.update_stream(stream_config(spec, replicas))
    except APIError as error:
        if error.err_code == _NO_ROOM:
            raise TopologyRefused(
                "the NATS server has no room for the streams: raise max_file_store or free disk"
            ) from error
        raise TopologyRefused(f"the server refuses {what}: {error.description}") from error
    for durable in consumers():
        if f"durable {durable.durable}" in wanted:
            await js.add_consumer(durable.stream, consumer_config(durable, ack_wait_seconds))
    return changed
