"""What passes the door: pure decisions about requests."""

from collections.abc import Mapping
from dataclasses import dataclass

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

PASSED_ON = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-event-id",
        b"range",
    }
)
"""Request headers that reach a service. All others, also those not yet invented, stay outside."""

KEPT_BACK = frozenset(
    {
        b"connection",
        b"date",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"server",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Answer headers that do not leave: those of one hop (RFC 9110, 7.6.1), and cookies, which only the gateway sets."""

_INTERNAL = {"directory": frozenset({"sign-in", "sessions", "factors", "tokens", "apps", "citizen"})}
_PUBLIC = {"fleet": frozenset({"enrolments", "uploads"})}
_READ_BY_ALL = {"contest": frozenset({"contests"})}
_FILES_READ_BY_ALL = {"alert": frozenset({"cap.atom", "cap.xml"})}
"""Last words of addresses: alerts are for everybody, what else is known of a notice is not."""
_NO_FORM_SENDS = frozenset({"application/json", "application/cap+xml", "image/jpeg", "image/png", "image/webp"})
_PAGES = {"tin": "content", "wifi": "content", "robots.txt": "content", "sitemap.xml": "content", "thi": "contest"}
"""First words of the public pages' addresses and the services that make them."""
_API = "/api/v1/"
LIVE = "/api/v1/live"
"""Where open pages are told what changed: the one address under the API that the gateway answers itself."""
_LONGEST_NEXT = 500

SESSIONLESS = frozenset({"/auth/app/token", "/auth/app/revoke"})
"""Where apps send forms and nobody looks at a session: there is nothing that another site's page could use."""


@dataclass(frozen=True)
class Target:
    """The service that a path means and the first word of what is asked of it."""

    service: str
    resource: str
    page: bool = False
    """A public page, for readers; otherwise JSON, for programs."""
    open_file: bool = False
    """The path ends in a word that makes what lies there readable for everybody."""

    @property
    def label(self) -> str:
        """The path without what differs from request to request: for metrics and traces."""
        return f"/{self.resource}/*" if self.page else f"{_API}{self.service}/*"

    @property
    def internal(self) -> bool:
        """For the gateway itself, never for a client."""
        return not self.page and self.resource in _INTERNAL.get(self.service, ())

    @property
    def public(self) -> bool:
        """For strangers only: a device has no session, neither when it enrols nor when it puts a file."""
        return self.resource in _PUBLIC.get(self.service, ())

    @property
    def citizens(self) -> bool:
        """A citizen may be the caller."""
        return self.page or self.service == "contest"

    def open_to_all(self, method: str) -> bool:
        """Answered to strangers too, so whoever cannot be recognised is one."""
        read = self.page or self.resource in _READ_BY_ALL.get(self.service, ()) or self.open_file
        return self.public or (read and method in SAFE_METHODS)


def passed_on(path: str) -> bool:
    """Whether what lies at a path is made by a service and not here."""
    if path == LIVE:
        return False
    return path.startswith(_API) or path.split("/", 2)[1] in _PAGES


def target_of(path: str) -> Target | None:
    """Where ``/api/v1/<service>/<resource>...`` or a page's path leads; it is decoded, as the service will read it.

    ``None`` for a path with empty, ``.`` or ``..`` parts: two readers could take it for two different things.
    """
    api = path.startswith(_API)
    parts = path.removeprefix(_API if api else "/").split("/")
    inner = parts[:-1] if parts[-1] == "" else parts
    if any(part in ("", ".", "..") for part in inner):
        return None
    if api:
        open_file = parts[-1] in _FILES_READ_BY_ALL.get(parts[0], ())
        return Target(parts[0], parts[1], open_file=open_file) if len(inner) > 1 else None
    return Target(_PAGES[parts[0]], parts[0], page=True) if parts[0] in _PAGES else None


def safe_next(asked: str) -> str | None:
    """Where to go after sign-in: an absolute path of this site; ``None`` for what could lead to another."""
    plain = asked[:1] == "/" and asked[:2] != "//" and "\\" not in asked and asked.isprintable()
    return asked if plain and len(asked) <= _LONGEST_NEXT else None


def is_foreign(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request that may change something could come from another site's page.

    Browsers say where a request comes from: ``Sec-Fetch-Site``, or at least ``Origin``. What says neither is a program;
    it must then send what a plain HTML form cannot: JSON, a CAP message, a picture, nothing, or anything by PUT, which
    forms do not know.
    """
    if method in SAFE_METHODS or _is_program(headers):
        return False
    for said in (_by_site(headers), _by_origin(headers)):
        if said is not None:
            return said
    return _by_form(method, headers)


def _by_site(headers: Mapping[str, str]) -> bool | None:
    """What ``Sec-Fetch-Site`` says; ``None`` without it. A neighbour on the same site is foreign too."""
    site = headers.get("sec-fetch-site")
    return None if site is None else site not in ("same-origin", "none")


def _by_origin(headers: Mapping[str, str]) -> bool | None:
    """What ``Origin`` says; ``None`` without it."""
    origin = headers.get("origin")
    return None if origin is None else origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _by_form(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a plain form could have sent this."""
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    form_sends = headers.get("content-type", "").split(";")[0].strip().lower() not in _NO_FORM_SENDS
    return method != "PUT" and has_body and form_sends


def _is_program(headers: Mapping[str, str]) -> bool:
    """Whether a request brings a token and no session. No page makes a browser send a token along to another site; a
    password (``Basic``) browsers add by themselves.
    """
    bearer = headers.get("authorization", "").lower().startswith("bearer ")
    return bearer and "__Host-" not in headers.get("cookie", "")


class Buckets:
    """Token buckets by name: ``burst`` at once, then ``per_minute``. Time is given in seconds, by any steady clock."""

    _MOST = 10_000

    def __init__(self, burst: int, per_minute: int) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, now: float) -> float:
        """Take one token; 0, or the seconds until there is one again."""
        level, at = self._levels.pop(name, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._per_second)
        taken = level >= 1
        self._levels[name] = (level - 1 if taken else level, now)
        if len(self._levels) > self._MOST:
            del self._levels[next(iter(self._levels))]  # The one not seen for longest.
        return 0.0 if taken else (1 - level) / self._per_second

    def left(self, name: str) -> int:
        """How many tokens there were after the last one was taken."""
        return int(self._levels[name][0])
