"""What a service with a database answers when the database fails; others do not load the driver."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from lantoa_runtime.http.problems import problem, unexpected
from lantoa_runtime.mongo.driver import MongoError, is_outage

log = structlog.get_logger()


def install(app: FastAPI) -> None:
    """Make the driver's errors problems, and let pages know them (``app.state.database_errors``)."""
    app.state.database_errors = (MongoError,)
    app.add_exception_handler(MongoError, _database)


def _database(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, MongoError) and not is_outage(error):
        return unexpected(request, error)
    log.warning("database away", error=repr(error))
    return problem(request, 503, "unavailable", retryable=True, params={"what": "database"})
