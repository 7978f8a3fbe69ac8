"""What a sign-in says of where it came from: words for a browser, and an address that names a neighbourhood."""

import ipaddress
import re
from urllib.parse import urlsplit

_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("coc_coc_browser/", "Cốc Cốc"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Words of user agents, the telling ones first: most say to be Chrome and Safari too."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
_ORIGIN = re.compile(r"https?://[a-zA-Z0-9.:\[\]-]{1,253}")


def device_words(user_agent: str) -> str:
    """A browser as its owner would know it in a list: ``Chrome, Android``; empty for what says nothing known."""
    found = [next((name for word, name in words if word in user_agent), "") for words in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found))


def place_of(address: str) -> str:
    """An address cut to /24, or to /48 for IPv6: near enough to be known again, too far to be a person."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))


def origin_of(scheme: str, host: str) -> str | None:
    """The site that a browser says to be on; ``None`` for what is none."""
    origin = f"{scheme}://{host}"
    return origin if _ORIGIN.fullmatch(origin) and _host_of(origin) else None


def has_name(origin: str | None) -> bool:
    """Whether a site has a name: passkeys answer for no bare address."""
    host = _host_of(origin or "")
    if not host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _host_of(origin: str) -> str | None:
    """The host that an origin names; ``None`` for one that nobody can read, as a bracket without its end."""
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
