"""The KV bucket ``desired`` through the stream behind it."""

from nats.js.errors import APIError

from lantoa_fleet.usecases.desired import Stored
from lantoa_runtime.bus import Bus
from lantoa_runtime.errors import Unavailable

_TIMEOUT = 5.0
_WRONG_LAST_SEQUENCE = 10071


class DesiredBucket:
    """Reads by DIRECT.GET, writes with the sequence that was read: nobody overwrites what he has not seen."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def last(self, device_id: str) -> Stored | None:
        """What the bucket holds for a device.

        Raises:
            Unavailable, NatsError: no answer.
        """
        subject = f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{device_id}"
        answer = await self._bus.client.request(subject, b"", timeout=_TIMEOUT)
        headers = answer.headers or {}
        status = headers.get("Status")
        if status == "404":
            return None
        if status is not None:
            raise Unavailable("desired")
        return Stored(int(headers["Nats-Sequence"]), bytes(answer.data))

    async def put(self, device_id: str, body: bytes, over: int) -> bool:
        """Store a document over the one with that sequence; ``False`` when another one is there by now.

        Raises:
            Unavailable, NatsError: not stored, or not known to be.
        """
        expected = {"Nats-Expected-Last-Subject-Sequence": str(over)}
        try:
            await self._bus.publish(f"$KV.desired.{device_id}", body, expected)
        except APIError as error:
            if error.err_code == _WRONG_LAST_SEQUENCE:
                return False
            raise
        return True
