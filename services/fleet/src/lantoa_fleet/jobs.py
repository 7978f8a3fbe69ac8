"""What fleet does again and again."""

from lantoa_fleet import telemetry
from lantoa_fleet.adapters.hearing import Hearing
from lantoa_fleet.settings import FleetSettings
from lantoa_fleet.usecases.acts import UNSURE
from lantoa_fleet.usecases.watch import Watching
from lantoa_runtime.mongo import Collection
from lantoa_runtime.service import Service

_TURN_SECONDS = 0.2
_REPEAT_SECONDS = 0.5


def register(service: Service[FleetSettings], watching: Watching, hearing: Hearing, devices: Collection) -> None:
    """Everything that watches and commands. What only one replica does asks for the lease itself."""
    settings, states, drift = service.settings, watching.states, watching.drift

    async def snapshot() -> None:
        await states.load()
        if watching.lease.held:
            telemetry.HOURS.inc(await states.write_hours())
            await states.save()
        else:
            states.leave_hours()

    async def count() -> None:
        pending = {kind: await devices.count({"state": "pending", "kind": kind}) for kind in telemetry.KINDS}
        telemetry.count(watching.roster.rows.values(), pending, drift.lasting)
        telemetry.UNSURE.set(await devices.count(UNSURE))

    async def look() -> None:
        await states.load()
        await watching.roster.fresh()
        states.forget_all_but(watching.roster.rows.keys())
        drift.look()
        await count()
        await watching.watch.turn()
        if watching.lease.held:
            await drift.heal()

    async def lease() -> None:
        await watching.lease.turn()

    async def fresh() -> None:
        await watching.roster.fresh()

    async def leave() -> None:
        if watching.lease.held:
            await states.save()
        await watching.lease.let_go()

    service.every("lease", settings.lease_s / 3, lease)
    service.every("hearing", _TURN_SECONDS, hearing.turn)
    service.every("registry in memory", _REPEAT_SECONDS, fresh)
    service.every("snapshots", settings.snapshot_s, snapshot)
    service.every("alarms", settings.alarm_s, look)
    service.every("commands", _REPEAT_SECONDS, watching.sender.turn)
    service.every("updates", settings.update_s, watching.updates.turn)
    service.on_stop(leave)
