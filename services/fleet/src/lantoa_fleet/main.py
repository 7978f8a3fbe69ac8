"""The fleet service put together."""

from collections.abc import Hashable
from datetime import timedelta

from lantoa_contracts.base import SignedDocument
from lantoa_fleet import api, consumers, jobs
from lantoa_fleet.adapters.bucket import DesiredBucket
from lantoa_fleet.adapters.calls import DeviceCalls
from lantoa_fleet.adapters.hearing import Hearing, Wire
from lantoa_fleet.adapters.system import SystemLink
from lantoa_fleet.domain import commands, history
from lantoa_fleet.domain.claims import GUESS_WINDOW, GUESSES, SHEET_GUESSES, SHEET_WINDOW
from lantoa_fleet.domain.devices import PENDING_SECONDS
from lantoa_fleet.settings import FleetSettings
from lantoa_fleet.usecases.acts import ActFollower
from lantoa_fleet.usecases.alarms import KEPT_DAYS as ALARMS_KEPT_DAYS
from lantoa_fleet.usecases.attendance import Attendance
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.groups import Groups
from lantoa_fleet.usecases.guesses import Guesses
from lantoa_fleet.usecases.importing import Importer
from lantoa_fleet.usecases.places import Timeline, alarms_about, commands_to
from lantoa_fleet.usecases.receivers import Receivers
from lantoa_fleet.usecases.registry import Registry
from lantoa_fleet.usecases.replay import replay
from lantoa_fleet.usecases.shapes import Shapes
from lantoa_fleet.usecases.watch import watching_of
from lantoa_runtime.http.conditions import COLLECTION as IDEMPOTENCY
from lantoa_runtime.http.replay import replay_route
from lantoa_runtime.mongo import ActCopies, Index, ReadModel
from lantoa_runtime.service import Service, service_main
from lantoa_runtime.topology.keys import KeyRing
from lantoa_signing.documents import SigningKey

INDEXES = (
    Index("devices", ("claim_code",), unique=True),
    Index("devices", ("pending_at",), sparse=True, ttl_seconds=PENDING_SECONDS),
    Index("devices", ("state",)),
    Index("devices", ("path", "_id")),
    Index("devices", ("unit_id",), sparse=True),
    Index("devices", ("rights_at",), sparse=True),
    Index("devices", ("kv_due",), sparse=True),
    Index("devices", ("kv_exp",), sparse=True),
    Index("devices", ("kick_due",), sparse=True),
    Index("devices", ("online",), sparse=True),
    Index("devices", ("groups",), sparse=True),
    Index("devices", ("place_id",), sparse=True),
    Index("devices", ("retire_due",), sparse=True),
    Index("devices", ("followed.act",), sparse=True),
    Index("devices", ("unsure",), sparse=True),
    Index("alarms", ("devices",)),
    Index("guesses", ("until",), ttl_seconds=0),
    Index("days", ("at",), ttl_seconds=history.KEPT_DAYS * 86_400),
    Index("alarms", ("open",), sparse=True),
    Index("alarms", ("open_key",), unique=True, sparse=True),
    Index("alarms", ("units",)),
    Index("alarms", ("closed_at",), sparse=True, ttl_seconds=ALARMS_KEPT_DAYS * 86_400),
    Index("orders", ("open",), sparse=True),
    Index("orders", ("at",), ttl_seconds=commands.KEPT_DAYS * 86_400),
    Index("commands", ("order_id",)),
    Index("commands", ("device_id",)),
    Index("commands", ("update_id",), sparse=True),
    Index("commands", ("at",), ttl_seconds=commands.KEPT_DAYS * 86_400),
    Index("targets", ("update_id",)),
)
_TURN_SECONDS = 0.2


def build(service: Service[FleetSettings]) -> None:
    """Hang routes, handlers and jobs on the service."""
    settings, clock, bus = service.settings, service.clock, service.bus
    ring = KeyRing(settings.keys_folder)
    key = SigningKey(ring.fleet_file.read_bytes())
    devices = service.aggregates("devices")
    link = SystemLink(settings.nats_url, ring.seed_file("sys").read_text().strip(), clock, settings.presence_s)
    desired = DesiredWriter(devices, DesiredBucket(bus), key, clock)
    units = ReadModel(service.db["units"])
    groups = Groups(service.db["groups"], devices.collection, clock)
    typed = Guesses(service.db["guesses"], clock, GUESSES, GUESS_WINDOW, "typed")
    in_sheets = Guesses(service.db["guesses"], clock, SHEET_GUESSES, SHEET_WINDOW, "sheet")
    lifetime = timedelta(seconds=settings.claim_code_s)
    registry = Registry(devices, units, groups, typed, desired, link, clock, lifetime)
    receivers = Receivers(devices, units, registry, groups, desired, clock)
    importer = Importer(devices.collection, units, registry, receivers, groups, in_sheets, desired, clock)
    # Two turns of a callout replica, so that the second kick cannot meet a snapshot from before the change.
    settle = timedelta(seconds=2 * settings.callout_refresh_s)
    attendance = Attendance(devices, link, clock, settle)

    def steady() -> Hashable | None:
        return None if link.failures() else hearing.link()

    async def tell(device_id: str) -> None:
        await calls.tell(device_id)

    watching = watching_of(
        service.db, devices, service.aggregates, service.blobs, key, clock, settings, Wire(bus), steady, tell
    )
    calls = DeviceCalls(
        bus, devices.collection, watching.states, desired, watching.updates, key, clock, settings.media_base
    )
    hearing = Hearing(bus, watching.roster.note, watching.answer_on_its_way)
    welcome = api.Welcome(
        root_public_key=ring.root_public_file.read_text(),
        key_set=SignedDocument.model_validate_json(ring.key_set_file.read_bytes()),
        nats_urls=settings.device_nats_urls,
        media_base=settings.media_base,
    )
    timeline = Timeline(devices.collection, [commands_to(service.db["commands"]), alarms_about(service.db["alarms"])])
    shapes = Shapes(service.db["shapes"], units)
    copies = ActCopies(service.db["acts"])
    follower = ActFollower(devices.collection, registry, shapes, copies, watching.roster, clock)
    more = (
        # Before the routes of one device, whose id could be "import".
        api.imports_router(importer),
        api.receivers_router(receivers, service.db[IDEMPOTENCY]),
        api.shapes_router(shapes),
        api.acts_router(follower, registry),
        api.devices_router(registry, watching.listing, groups, timeline),
    )
    router = api.make_router(registry, welcome, watching, service.db[IDEMPOTENCY], service.blobs, more)
    replay_route(router, units, clock, lambda turn: replay(devices, turn))
    service.routes(router)
    consumers.register(bus, registry, desired, attendance, watching.roster, watching.orders, follower)
    jobs.register(service, watching, hearing, devices.collection)

    async def presence() -> None:
        await link.turn(attendance.note, attendance.online_ids)

    service.every("presence", _TURN_SECONDS, presence)
    service.every("device calls", _TURN_SECONDS, calls.turn)
    service.every("replaced devices", settings.reconcile_s, registry.retire_replaced)
    service.every("kicks", settings.callout_refresh_s / 2, attendance.enforce)
    service.every("desired", settings.reconcile_s, desired.reconcile)
    service.ready_when(link.failures)
    service.ready_when(calls.failures)
    service.on_stop(calls.close)
    service.on_stop(link.close)


main = service_main("fleet", FleetSettings, build, indexes=INDEXES)

if __name__ == "__main__":
    main()
