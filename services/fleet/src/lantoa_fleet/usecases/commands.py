"""Orders to devices: stored first, sent until acknowledged or expired, their outcome kept.

One document a command: an order to 2,000 devices takes 2,000 answers, each a small write of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from lantoa_contracts.catalogue import COMMAND_ORDERED
from lantoa_contracts.device import Ack
from lantoa_contracts.events.fleet import CommandOrdered
from lantoa_contracts.policy import DEVICE_COMMAND, DEVICE_READ
from lantoa_fleet import telemetry
from lantoa_fleet.domain import commands as rules
from lantoa_fleet.domain.listing import Filter, Row, common_unit
from lantoa_fleet.usecases.lease import Lease
from lantoa_fleet.usecases.listing import Listing
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Forbidden, Invalid, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates, Collection, Document, Outgoing, newest_first
from lantoa_signing.documents import SigningKey

log = structlog.get_logger()

_AT_ONCE = 500
_LOOK_AGAIN = timedelta(seconds=5)


class Wire(Protocol):
    """The way to the devices."""

    async def send(self, device_id: str, body: bytes) -> None:
        """Send a signed command; nobody says whether it arrives."""

    async def flush(self) -> None:
        """Return once everything sent is with the server."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants done, and where."""

    name: str
    args: Mapping[str, str | int | float | bool]
    lifetime: timedelta
    device_ids: Sequence[str] | None = None
    filter: Filter | None = None


@dataclass(frozen=True)
class Progress:
    """An order and its commands."""

    order: Document
    commands: list[Document]
    names: Mapping[str, str]


