"""What is kept of CAP, in the bucket ``alert_book`` under ``cap.``: messages, threads, sources and how these fare."""

from typing import TypeVar

from nats.errors import Error as NatsError
from nats.js.errors import APIError
from pydantic import TypeAdapter

from lantoa_alert.domain.cap_threads import Message, Thread
from lantoa_alert.usecases.cap_sources import Fare, Source
from lantoa_runtime.bus import Bus
from lantoa_runtime.errors import StaleVersion, Unavailable

_PREFIX = "$KV.alert_book.cap"
_GET = f"$JS.API.DIRECT.GET.KV_alert_book.{_PREFIX}"
_TIMEOUT = 5.0
_WRONG_LAST_SEQUENCE = 10071
T = TypeVar("T")
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
_THREAD: TypeAdapter[Thread] = TypeAdapter(Thread)
_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)
_FARE: TypeAdapter[Fare] = TypeAdapter(Fare)
_IDS: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


class CapBook:
    """Reads by DIRECT.GET, writes over the sequence that was read: nobody overwrites what he has not seen."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def message(self, name: str) -> tuple[Message | None, int]:
        """A message, and the sequence to put over."""
        return await self._get(f"message.{name}", _MESSAGE)

    async def put_message(self, message: Message, over: int) -> int:
        """Keep a message; its sequence.

        Raises:
            StaleVersion: somebody else changed it meanwhile.
        """
        return await self._put(f"message.{message.name}", _MESSAGE.dump_json(message), over)

    async def thread(self, name: str) -> tuple[Thread | None, int]:
        """A thread, and the sequence to put over."""
        return await self._get(f"thread.{name}", _THREAD)

    async def put_thread(self, thread: Thread, over: int) -> int:
        """Keep a thread; as :meth:`put_message`."""
        return await self._put(f"thread.{thread.name}", _THREAD.dump_json(thread), over)

    async def sources(self) -> list[Source]:
        """Every source, oldest first."""
        ids, _ = await self._ids()
        found = [await self.source(one) for one in ids]
        return [source for source, _ in found if source is not None]

    async def source(self, source_id: str) -> tuple[Source | None, int]:
        """A source, and the sequence to put over."""
        return await self._get(f"source.{source_id}", _SOURCE)

    async def put_source(self, source: Source, over: int) -> None:
        """Keep a source and list it.

        Raises:
            StaleVersion: somebody else changed it or the list meanwhile.
        """
        await self._put(f"source.{source.id}", _SOURCE.dump_json(source), over)
        ids, listed = await self._ids()
        if source.id not in ids:
            await self._put("sources", _IDS.dump_json((*ids, source.id)), listed)

    async def drop_source(self, source_id: str) -> None:
        """Forget a source; what it brought stays.

        Raises:
            StaleVersion: somebody else changed the list meanwhile.
        """
        ids, listed = await self._ids()
        await self._put("sources", _IDS.dump_json(tuple(one for one in ids if one != source_id)), listed)
        for key in (f"source.{source_id}", f"fare.{source_id}"):
            await self._bus.publish(f"{_PREFIX}.{key}", b"", {"KV-Operation": "DEL"})

    async def fare(self, source_id: str) -> Fare | None:
        """How a source fared when it was last looked at."""
        found = await self._get(f"fare.{source_id}", _FARE)
        return found[0]

    async def put_fare(self, source_id: str, fare: Fare) -> None:
        """Keep how a source fared; the last look counts, whoever had it."""
        await self._bus.publish(f"{_PREFIX}.fare.{source_id}", _FARE.dump_json(fare), {})

    async def _ids(self) -> tuple[tuple[str, ...], int]:
        found = await self._get("sources", _IDS)
        return found[0] or (), found[1]

    async def _get(self, key: str, adapter: TypeAdapter[T]) -> tuple[T | None, int]:
        try:
            answer = await self._bus.client.request(f"{_GET}.{key}", b"", timeout=_TIMEOUT)
        except NatsError as error:
            raise Unavailable("nats") from error
        headers = answer.headers or {}
        status = headers.get("Status")
        if status == "404":
            return None, 0
        if status is not None:
            raise Unavailable("alert_book")
        sequence = int(headers["Nats-Sequence"])
        return (None if headers.get("KV-Operation") else adapter.validate_json(answer.data)), sequence

    async def _put(self, key: str, body: bytes, over: int) -> int:
        expected = {"Nats-Expected-Last-Subject-Sequence": str(over)}
        subject = f"{_PREFIX}.{key}"
        try:
            stored = await self._bus.jetstream.publish(subject, body, headers=expected, timeout=_TIMEOUT)
        except APIError as error:
            if error.err_code == _WRONG_LAST_SEQUENCE:
                raise StaleVersion from error
            raise
        return stored.seq
