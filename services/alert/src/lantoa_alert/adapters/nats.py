"""Buckets and subjects of NATS.

A bucket is read by DIRECT.GET alone: any replica of its stream answers, so reading works while a leader is elected, and
there is no consumer that could be lost (ADR-31: batches of the newest value of each subject).
"""

import asyncio
import json
from collections.abc import Iterable

from nats.aio.msg import Msg
from nats.js.errors import APIError

from lantoa_alert.usecases.book import Entry, Moved
from lantoa_runtime.bus import Bus
from lantoa_runtime.errors import Unavailable

_TIMEOUT = 5.0
_WRONG_LAST_SEQUENCE = 10071
_BATCH = 500
_BATCH_BYTES = 4 * 1024 * 1024
_MISSING, _END = "404", "204"


class NatsBucket:
    """One bucket through the stream behind it."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."

    async def after(self, revision: int, pattern: str) -> list[Entry]:
        """The newest values behind a revision, oldest first, some hundred at most; empty when there are none.

        Raises:
            Unavailable, NatsError: no answer.
        """
        wanted = {"seq": revision + 1, "next_by_subj": f"{self._prefix}{pattern}"}
        asked = json.dumps({**wanted, "batch": _BATCH, "max_bytes": _BATCH_BYTES}).encode()
        client = self._bus.client
        inbox = client.new_inbox()
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        subscription = await client.subscribe(inbox, cb=answers.put, pending_msgs_limit=-1, pending_bytes_limit=-1)
        try:
            await client.publish(f"$JS.API.DIRECT.GET.{self._stream}", asked, reply=inbox)
            found: list[Entry] = []
            while True:
                message = await asyncio.wait_for(answers.get(), _TIMEOUT)
                headers = message.headers or {}
                status = headers.get("Status")
                if status in (_MISSING, _END):
                    return found
                if status is not None:
                    raise Unavailable(self._stream)
                found.append(self._entry(headers, message.data))
        finally:
            await subscription.unsubscribe()

    async def last(self, key: str) -> Entry | None:
        """The newest value of a key.

        Raises:
            Unavailable, NatsError: no answer.
        """
        subject = f"$JS.API.DIRECT.GET.{self._stream}.{self._prefix}{key}"
        answer = await self._bus.client.request(subject, b"", timeout=_TIMEOUT)
        headers = answer.headers or {}
        status = headers.get("Status")
        if status == _MISSING:
            return None
        if status is not None:
            raise Unavailable(self._stream)
        return self._entry(headers, answer.data)

    def _entry(self, headers: dict[str, str], body: bytes) -> Entry:
        gone = "KV-Operation" in headers
        key = headers["Nats-Subject"].removeprefix(self._prefix)
        return Entry(key, int(headers["Nats-Sequence"]), b"" if gone else bytes(body))

    async def put(self, key: str, body: bytes, over: int | None = None) -> int:
        """Store a value over the revision that was seen, or whatever is there; the new revision.

        Raises:
            Moved: another one is there.
            Unavailable, NatsError: not stored, or not known to be.
        """
        expected = {} if over is None else {"Nats-Expected-Last-Subject-Sequence": str(over)}
        try:
            stored = await self._bus.jetstream.publish(
                f"{self._prefix}{key}", body, stream=self._stream, headers=expected, timeout=_TIMEOUT
            )
        except APIError as error:
            if error.err_code == _WRONG_LAST_SEQUENCE:
                raise Moved(key) from error
            raise
        return stored.seq

    async def delete(self, key: str) -> None:
        """Leave a mark that the key is gone.

        Raises:
            Unavailable, NatsError: not stored, or not known to be.
        """
        await self._bus.jetstream.publish(
            f"{self._prefix}{key}", b"", stream=self._stream, headers={"KV-Operation": "DEL"}, timeout=_TIMEOUT
        )


class CoreVoice:
    """Core NATS: heard by who is there now, whatever JetStream does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish and return when everything has reached the server.

        Raises:
            Unavailable: not connected now.
        """
        client = self._bus.client
        for subject, body in messages:
            await client.publish(subject, body)
        await client.flush(timeout=int(_TIMEOUT))
