"""Alert, put together."""

import structlog

from lantoa_alert import consumers, telemetry
from lantoa_alert.adapters.calls import Calls, read_holders
from lantoa_alert.adapters.events import EventStream
from lantoa_alert.adapters.nats import CoreVoice, NatsBucket
from lantoa_alert.adapters.speech import Speaker
from lantoa_alert.api.cap_parts import install as install_cap
from lantoa_alert.api.routes import View, reach_routes, sound_routes, step_routes
from lantoa_alert.domain.roster import Roster
from lantoa_alert.settings import AlertSettings
from lantoa_alert.usecases.access import Access
from lantoa_alert.usecases.book import Book
from lantoa_alert.usecases.cap_desk import CapDesk
from lantoa_alert.usecases.events import Events
from lantoa_alert.usecases.fanout import FanOut
from lantoa_alert.usecases.holders import HolderDesk
from lantoa_alert.usecases.ledgers import Ledgers
from lantoa_alert.usecases.notices import Notices
from lantoa_alert.usecases.roster import RosterKeeper
from lantoa_alert.usecases.shelves import DeviceShelf, NoticeShelf, UnitShelf
from lantoa_alert.usecases.sounds import SoundDesk
from lantoa_runtime.errors import AppError
from lantoa_runtime.http.problems import text
from lantoa_runtime.service import Service, service_main
from lantoa_signing.documents import SigningKey

log = structlog.get_logger()

_CLEAR_SECONDS = 3600.0


def build(service: Service[AlertSettings]) -> None:
    """Hang alert's routes, handlers and jobs on its service."""
    service.without_database = True
    settings, clock, bus = service.settings, service.clock, service.bus
    kept, said, voice = NatsBucket(bus, "alert_book"), NatsBucket(bus, "alert"), CoreVoice(bus)
    roster, shelf, book = Roster(), NoticeShelf(), Book(kept)
    book.put_up("notice", shelf)
    book.put_up("device", DeviceShelf(roster))
    book.put_up("unit", UnitShelf(roster))
    fanout = FanOut(said, voice, SigningKey(settings.key_file.read_bytes()), clock)
    notices = Notices(book, shelf, fanout, roster, clock)
    keeper = RosterKeeper(book, roster)
    ledgers = Ledgers(notices, kept, fanout, voice, roster, clock)
    desk = SoundDesk(notices, kept, said, voice, Speaker(settings.speech_command, settings.voice), clock)
    events = Events(notices, book, ledgers, EventStream(bus), clock)
    holders = HolderDesk(notices, roster, lambda: read_holders(settings.holders_file), _in_words, clock)
    calls = Calls(bus, voice, ledgers.orders_for, holders.answer)
    notices.on_change.append(ledgers.addressed)
    consumers.register(bus, keeper, ledgers)
    cap = CapDesk(notices, Access(shelf.notices, roster, clock), roster, book, clock)
    service.app.state.cap_sources = install_cap(service, cap, cap, cap)
    service.app.state.roster, service.app.state.notices = roster, notices
    view = View(desk, roster, clock)
    for routes in (step_routes(notices, view), sound_routes(notices, view), reach_routes(notices, ledgers, view)):
        service.routes(routes)

    async def follow() -> None:
        await book.follow()
        await fanout.follow()
        await book.flush()
        await fanout.reconcile(shelf.notices)

    async def measure() -> None:
        telemetry.UNSTORED.set(book.unstored + len(fanout.unstored()))

    async def reach() -> None:
        if book.loaded:
            await ledgers.turn(keeper.changes)

    turn = settings.turn_seconds
    service.every("follow", turn, follow)
    service.every("calls", turn, calls.turn)
    service.every("ledgers", turn, reach)
    service.every("events", turn, events.steps)
    service.every("reach events", settings.reach_seconds, events.reach)
    service.every("speech", turn, desk.speak)
    service.every("sounds", turn, desk.bring)
    service.every("clear", _CLEAR_SECONDS, desk.clear)
    service.every("measure", turn, measure)
    service.ready_when(lambda: [] if book.loaded else ["alert_book"])
    service.ready_when(calls.failures)
    service.on_stop(calls.close)


def _in_words(error: AppError) -> str:
    return ": ".join(part for part in text("lantoa_alert", "vi", error.code, error.params) if part)


main = service_main("alert", AlertSettings, build)

if __name__ == "__main__":
    main()
