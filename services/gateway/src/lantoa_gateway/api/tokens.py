"""Access tokens: what one lets a program do, for so many days, in one's own name."""

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from lantoa_contracts.door import TokenMade, TokensOut
from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.api.door import HERE, Door, Ticket, done, said
from lantoa_runtime.http import Line, Routes, StrictModel, declares


class TokenWanted(StrictModel):
    """A token for a program: names of permissions that its owner holds."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    permissions: Annotated[
        list[Annotated[str, StringConstraints(max_length=80)]],
        Field(min_length=1, max_length=100, examples=[["content.item.read"]]),
    ]
    days: Annotated[int, Field(ge=1, le=365, strict=True)]


def token_routes(door: Door) -> Routes:
    """``/auth/tokens``."""
    router = Routes(prefix="/auth/tokens", tags=["tokens"], dependencies=[declares(DOOR_USE), HERE])

    @router.get("", response_model=TokensOut)
    async def list_tokens(request: Request) -> Response:
        """One's tokens."""
        return said(await door.own(request, "tokens/list"))

    @router.post("", status_code=201, response_model=TokenMade)
    async def make_token(request: Request, body: TokenWanted) -> Response:
        """A new one. Asks for a fresh sign-in."""
        return said(await door.own(request, "tokens/make", body.model_dump()), 201)

    @router.delete("/{token}", status_code=204)
    async def end_token(request: Request, token: Ticket) -> Response:
        """Take one back; it holds no more at once."""
        await door.own(request, "tokens/end", {"id": token})
        return done()

    return router
