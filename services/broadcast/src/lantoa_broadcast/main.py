"""Broadcast, put together."""

from lantoa_broadcast.api import router
from lantoa_broadcast.consumers import consume
from lantoa_broadcast.jobs import schedule
from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.stores import INDEXES, Stores
from lantoa_runtime.service import Service, service_main


def build(service: Service[BroadcastSettings]) -> None:
    """Hang routes, handlers and jobs on the chassis."""
    stores = Stores.of(service)
    consume(service, stores)
    schedule(service, stores)
    service.routes(router(stores))


main = service_main("broadcast", BroadcastSettings, build, indexes=INDEXES)

if __name__ == "__main__":
    main()
