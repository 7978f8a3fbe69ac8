"""Events and device messages that fleet reads."""

from lantoa_contracts.catalogue import (
    ACT_DONE,
    ACT_REVERSED,
    BOARD_RUNDOWN_ISSUED,
    DEVICE_ACK,
    DEVICE_ALARM,
    DEVICE_REPORTED,
    RUNDOWN_ISSUED,
    UNIT_CHANGED,
)
from lantoa_contracts.device import Ack, Alarm, Reported
from lantoa_contracts.events.broadcast import RundownIssued
from lantoa_contracts.events.directory import ActDone, ActReversed, UnitChanged
from lantoa_contracts.events.signboard import BoardRundownIssued
from lantoa_fleet.usecases.acts import ActFollower
from lantoa_fleet.usecases.attendance import Attendance
from lantoa_fleet.usecases.commands import Orders
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.listing import Roster
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.bus import Bus, Meta


def register(
    bus: Bus,
    registry: Registry,
    desired: DesiredWriter,
    attendance: Attendance,
    roster: Roster,
    orders: Orders,
    follower: ActFollower,
) -> None:
    """Bind every subscription that the catalogue gives to fleet."""

    @bus.on(UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        await registry.unit_changed(event)
        roster.note_units()

    @bus.on(ACT_DONE)
    async def act_done(event: ActDone, _: Meta) -> None:
        await follower.turned(event)

    @bus.on(ACT_REVERSED)
    async def act_reversed(event: ActReversed, _: Meta) -> None:
        await follower.turned(event)

    @bus.on(RUNDOWN_ISSUED)
    async def rundown_issued(event: RundownIssued, _: Meta) -> None:
        await desired.issue(RUNDOWN_ISSUED, event)

    @bus.on(BOARD_RUNDOWN_ISSUED)
    async def board_rundown_issued(event: BoardRundownIssued, _: Meta) -> None:
        await desired.issue(BOARD_RUNDOWN_ISSUED, event)

    @bus.on(DEVICE_REPORTED)
    async def reported(report: Reported, meta: Meta) -> None:
        await attendance.reported(str(meta.device_id), report, meta.time)

    @bus.on(DEVICE_ALARM)
    async def alarm(alarm: Alarm, meta: Meta) -> None:
        await attendance.alarm(str(meta.device_id), alarm)

    @bus.on(DEVICE_ACK)
    async def answered(ack: Ack, meta: Meta) -> None:
        await orders.answered(str(meta.device_id), ack)
