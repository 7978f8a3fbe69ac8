"""The directory: units of territory and bodies, people and citizens, sign-in, the audit."""

from datetime import date, timedelta

from lantoa_calendar.periods import ZONE
from lantoa_directory.adapters.passkeys import WebAuthn
from lantoa_directory.adapters.secrets import Argon2Passwords, CodesFile, SecretBox
from lantoa_directory.api.acts import act_routes
from lantoa_directory.api.audit import audit_routes
from lantoa_directory.api.citizens import citizen_routes
from lantoa_directory.api.directory import admin_routes
from lantoa_directory.api.factors import factor_routes
from lantoa_directory.api.imports import imports_routes
from lantoa_directory.api.people import door_routes, people_routes, right_routes
from lantoa_directory.api.sessions import session_routes, sign_in_routes
from lantoa_directory.api.tokens import app_routes, token_routes
from lantoa_directory.api.units import unit_routes
from lantoa_directory.consumers import register
from lantoa_directory.domain.people import Grant
from lantoa_directory.jobs import schedule
from lantoa_directory.settings import DirectorySettings
from lantoa_directory.usecases.accounts import Accounts
from lantoa_directory.usecases.acts import Acts
from lantoa_directory.usecases.apps import App, Apps
from lantoa_directory.usecases.attempts import Attempts
from lantoa_directory.usecases.audit import Audit
from lantoa_directory.usecases.citizens import Citizens
from lantoa_directory.usecases.credentials import Credentials, Tickets
from lantoa_directory.usecases.editing import Editing
from lantoa_directory.usecases.factors import Factors
from lantoa_directory.usecases.following import Followers
from lantoa_directory.usecases.grants import held_by
from lantoa_directory.usecases.importing import UnitImporter
from lantoa_directory.usecases.last_admin import LastAdmin
from lantoa_directory.usecases.loading import Stores
from lantoa_directory.usecases.people import Reach
from lantoa_directory.usecases.rights import Rights
from lantoa_directory.usecases.seals import Seals
from lantoa_directory.usecases.security import Security
from lantoa_directory.usecases.sessions import Sessions
from lantoa_directory.usecases.signing_in import Parts, SignIn
from lantoa_directory.usecases.tokens import AccessTokens
from lantoa_directory.usecases.turn import Turn
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Document, Index
from lantoa_runtime.service import Service, service_main
from lantoa_signing.documents import SigningKey

_SEAL_LOOK_SECONDS = 15.0

INDEXES = (
    Index("units", ("tokens",)),
    Index("units", ("path",)),
    Index("acts", ("at",)),
    Index("acts", ("state",)),
    Index("acts", ("touched",)),
    Index("people", ("login",), unique=True),
    Index("people", ("units",)),
    Index("people", ("grants.lender",), sparse=True),
    Index("sessions", ("ends_at",), ttl_seconds=0),
    Index("sessions", ("person_id",)),
    Index("sessions", ("citizen_id",), sparse=True),
    Index("sessions", ("refresh",), sparse=True),
    Index("sessions", ("used",), sparse=True),
    Index("sessions", ("code",), sparse=True),
    Index("sessions", ("access.id",), sparse=True),
    Index("accounts", ("passkeys.id",), sparse=True),
    Index("tickets", ("ends_at",), ttl_seconds=0),
    Index("tokens", ("ends_at",), ttl_seconds=0),
    Index("tokens", ("person_id",)),
    Index("attempts", ("at",), ttl_seconds=3600),
    Index("citizens", ("phone",), unique=True, sparse=True),
    Index("audit", ("chain", "seq"), unique=True),
    Index("audit", ("at", "_id")),
    Index("audit", ("actor", "at")),
    Index("seals", ("number",), unique=True),
    Index("challenges", ("gone_at",), ttl_seconds=0),
)


def build(service: Service[DirectorySettings]) -> None:
    """Hang the directory's routes, readers and jobs on its service."""
    # Sessions run by the unshifted clock, because the database removes them by its own.
    clock = Clock()
    units, people, passwords = service.aggregates("units"), service.aggregates("people"), Argon2Passwords()

    def today() -> date:
        return service.clock.now().astimezone(ZONE).date()

    async def held(person: Document) -> tuple[Grant, ...]:
        return await held_by(people.collection, units.collection, person, today())

    settings, db = service.settings, service.db
    required = settings.directory_second_factor == "required"
    kept = service.aggregates("sessions")
    sessions = Sessions(db, kept, clock, held, required)
    credentials = Credentials(service.aggregates("accounts"), clock)
    tickets = Tickets(db["tickets"], clock)
    box = SecretBox(settings.directory_key_file) if settings.directory_key_file else None
    factors = Factors(credentials, tickets, WebAuthn(), box, clock)

    async def end_all(person_id: str) -> None:
        await sessions.end_all("person", person_id)

    async def reset_factors(person_id: str) -> None:
        await factors.reset(person_id)

    reach = Reach(people, units.collection, today)
    guard = LastAdmin(service.db, service.clock)
    editing = Editing(reach, guard, service.clock)
    accounts, rights = Accounts(editing, passwords, end_all, reset_factors), Rights(editing)
    codes_file = service.settings.directory_codes_file
    citizens = Citizens(service.db, sessions, CodesFile(codes_file, clock) if codes_file else None, clock)
    audit = Audit(service.db, reach)
    key_file, interval = service.settings.directory_audit_key_file, service.settings.directory_seal_seconds
    key = SigningKey(key_file.read_bytes()) if key_file else None
    seals = Seals(service.aggregates("seals"), audit, key, timedelta(seconds=interval), service.clock)
    service.app.state.audit, service.app.state.seals = audit, seals
    ordered, turn = service.aggregates("acts"), Turn(service.db["turns"], service.clock)
    acts = Acts(ordered, units, Followers(reach), turn, service.clock)
    schedule(service, acts)
    service.routes(imports_routes(UnitImporter(units, acts)))
    service.routes(unit_routes(units))
    service.routes(act_routes(acts, ordered, units))
    attempts = Attempts(db["attempts"])
    parts = Parts(
        people.collection, db["identities"], credentials, tickets, attempts, sessions, factors, passwords, clock
    )
    sign_in = SignIn(parts)
    apps = Apps([App(**app.model_dump()) for app in settings.directory_apps], sessions, kept, tickets, clock)
    tokens = AccessTokens(db, service.aggregates("tokens"), sessions, credentials, clock)
    security = Security(parts, sign_in)
    service.routes(sign_in_routes(sign_in))
    service.routes(session_routes(sign_in, security))
    service.routes(factor_routes(security))
    service.routes(token_routes(tokens, apps))
    service.routes(app_routes(apps))
    service.routes(citizen_routes(citizens))
    service.routes(people_routes(accounts, rights))
    service.routes(right_routes(rights))
    service.routes(door_routes(accounts, rights))
    service.routes(admin_routes(Stores(units, acts, reach, passwords, end_all, guard)))
    service.routes(audit_routes(audit, seals))
    register(service.bus, audit, service.clock)
    service.every("seal", min(_SEAL_LOOK_SECONDS, interval), seals.turn)


main = service_main("directory", DirectorySettings, build, INDEXES)

if __name__ == "__main__":
    main()
