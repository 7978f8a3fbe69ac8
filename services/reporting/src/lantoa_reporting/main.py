"""The composition root of reporting: ``serve | migrate | version``."""

from lantoa_reporting.adapters import INDEXES, MongoEvidence, MongoPlan, MongoUnits
from lantoa_reporting.api import papers_router, router
from lantoa_reporting.consumers import consume
from lantoa_reporting.usecases.papers import Papers
from lantoa_reporting.usecases.reports import Reports
from lantoa_runtime.service import Service, service_main
from lantoa_runtime.settings import RuntimeSettings


def build(service: Service[RuntimeSettings]) -> None:
    """Hang routes and handlers on the service."""
    evidence, plan, units = MongoEvidence(service.db), MongoPlan(service.db), MongoUnits(service.db)
    consume(service, evidence, units)
    reports = Reports(evidence, plan, units, service.clock)
    service.routes(router(reports))
    service.routes(papers_router(Papers(reports, units, service.clock)))


main = service_main("reporting", RuntimeSettings, build, INDEXES)

if __name__ == "__main__":
    main()
