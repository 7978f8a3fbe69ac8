"""Contest, put together."""

from lantoa_contest import consumers
from lantoa_contest.api.pages import page_routes
from lantoa_contest.api.routes import attempt_routes, contest_routes
from lantoa_contest.settings import ContestSettings
from lantoa_contest.usecases.attempts import Attempts
from lantoa_contest.usecases.contests import Contests
from lantoa_contest.usecases.stored import INDEXES
from lantoa_runtime.http.conditions import COLLECTION as IDEMPOTENCY
from lantoa_runtime.http.replay import replay_route
from lantoa_runtime.mongo import ReadModel
from lantoa_runtime.service import Service, service_main


def build(service: Service[ContestSettings]) -> None:
    """Hang the contest's routes, pages and handler on its service."""
    units = ReadModel(service.db["units"])
    stored = service.aggregates("attempts")
    contests = Contests(service.aggregates("contests"), stored.collection, units, service.clock)
    attempts = Attempts(stored, contests, units, service.clock, service.settings.ack_seconds)
    consumers.register(service.bus, units)
    service.routes(contest_routes(contests, service.db[IDEMPOTENCY], service.clock))
    entrants = attempt_routes(attempts)
    replay_route(entrants, units, service.clock, attempts.replay)
    service.routes(entrants)
    page_routes(contests, attempts, service.clock).add_to(service.app.router)


main = service_main("contest", ContestSettings, build, INDEXES)

if __name__ == "__main__":
    main()
