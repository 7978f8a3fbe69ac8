"""Fetches addresses that somebody typed in, without becoming his arm into our network (OWASP API7:2023, SSRF).

Scheme and port must be allowed, the name is resolved once, each of its addresses is checked, and the connection goes to
those very addresses. Redirects are followed by hand, each checked like the first. Size and time are bounded.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from lantoa_alert.domain.cap import MEDIA_TYPE, MOST_BYTES, CapRefused
from lantoa_alert.telemetry import CAP_FETCHES

_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = IPv6Network("64:ff9b::/96")
_HEADERS = {
    "User-Agent": "LanToa-cap/1",
    "Accept": f"{MEDIA_TYPE}, application/atom+xml, application/rss+xml, application/xml, text/xml",
    "Accept-Encoding": "identity",
}
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet at large, and what it carries inside (6to4, NAT64 ...) too."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
        found = [one for one in inner if one is not None]
        if found:
            return all(is_public(str(one)) for one in found)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def looked_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, from the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _Checked(AbstractResolver):
    """Gives only addresses that were checked; the connector connects to these and asks nobody else."""

    def __init__(self, lookup: Lookup, private: frozenset[str]) -> None:
        self._lookup = lookup
        self._private = private

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        addresses = await self._lookup(host, port)
        # One bad address among good ones is no accident: all are refused.
        if f"{host}:{port}" not in self._private and not all(is_public(address) for address in addresses):
            raise _NotPublic(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class _NotPublic(OSError):
    """A name leads into a network that is not the internet."""


class SafeFetch:
    """GETs documents of at most :data:`MOST_BYTES`, each whole chain of redirects within ``seconds``.

    ``private`` names the ``host:port`` pairs that may be reached wherever they are: those of a demo or a test, and of
    a source in the province's own network.
    """

    def __init__(self, seconds: float, private: Sequence[str] = (), lookup: Lookup = looked_up) -> None:
        self._seconds = seconds
        self._private = frozenset(private)
        self._lookup = lookup
        self._client: aiohttp.ClientSession | None = None

    def check(self, url: str) -> None:
        """Pass an address whose form is allowed.

        Raises:
            CapRefused: ``address``.
        """
        checked(url, self._private)

    async def fetch(self, url: str) -> tuple[bytes, str]:
        """The document and the address that it came from in the end.

        Raises:
            CapRefused: ``address`` (not allowed to go there), ``fetch`` (no whole answer, ``status`` 0 without any),
                ``too-large``, ``redirects``.
        """
        try:
            async with asyncio.timeout(self._seconds):
                document = await self._follow(url)
        except CapRefused as refusal:
            CAP_FETCHES.labels("refused" if refusal.reason in ("address", "redirects") else "failed").inc()
            raise
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            refused = isinstance(error, _NotPublic) or isinstance(getattr(error, "os_error", None), _NotPublic)
            CAP_FETCHES.labels("refused" if refused else "failed").inc()
            raise CapRefused("alert.cap-address" if refused else "alert.cap-fetch", 502, status=0) from error
        CAP_FETCHES.labels("ok").inc()
        return document

    async def _follow(self, url: str) -> tuple[bytes, str]:
        for _ in range(_MOST_REDIRECTS + 1):
            address = checked(url, self._private)
            async with self._session().get(address, allow_redirects=False) as answer:
                if answer.status in _REDIRECTS and "location" in answer.headers:
                    url = urljoin(url, answer.headers["location"])
                    if address.scheme == "https" and not url.startswith("https:"):
                        raise CapRefused("alert.cap-address")
                    continue
                if answer.status != 200:
                    raise CapRefused("alert.cap-fetch", 502, status=answer.status)
                return await _body(answer), url
        raise CapRefused("alert.cap-redirects")

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:  # Made when first used, because it needs the running loop.
            resolver = _Checked(self._lookup, self._private)
            # No DNS cache: each connection is made to addresses that were checked for it.
            connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=8, force_close=True)
            jar = aiohttp.DummyCookieJar()
            self._client = aiohttp.ClientSession(
                connector=connector, cookie_jar=jar, headers=_HEADERS, auto_decompress=False, trust_env=False
            )
        return self._client

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.close()


def checked(url: str, private: frozenset[str] = frozenset()) -> URL:
    """An address whose form is allowed, as the client reads it; where a name leads is checked when it is connected to.

    Raises:
        CapRefused: ``address``.
    """
    try:
        address = URL(url)
        host, port, user = address.raw_host, address.port, address.user
    except ValueError as error:
        raise CapRefused("alert.cap-address") from error
    if address.scheme not in ("http", "https") or not host or user is not None:
        raise CapRefused("alert.cap-address")
    if f"{host}:{port}" in private:
        return address
    # aiohttp asks its resolver about names only; 127.1 and 2130706433 are no names to it, and the system reads them.
    numeric = ":" in host or host.replace(".", "").isdigit()
    if port not in (80, 443) or (numeric and not is_public(host)):
        raise CapRefused("alert.cap-address")
    return address


async def _body(answer: Any) -> bytes:
    body = b""
    async for piece in answer.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > MOST_BYTES:
            raise CapRefused("alert.cap-too-large", 413)
    return body
