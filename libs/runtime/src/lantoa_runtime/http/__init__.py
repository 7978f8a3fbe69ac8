"""The HTTP side of a service: problems, callers, conditions, probes."""

from lantoa_runtime.http.auth import Caller, CallerDep, Grant
from lantoa_runtime.http.conditions import IfMatch, KeyDep, etag, idempotent
from lantoa_runtime.http.models import Page, PageLimit, StrictModel
from lantoa_runtime.http.ranges import blob_response

__all__ = [
    "Caller",
    "CallerDep",
    "Grant",
    "IfMatch",
    "KeyDep",
    "Page",
    "PageLimit",
    "StrictModel",
    "blob_response",
    "etag",
    "idempotent",
]
