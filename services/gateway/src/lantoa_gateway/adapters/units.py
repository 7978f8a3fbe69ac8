"""The unit tree as the directory has it today."""

from typing import Any

import aiohttp

from lantoa_contracts.policy import SYSTEM
from lantoa_gateway.adapters.services import RESPONSE_START_SECONDS, Upstreams
from lantoa_gateway.usecases import Tokens
from lantoa_runtime.errors import Unavailable
from lantoa_runtime.http.auth import HEADER, Caller, Grant

_PAGE = 100
_GATEWAY = Caller("gateway", "gateway", (Grant(SYSTEM, "*"),))


async def all_units(upstreams: Upstreams, tokens: Tokens) -> list[dict[str, Any]]:
    """Every unit that exists today, with ``id``, ``ver`` and ``path``.

    Raises:
        Unavailable: the directory does not answer.
    """
    directory = upstreams.of("directory")
    if directory is None:
        raise Unavailable("directory")
    found: list[dict[str, Any]] = []
    query = {"limit": str(_PAGE)}
    timeout = aiohttp.ClientTimeout(total=RESPONSE_START_SECONDS)
    while True:
        sent = {HEADER: tokens.token(_GATEWAY, "directory")}
        url = f"{directory.base}/api/v1/directory/units"
        try:
            async with directory.client.get(url, params=query, headers=sent, timeout=timeout) as answer:
                answer.raise_for_status()
                page = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("directory") from error
        found += page["items"]
        if not page.get("next"):
            return found
        query = {"limit": str(_PAGE), "cursor": page["next"]}
