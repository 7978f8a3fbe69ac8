"""The same attempts over each protocol, with clients that others wrote: nats-py, aiomqtt, mosquitto's programs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import aiomqtt
from attacks import as_topic
from nats.aio.client import Client
from nats.errors import Error as NatsError
from yard import Keyed, Yard, barrier, sign_in

PATIENCE_S = 60.0
END = b"end of what was said"
Speak = Callable[[], Awaitable[None]]


@dataclass
class Heard:
    """What came of subscribing: which subjects were refused in so many words, and the bodies that came."""

    refused: set[str] = field(default_factory=set)
    bodies: set[bytes] = field(default_factory=set)


class Probe(Protocol):
    """One client program, signed in as one device."""

    name: str
    tells_refused_publish: bool

    async def publish(self, sent: Sequence[tuple[str, bytes]]) -> set[str]:
        """Publish all; the subjects that were refused in so many words. The server has worked on all of it by then."""
        ...

    async def hear(self, subjects: Sequence[str], speak: Speak) -> Heard:
        """Subscribe to all, then listen while ``speak`` makes others say things, the last of them ``END``."""
        ...


class NatsProbe:
    """nats-py, over TCP or WebSocket."""

    tells_refused_publish = True

    def __init__(self, name: str, client: Client, errors: list[str]) -> None:
        self.name = name
        self.client = client
        self.errors = errors

    def _refused(self, verb: str, subjects: Sequence[str]) -> set[str]:
        told = {error.split(f'permissions violation for {verb} to "')[-1].split('"')[0] for error in self.errors}
        return {subject for subject in subjects if subject.lower() in told}

    async def publish(self, sent: Sequence[tuple[str, bytes]]) -> set[str]:
        self.errors.clear()
        with suppress(NatsError):
            for subject, body in sent:
                await self.client.publish(subject, body)
            await barrier(self.client)
        return self._refused("publish", [subject for subject, _ in sent])

    async def hear(self, subjects: Sequence[str], speak: Speak) -> Heard:
        self.errors.clear()
        made, heard = [await self.client.subscribe(subject) for subject in subjects], Heard()
        await barrier(self.client)
        await speak()
        await barrier(self.client)
        heard.refused = self._refused("subscription", subjects)
        for subscription in made:
            while subscription.pending_msgs:
                heard.bodies.add((await subscription.next_msg(1)).data)
            with suppress(NatsError):
                await subscription.unsubscribe()
        return heard


def mqtt_client(yard: Yard, keyed: Keyed, **changes: object) -> aiomqtt.Client:
    """aiomqtt as a receiver signs in, changed as told."""
    asked = {
        "hostname": "127.0.0.1",
        "port": yard.server.plan.mqtt_port,
        "username": keyed.id,
        "password": keyed.token,
        "identifier": keyed.id,
        "protocol": aiomqtt.ProtocolVersion.V311,
        "timeout": PATIENCE_S,
    }
    return aiomqtt.Client(**{**asked, **changes})  # type: ignore[arg-type]  # a mapping of mixed types


def refuses(code: object) -> bool:
    """Whether a SUBACK's code says no; aiomqtt gives a number or paho's ReasonCode, and raises nothing."""
    return (code if isinstance(code, int) else code.value) >= 0x80  # type: ignore[attr-defined]


class AiomqttProbe:
    """aiomqtt. A forbidden PUBLISH is acknowledged and dropped: MQTT 3.1.1 has no word for no."""

    name = "MQTT aiomqtt"
    tells_refused_publish = False

    def __init__(self, yard: Yard, client: aiomqtt.Client) -> None:
        self._yard = yard
        self.client = client

    async def publish(self, sent: Sequence[tuple[str, bytes]]) -> set[str]:
        for subject, body in sent:
            await self.client.publish(as_topic(subject), body, qos=1)
        return set()

    async def hear(self, subjects: Sequence[str], speak: Speak) -> Heard:
        end = f"dev/dn/{self._yard.own.id}/cmd"
        topics = [as_topic(subject) for subject in subjects]
        codes = await self.client.subscribe([(topic, 0) for topic in [*topics, end]])
        heard = Heard({subject for subject, code in zip(subjects, codes, strict=False) if refuses(code)})
        await speak()
        async with asyncio.timeout(PATIENCE_S):
            async for message in self.client.messages:
                heard.bodies.add(bytes(message.payload))
                if message.payload == END:
                    break
        await self.client.unsubscribe([*topics, end])
        return heard


class MosquittoProbe:
    """mosquitto_pub and mosquitto_sub, a process each time."""

    name = "MQTT mosquitto"
    tells_refused_publish = False

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        own = yard.own
        self._who = ["-h", "127.0.0.1", "-p", str(yard.server.plan.mqtt_port), "-V", "mqttv311"]
        self._who += ["-i", own.id, "-u", own.id, "-P", own.token]

    async def publish(self, sent: Sequence[tuple[str, bytes]]) -> set[str]:
        for subject, body in sent:
            words = [*self._who, "-q", "1", "-t", as_topic(subject), "-m", body.decode()]
            process = await asyncio.create_subprocess_exec("mosquitto_pub", *words)
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0, subject
        return set()

    async def hear(self, subjects: Sequence[str], speak: Speak) -> Heard:
        heard = Heard()
        topics = [as_topic(subject) for subject in subjects] + [f"dev/dn/{self._yard.own.id}/cmd"]
        words = [word for topic in topics for word in ("-t", topic)]
        process = await asyncio.create_subprocess_exec(
            "stdbuf", "-oL", "mosquitto_sub", *self._who, "-d", *words, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for line in process.stdout:
                    if line.startswith(b"Subscribed (mid:"):
                        codes = [int(code) for code in line.split(b":", 2)[2].split(b",")]
                        heard.refused = {
                            subject for subject, code in zip(subjects, codes, strict=False) if refuses(code)
                        }
                        await speak()
                    heard.bodies.add(line.rstrip(b"\n"))
                    if line.rstrip(b"\n") == END:
                        return heard
        finally:
            process.terminate()
            await process.wait()
        raise AssertionError("mosquitto_sub ended by itself")


@asynccontextmanager
async def nats_probe(yard: Yard, *, websocket: bool) -> AsyncIterator[NatsProbe]:
    """The attacker on NATS."""
    errors: list[str] = []
    url = yard.websocket if websocket else yard.server.url
    client = await sign_in(url, yard.own.seed, yard.own.id, errors)
    try:
        yield NatsProbe("WebSocket nats-py" if websocket else "NATS nats-py", client, errors)
    finally:
        await client.close()


@asynccontextmanager
async def aiomqtt_probe(yard: Yard) -> AsyncIterator[AiomqttProbe]:
    """The attacker on MQTT."""
    async with mqtt_client(yard, yard.own) as client:
        yield AiomqttProbe(yard, client)
