"""The directory: units of territory and bodies, people, sign-in."""

from lantoa_directory.adapters import Argon2Passwords
from lantoa_directory.api import admin_routes, session_routes, unit_routes
from lantoa_directory.usecases.loading import Stores
from lantoa_directory.usecases.sessions import Sessions
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Index
from lantoa_runtime.service import Service, service_main
from lantoa_runtime.settings import RuntimeSettings

INDEXES = (
    Index("units", ("tokens",)),
    Index("units", ("path",)),
    Index("people", ("login",), unique=True),
    Index("people", ("units",)),
    Index("sessions", ("ends_at",), ttl_seconds=0),
    Index("sessions", ("person_id",)),
    Index("attempts", ("at",), ttl_seconds=3600),
)


def build(service: Service[RuntimeSettings]) -> None:
    """Hang the directory's routes on its service."""
    stores = Stores(service.aggregates("units"), service.db["people"], service.db["sessions"], Argon2Passwords())
    # Sessions run by the unshifted clock, because the database removes them by its own.
    sessions = Sessions(service.db, stores.passwords, Clock())
    service.routes(unit_routes(stores.units))
    service.routes(session_routes(sessions))
    service.routes(admin_routes(stores))


main = service_main("directory", RuntimeSettings, build, INDEXES)

if __name__ == "__main__":
    main()
