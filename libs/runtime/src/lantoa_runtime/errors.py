"""Errors that carry their class: one place decides the HTTP answer, the fate of a message and the metric label."""

from collections.abc import Mapping
from typing import Any


class AppError(Exception):
    """Something went wrong in a way that has a name.

    Attributes:
        code: stable machine name, e.g. ``content.own-item``; the text for people is looked up by it.
        http_status: status of the HTTP answer.
        retryable: whether the same request or message can succeed later without anyone changing it.
        params: values for the text's placeholders; never personal data, they end up in logs.
    """

    def __init__(self, code: str, http_status: int = 400, retryable: bool = False, **params: Any) -> None:
        super().__init__(code if not params else f"{code} {params}")
        self.code = code
        self.http_status = http_status
        self.retryable = retryable
        self.params = params


class NotFound(AppError):
    """The thing asked for is not there, or not for this caller."""

    def __init__(self, what: str, **params: Any) -> None:
        super().__init__("not-found", 404, what=what, **params)


class Forbidden(AppError):
    """The caller is known but has no right to this."""

    def __init__(self, code: str = "forbidden", **params: Any) -> None:
        super().__init__(code, 403, **params)


class Conflict(AppError):
    """The thing is in a state that does not allow this."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, 409, **params)


class StaleVersion(AppError):
    """Somebody changed the document since it was read. In a message handler a retry helps."""

    def __init__(self) -> None:
        super().__init__("stale-version", 412, retryable=True)


class Invalid(AppError):
    """A value in the request is wrong. ``pointer`` is a JSON pointer (RFC 6901) to it."""

    def __init__(self, code: str, pointer: str = "", **params: Any) -> None:
        super().__init__(code, 422, **params)
        self.pointer = pointer


class Unavailable(AppError):
    """Something this service stands on is away; a retry helps."""

    def __init__(self, what: str) -> None:
        super().__init__("unavailable", 503, retryable=True, what=what)


class NotReady(AppError):
    """A message came before what it refers to; it is tried again."""

    def __init__(self, what: str) -> None:
        super().__init__("not-ready", 409, retryable=True, what=what)


class EventRefused(AppError):
    """NATS will never take this event, e.g. because it is too large. Trying again is of no use."""

    def __init__(self, why: str) -> None:
        super().__init__("event-refused", 500, why=why)


class DuplicateKey(Exception):
    """A document with this unique key exists. ``key`` names the fields, e.g. ``{"_id": 1}``."""

    def __init__(self, key: Mapping[str, Any]) -> None:
        super().__init__(f"duplicate {dict(key)}")
        self.key = key
