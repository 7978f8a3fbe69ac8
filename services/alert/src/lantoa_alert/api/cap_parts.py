"""CAP, put together on the alert service."""

from lantoa_alert.adapters.cap_book import CapBook
from lantoa_alert.adapters.cap_fetch import SafeFetch
from lantoa_alert.adapters.events import EventStream
from lantoa_alert.api.cap import CapApi, OwnNotices
from lantoa_alert.domain.cap_writing import Sender
from lantoa_alert.settings import AlertSettings
from lantoa_alert.usecases.cap_intake import Intake, Notices, Units
from lantoa_alert.usecases.cap_sources import Sources
from lantoa_runtime.service import Service


def install(service: Service[AlertSettings], notices: Notices, own: OwnNotices, units: Units) -> Sources:
    """Hang CAP's routes and the look at its sources on the service."""
    settings = service.settings
    book = CapBook(service.bus)
    fetch = SafeFetch(settings.cap_fetch_seconds, settings.cap_private_hosts)
    intake = Intake(book, notices, units, service.clock)
    sources = Sources(book, fetch, intake, units, EventStream(service.bus), service.clock)
    sender = Sender(settings.cap_sender, settings.cap_sender_title)
    service.routes(CapApi(intake, sources, own, sender, service.clock).router())
    service.every("look at CAP sources", settings.cap_poll_seconds, sources.look)
    service.on_stop(fetch.close)
    return sources