class Orders:
    """The documents of orders and of their commands."""

    def __init__(self, orders: Aggregates, commands: Collection, listing: Listing, clock: Clock) -> None:
        self._kept = orders
        self._orders = orders.collection
        self._commands = commands
        self._listing = listing
        self._clock = clock
        self.on_placed: Callable[[Document, list[Document]], Awaitable[None]] | None = None

    async def place(self, caller: Caller, order_id: str, wish: Wish) -> Document:
        """Store an order with a command for each device, and send them for the first time.

        Raises:
            Invalid: no such command or device, none at all, or too many.
            Forbidden: not a technician where one of them stands.
            DuplicateKey: this order is stored already.
        """
        args = rules.checked_args(wish.name, wish.args)
        rows = await self._rows(caller, wish)
        for row in rows:
            caller.require(DEVICE_COMMAND, row.path)
        devices = [(row.device_id, args) for row in rows]
        event = CommandOrdered(
            order_id=order_id,
            ver=1,
            name=wish.name,
            devices=len(devices),
            unit_id=common_unit(row.path for row in rows),
            at=self._clock.now(),
        )
        told = [Outgoing(COMMAND_ORDERED, event)]
        return await self.store(order_id, wish.name, devices, wish.lifetime, caller.id, caller.name, events=told)

    async def store(
        self,
        order_id: str,
        name: str,
        devices: Sequence[tuple[str, Mapping[str, Any]]],
        lifetime: timedelta,
        by: str,
        by_name: str,
        update_id: str | None = None,
        events: Sequence[Outgoing] = (),
    ) -> Document:
        """Store an order as it is, and send it for the first time; ``update_id`` names the update that it is part of,
        of which its own events tell.

        Raises:
            DuplicateKey: it is stored already.
        """
        now = self._clock.now()
        expires = now + lifetime
        shared: dict[str, Any] = {
            "order_id": order_id,
            "name": name,
            "at": now,
            "exp": expires,
            "state": "sent",
            "by_name": by_name,
        }
        if update_id is not None:
            shared["update_id"] = update_id
        commands = [
            {"_id": rules.command_id(order_id, number), "device_id": device_id, "args": dict(args), **shared}
            for number, (device_id, args) in enumerate(devices)
        ]
        # The commands first: an order that is there is whole. They have the same ids when this is done again.
        await self._commands.insert_many(commands)
        fields = {
            "name": name,
            "args": dict(devices[0][1]) if name != "update" else {},
            "devices": len(commands),
            "at": now,
            "exp": expires,
            "closes_at": rules.closes_at(name, expires),
            "by": by,
            "by_name": by_name,
            "open": True,
        }
        order = await self._kept.insert(order_id, fields, events)
        if self.on_placed is not None:
            await self.on_placed(order, commands)
        return order

    async def _rows(self, caller: Caller, wish: Wish) -> list[Row]:
        if wish.device_ids is not None:
            await self._listing.roster.fresh()
            known = self._listing.roster.rows
            rows = []
            for number, device_id in enumerate(dict.fromkeys(wish.device_ids)):
                row = known.get(device_id)
                if row is None or not row.accepted or not caller.may(DEVICE_READ, row.path):
                    raise Invalid("fleet.no-such-device", f"/device_ids/{number}")
                rows.append(row)
        else:
            shots = await self._listing.all(caller, wish.filter or Filter())
            rows = [shot.row for shot in shots if shot.row.accepted and caller.may(DEVICE_COMMAND, shot.row.path)]
            if shots and not rows:
                raise Forbidden
        if not rows:
            raise Invalid("fleet.no-devices")
        if len(rows) > rules.MOST_DEVICES:
            raise Invalid("fleet.too-many-devices", most=rules.MOST_DEVICES, devices=len(rows))
        return rows

    async def find(self, order_id: str) -> Document | None:
        """An order."""
        return await self._orders.find_one({"_id": order_id})

    async def progress(self, caller: Caller, order_id: str) -> Progress:
        """An order with the commands of the devices that the caller may see.

        Raises:
            NotFound: there is none.
        """
        order = await self.find(order_id)
        if order is None:
            raise NotFound("order")
        found = await self._commands.find({"order_id": order_id})
        rows = (await self._listing.roster.fresh()).rows
        scopes = set(caller.units(DEVICE_READ))
        seen = {
            command["device_id"]: rows[command["device_id"]].name
            for command in found
            if command["device_id"] in rows and not scopes.isdisjoint(rows[command["device_id"]].path)
        }
        if not seen:
            raise NotFound("order")
        shown = [command for command in found if command["device_id"] in seen]
        return Progress(order, sorted(shown, key=lambda command: seen[command["device_id"]]), seen)

    async def of_device(self, device_id: str, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A device's commands, the newest first.

        Raises:
            AppError: ``bad-cursor``.
        """
        return await newest_first(self._commands, {"device_id": device_id}, "at", cursor, limit)

    async def states(self, order_id: str) -> list[str]:
        """The state of each of an order's commands."""
        return [one["state"] for one in await self._commands.find({"order_id": order_id}, {"state": 1})]

    async def of_update(self, update_id: str) -> list[Document]:
        """Device, state and detail of an update's commands, the oldest first."""
        found = await self._commands.find({"update_id": update_id}, {"device_id": 1, "state": 1, "detail": 1, "at": 1})
        return sorted(found, key=lambda command: command["at"])

    async def answered(self, device_id: str, ack: Ack) -> None:
        """Take up a device's answer, once however often it is delivered; what answers no command of it is nothing."""
        answer = rules.answer_of(ack)
        if answer is None:
            return
        now = self._clock.now()
        fields: dict[str, Any] = {"state": answer.state, "answered_at": now, "detail": ack.detail}
        if ack.data:
            fields["data"] = ack.data
        if answer.state in rules.OUTCOMES:
            fields["ended_at"] = now
        guard = {"_id": ack.ref, "device_id": device_id, "state": {"$in": list(answer.before)}}
        if not (await self._commands.update_one(guard, {"$set": fields})).matched:
            return
        command = await self._commands.find_one({"_id": ack.ref}, {"name": 1, "at": 1})
        if command is not None and answer.state in rules.OUTCOMES:
            telemetry.COMMANDS.labels(command["name"], answer.state).inc()
            telemetry.COMMAND_SECONDS.labels(command["name"]).observe((now - command["at"]).total_seconds())

    async def open(self) -> list[Document]:
        """Orders that are not closed."""
        return await self._orders.find({"open": True})

    async def unanswered(self, order_id: str) -> list[Document]:
        """Commands of an order that no device has acknowledged."""
        return await self._commands.find({"order_id": order_id, "state": "sent"})

    async def close(self, order: Mapping[str, Any]) -> None:
        """Nothing more is waited for: what has no outcome has expired."""
        guard = {"order_id": order["_id"], "state": {"$in": list(rules.OPEN)}}
        expired = await self._commands.update_many(guard, {"$set": {"state": "expired", "ended_at": self._clock.now()}})
        telemetry.COMMANDS.labels(order["name"], "expired").inc(expired)
        await self._orders.update_one({"_id": order["_id"]}, {"$unset": {"open": ""}})


@dataclass(slots=True)
class _Waiting:
    command: Document
    tries: int
    due: datetime


class Sender:
    """Repeats what is not answered. Who holds the lease does so for all; after a restart it reads what is open."""

    def __init__(
        self, orders: Orders, wire: Wire, key: SigningKey, lease: Lease, clock: Clock, upload_base: str
    ) -> None:
        self._orders = orders
        self._wire = wire
        self._key = key
        self._lease = lease
        self._clock = clock
        self._upload_base = upload_base.rstrip("/") + "/api/v1/fleet/uploads/"
        self._waiting: dict[str, dict[str, _Waiting]] = {}
        self._looked_at: dict[str, datetime] = {}
        orders.on_placed = self.first

    def signed(self, command: Mapping[str, Any]) -> bytes:
        """A command as it goes to its device."""
        url = None
        if command["name"] in rules.UPLOADS:
            expires = int(rules.closes_at(command["name"], command["exp"]).timestamp())
            query = rules.upload_query(self._key, command["_id"], command["device_id"], expires)
            url = f"{self._upload_base}{command['_id']}?{query}"
        text = rules.command_of(command, url).model_dump_json()
        return self._key.sign(text).model_dump_json().encode()

    async def first(self, order: Document, commands: list[Document]) -> None:
        """Send a new order at once, whoever holds the lease: acting twice on one command is nothing to a device."""
        now = self._clock.now()
        self._waiting[order["_id"]] = {
            command["_id"]: _Waiting(command, 1, now + rules.repeat_after(1)) for command in commands
        }
        self._looked_at[order["_id"]] = now
        try:
            await self._send(commands)
        except Exception as error:  # noqa: BLE001 - it is stored: the next turn sends it
            log.warning("order is sent later", order_id=order["_id"], error=repr(error))

    def heard(self, device_id: str, ack: Ack) -> None:
        """An answer on its way: what it answers is repeated no more."""
        for waiting in self._waiting.values():
            known = waiting.get(ack.ref)
            if known is not None and known.command["device_id"] == device_id:
                del waiting[ack.ref]
                return

    async def turn(self) -> None:
        """One turn of the job: repeat what is due, close what is over.

        Raises:
            MongoError, NatsError, Unavailable: do it again.
        """
        if not self._lease.held:
            self._waiting.clear()
            return
        now = self._clock.now()
        orders = await self._orders.open()
        for gone in self._waiting.keys() - {order["_id"] for order in orders}:
            self._waiting.pop(gone)
            self._looked_at.pop(gone, None)
        for order in orders:
            await self._tend(order, now)

    async def _tend(self, order: Document, now: datetime) -> None:
        order_id = order["_id"]
        if order_id not in self._waiting or now - self._looked_at[order_id] >= _LOOK_AGAIN:
            known = self._waiting.get(order_id, {})
            found = {command["_id"]: command for command in await self._orders.unanswered(order_id)}
            self._waiting[order_id] = {
                cmd_id: known.get(cmd_id) or _Waiting(command, 0, now) for cmd_id, command in found.items()
            }
            self._looked_at[order_id] = now
            states = await self._orders.states(order_id)
            if now >= order["closes_at"] or not any(state in rules.OPEN for state in states):
                await self._orders.close(order)
                return
        if now >= order["exp"]:
            return
        due = [one for one in self._waiting[order_id].values() if one.due <= now]
        if due:
            await self._send([one.command for one in due])
        for one in due:
            one.tries += 1
            one.due = now + rules.repeat_after(one.tries)

    async def _send(self, commands: Sequence[Document]) -> None:
        for begin in range(0, len(commands), _AT_ONCE):
            for command in commands[begin : begin + _AT_ONCE]:
                await self._wire.send(command["device_id"], self.signed(command))
            await self._wire.flush()
            await asyncio.sleep(0)
