"""The directory: units of territory and bodies, people and citizens, sign-in."""

from lantoa_directory.adapters import Argon2Passwords, CodesFile
from lantoa_directory.api.citizens import citizen_routes
from lantoa_directory.api.directory import admin_routes, session_routes, unit_routes
from lantoa_directory.settings import DirectorySettings
from lantoa_directory.usecases.citizens import Citizens
from lantoa_directory.usecases.loading import Stores
from lantoa_directory.usecases.sessions import Sessions
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Index
from lantoa_runtime.service import Service, service_main

INDEXES = (
    Index("units", ("tokens",)),
    Index("units", ("path",)),
    Index("people", ("login",), unique=True),
    Index("people", ("units",)),
    Index("sessions", ("ends_at",), ttl_seconds=0),
    Index("sessions", ("person_id",)),
    Index("sessions", ("citizen_id",), sparse=True),
    Index("attempts", ("at",), ttl_seconds=3600),
    Index("citizens", ("phone",), unique=True, sparse=True),
    Index("challenges", ("gone_at",), ttl_seconds=0),
)


def build(service: Service[DirectorySettings]) -> None:
    """Hang the directory's routes on its service."""
    stores = Stores(service.aggregates("units"), service.db["people"], service.db["sessions"], Argon2Passwords())
    # Sessions run by the unshifted clock, because the database removes them by its own.
    clock = Clock()
    sessions = Sessions(service.db, stores.passwords, clock)
    codes_file = service.settings.directory_codes_file
    citizens = Citizens(service.db, sessions, CodesFile(codes_file, clock) if codes_file else None, clock)
    service.routes(unit_routes(stores.units))
    service.routes(session_routes(sessions))
    service.routes(citizen_routes(citizens))
    service.routes(admin_routes(stores))


main = service_main("directory", DirectorySettings, build, INDEXES)

if __name__ == "__main__":
    main()
