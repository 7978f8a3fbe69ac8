"""A client that knows no secret, follows nothing, keeps nothing, and reads no more than a page."""

import aiohttp

_MOST_BYTES = 512 * 1024
_HEADERS = {
    "User-Agent": "LanToa-confirm/1",
    "Accept": "text/html",
    "Accept-Language": "vi",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
}


class WebStranger:
    """Fetches public pages over HTTP, each within `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._client: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> tuple[int | None, bytes]:
        """Status and body; `None` when there was no whole answer. More than half a megabyte is cut off."""
        if self._client is None:  # Made when first used, because it needs the running loop.
            self._client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS)
        try:
            async with self._client.get(url, allow_redirects=False, timeout=self._timeout) as answer:
                body = b""
                async for piece in answer.content.iter_chunked(64 * 1024):
                    body += piece
                    if len(body) > _MOST_BYTES:
                        break
                return answer.status, body
        except (aiohttp.ClientError, TimeoutError):
            return None, b""

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.close()
