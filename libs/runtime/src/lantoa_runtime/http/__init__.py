"""The HTTP side of a service: problems, callers, conditions, probes."""

from lantoa_runtime.http.auth import Allows, Caller, Declares, Grant, allows, declares
from lantoa_runtime.http.conditions import IfMatch, KeyDep, etag, idempotent
from lantoa_runtime.http.models import AS_WRITTEN, Day, Line, Page, PageLimit, StrictModel
from lantoa_runtime.http.ranges import blob_response
from lantoa_runtime.http.routes import Routes

__all__ = [
    "AS_WRITTEN",
    "Allows",
    "Caller",
    "Day",
    "Declares",
    "Grant",
    "IfMatch",
    "KeyDep",
    "Line",
    "Page",
    "PageLimit",
    "Routes",
    "StrictModel",
    "allows",
    "blob_response",
    "declares",
    "etag",
    "idempotent",
]
