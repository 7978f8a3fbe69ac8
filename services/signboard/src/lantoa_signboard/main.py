"""Signboard, put together."""

from lantoa_runtime.service import Service, service_main
from lantoa_signboard.api import router
from lantoa_signboard.consumers import consume
from lantoa_signboard.jobs import schedule
from lantoa_signboard.settings import SignboardSettings
from lantoa_signboard.usecases.stores import INDEXES, Stores


def build(service: Service[SignboardSettings]) -> None:
    """Hang routes, handlers and jobs on the chassis."""
    stores = Stores.of(service)
    consume(service, stores)
    schedule(service, stores)
    service.routes(router(stores))


main = service_main("signboard", SignboardSettings, build, indexes=INDEXES)

if __name__ == "__main__":
    main()
