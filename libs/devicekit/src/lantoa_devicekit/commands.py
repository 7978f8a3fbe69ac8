"""Commands: believed only when signed for us and in time, carried out once, answered, answered again when repeated."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from lantoa_contracts.device import Ack, Command
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.journal import Journal
from lantoa_devicekit.outbox import Outbox

log = structlog.get_logger("lantoa.commands")

Handler = Callable[[Command], Awaitable[dict[str, Any] | None]]
"""Carries out a command and returns what it found out, if anything."""

_AGAIN_S = 1.0
"""A repeat is answered again at most so often, whoever repeats it."""
_WAITING = 16


class CommandFailed(Exception):
    """The command could not be carried out; the text says why."""


class Leaving(Exception):
    """The program ends now; the answer is given after the next start."""


class Commander:
    """Carries out commands one after the other. ``handlers`` are by name."""

    def __init__(
        self, clock: DeviceClock, journal: Journal, outbox: Outbox, subject: str, handlers: Mapping[str, Handler]
    ) -> None:
        """``subject`` is where answers go."""
        self._clock = clock
        self._journal = journal
        self._outbox = outbox
        self._subject = subject
        self._handlers = handlers
        self._queue: asyncio.Queue[Command] = asyncio.Queue(_WAITING)
        self._answers: dict[str, Ack] = {}
        self._answered_at: dict[str, float] = {}

    async def resume(self) -> None:
        """Answer what the last run of the program left open: a restart is done, anything else broke off."""
        for cmd_id, name in await self._journal.open_commands():
            restarted = name == "restart"
            detail = "" if restarted else "the program ended while it was carried out"
            await self._close(self._ack(cmd_id, "finished" if restarted else "failed", detail))

    async def take(self, command: Command) -> bool:
        """Take up a command that was verified; False when it is a repeat, which is answered again and not obeyed."""
        if not await self._journal.take_command(command.cmd_id, command.name, command.exp.timestamp()):
            await self._answer_again(command.cmd_id)
            return False
        log.info("command", cmd_id=command.cmd_id, name=command.name)
        try:
            self._queue.put_nowait(command)
        except asyncio.QueueFull:
            await self._close(self._ack(command.cmd_id, "failed", "too many commands at once"))
        return True

    async def run(self) -> None:
        """Carry out what was taken; until cancelled, or a command ends the program.

        Raises:
            Leaving: the program is to end and be started again by whoever supervises it.
        """
        while True:
            command = await self._queue.get()
            try:
                data = await self._handler(command)(command)
                ack = self._ack(command.cmd_id, "finished", data=data or {})
            except CommandFailed as error:
                ack = self._ack(command.cmd_id, "failed", str(error))
            await self._close(ack)

    def _handler(self, command: Command) -> Handler:
        handler = self._handlers.get(command.name)
        if handler is None:
            raise CommandFailed(f"this device does not know {command.name}")
        return handler

    def _ack(self, cmd_id: str, stage: Any, detail: str = "", data: dict[str, Any] | None = None) -> Ack:
        at = self._clock.now()
        return Ack(local_id=f"{cmd_id}.{stage}", ref=cmd_id, stage=stage, at=at, detail=detail[:400], data=data or {})

    async def _close(self, ack: Ack) -> None:
        log.info("command_done", cmd_id=ack.ref, stage=ack.stage, detail=ack.detail)
        self._answers[ack.ref] = ack
        posted = (self._subject, ack.local_id, ack.model_dump_json().encode())
        await self._journal.close_command(ack.ref, posted, self._clock.wall().timestamp())
        self._outbox.wake()

    async def _answer_again(self, cmd_id: str) -> None:
        now = asyncio.get_running_loop().time()
        ack = self._answers.get(cmd_id)
        if ack is None or now - self._answered_at.get(cmd_id, -_AGAIN_S) < _AGAIN_S:
            return
        self._answered_at[cmd_id] = now
        payload = ack.model_dump_json().encode()
        await self._journal.post_again(self._subject, ack.local_id, payload, self._clock.wall().timestamp())
        self._outbox.wake()


def number(command: Command, name: str, low: float, high: float, default: float | None = None) -> float:
    """A numeric argument within its bounds.

    Raises:
        CommandFailed: missing, not a number, or out of bounds.
    """
    value = command.args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise CommandFailed(f"{name} must be a number from {low:g} to {high:g}")
    return float(value)


def text(command: Command, name: str) -> str:
    """A text argument.

    Raises:
        CommandFailed: missing or not a text.
    """
    value = command.args.get(name)
    if not isinstance(value, str) or not value:
        raise CommandFailed(f"{name} is missing")
    return value
