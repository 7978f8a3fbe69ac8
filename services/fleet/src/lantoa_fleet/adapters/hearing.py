"""What every replica of fleet hears on core NATS besides heartbeats, and the way of commands to devices.

These copies are for speed alone: each of it lies in a stream too, and one replica handles it from there.
"""

from collections.abc import Callable, Hashable

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from lantoa_contracts.device import Ack
from lantoa_runtime.bus import Bus
from lantoa_runtime.errors import Unavailable

_DEVICE_EVENTS = "evt.fleet.device.>"
_ACKS = "dev.up.*.ack"


class Hearing:
    """Other replicas' changes of devices, and all devices' answers."""

    def __init__(self, bus: Bus, on_device: Callable[[str], None], on_ack: Callable[[str, Ack], None]) -> None:
        self._bus = bus
        self._on_device = on_device
        self._on_ack = on_ack
        self._subscribed: Client | None = None

    async def turn(self) -> None:
        """One turn of the job: subscribe once the bus is connected.

        Raises:
            Unavailable, NatsError: it is not.
        """
        client = self._bus.client
        if client is not self._subscribed:
            await client.subscribe(_DEVICE_EVENTS, cb=self._device)
            await client.subscribe(_ACKS, cb=self._ack)
            self._subscribed = client

    def link(self) -> Hashable | None:
        """Names the connection as it stands: another name after a break, ``None`` while there is none."""
        try:
            client = self._bus.client
        except Unavailable:
            return None
        return (id(client), client.stats["reconnects"])

    async def _device(self, message: Msg) -> None:
        # The id of an event is "<document>:<version>...".
        device_id = (message.headers or {}).get("ce-id", "").partition(":")[0]
        if device_id:
            self._on_device(device_id)

    async def _ack(self, message: Msg) -> None:
        try:
            ack = Ack.model_validate_json(message.data)
        except ValidationError:
            return  # The stream's copy goes the way of bad messages.
        self._on_ack(message.subject.split(".")[2], ack)


class Wire:
    """Commands to devices on core NATS."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def send(self, device_id: str, body: bytes) -> None:
        """Send a signed command; nobody says whether it arrives.

        Raises:
            Unavailable, NatsError: it was not sent.
        """
        await self._bus.client.publish(f"dev.dn.{device_id}.cmd", body)

    async def flush(self) -> None:
        """Return once everything sent is with the server.

        Raises:
            Unavailable, NatsError: the server did not say so.
        """
        await self._bus.client.flush()
