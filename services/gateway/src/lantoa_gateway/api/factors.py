"""What somebody signs in with beside the password. Each change asks for a fresh sign-in and gives a new session id."""

from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from lantoa_contracts.door import PasskeyOut, PasskeysOut, RecoveryOut, SecretOut
from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.api.door import HERE, Door, SixDigits, said
from lantoa_runtime.http import Line, Routes, StrictModel, declares


class Code(StrictModel):
    """The first code of a new secret."""

    code: SixDigits


class MadePasskey(StrictModel):
    """What `navigator.credentials.create` gave, as JSON, and what its owner calls the key."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    credential: dict[str, Any]


class PasskeyMade(RecoveryOut):
    """The new passkey; recovery codes where it is the first factor."""

    passkey: PasskeyOut


KeyId = Annotated[str, Field(min_length=1, max_length=1400)]


def factor_routes(door: Door) -> Routes:
    """``/auth/totp``, ``/auth/recovery``, ``/auth/passkeys``."""
    router = Routes(prefix="/auth", tags=["factors"], dependencies=[declares(DOOR_USE), HERE])

    @router.post("/totp/begin", response_model=SecretOut)
    async def begin_totp(request: Request) -> Response:
        """A secret, which counts once a code of it was shown."""
        return said(await door.own(request, "factors/totp/begin"))

    @router.post("/totp/confirm", response_model=RecoveryOut)
    async def confirm_totp(request: Request, body: Code) -> Response:
        """Take the secret up; recovery codes where it is the first factor, else none."""
        made = await door.own(request, "factors/totp/confirm", {"code": body.code}, where=True)
        return door.goes_on(request, made, recovery_codes=made["recovery_codes"])

    @router.delete("/totp", status_code=204)
    async def remove_totp(request: Request) -> Response:
        """Give it back."""
        return door.goes_on(request, await door.own(request, "factors/totp/remove", where=True), 204)

    @router.post("/recovery", response_model=RecoveryOut)
    async def renew_recovery(request: Request) -> Response:
        """Ten new recovery codes in the place of the old ones."""
        return said(await door.own(request, "factors/recovery"))

    @router.post("/passkeys/begin")
    async def begin_passkey(request: Request) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptions` as JSON (WebAuthn, 5.1.8), good for one answer."""
        return await door.own(request, "factors/passkeys/begin", where=True)

    @router.post("/passkeys", status_code=201, response_model=PasskeyMade)
    async def add_passkey(request: Request, body: MadePasskey) -> Response:
        """Take a passkey up."""
        made = await door.own(request, "factors/passkeys/add", body.model_dump(), where=True)
        return door.goes_on(request, made, 201, passkey=made["passkey"], recovery_codes=made["recovery_codes"])

    @router.get("/passkeys", response_model=PasskeysOut)
    async def list_passkeys(request: Request) -> Response:
        """One's passkeys."""
        return said(await door.own(request, "factors/passkeys/list"))

    @router.delete("/passkeys/{passkey}", status_code=204)
    async def remove_passkey(request: Request, passkey: KeyId) -> Response:
        """Give one back."""
        return door.goes_on(
            request, await door.own(request, "factors/passkeys/remove", {"id": passkey}, where=True), 204
        )

    return router
