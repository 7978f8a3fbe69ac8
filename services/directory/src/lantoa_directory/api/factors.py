"""HTTP: what somebody signs in with beside the password. For the gateway; the person is whose session it shows."""

from typing import Annotated, Any

from pydantic import StringConstraints

from lantoa_contracts.door import PasskeyOut, PasskeysOut, RecoveryOut, SecretOut
from lantoa_directory.api.directory import GATEWAY_ONLY
from lantoa_directory.api.sessions import Held, SessionBegun, begun
from lantoa_directory.usecases.security import Security
from lantoa_runtime.http import Line, Routes


class CodeIn(Held):
    """The first code of a new secret."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class MadeIn(Held):
    """A key that a browser has made, and what its owner calls it."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    credential: dict[str, Any]


class KeyIn(Held):
    """One of the keys."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=1400)]


class ConfirmedOut(SessionBegun, RecoveryOut):
    """The session under its new id, and recovery codes if there were none."""


class PasskeyMade(ConfirmedOut):
    """The same with the key."""

    passkey: PasskeyOut


def factor_routes(security: Security) -> Routes:
    """Codes that change with the time, keys, recovery codes."""
    router = Routes(prefix="/factors", tags=["factors"], dependencies=[GATEWAY_ONLY])

    @router.post("/totp/begin", response_model=SecretOut)
    async def begin_totp(body: Held) -> dict[str, str]:
        """A secret, which counts once a code of it was shown."""
        return await security.begin_totp(body.session_id)

    @router.post("/totp/confirm", response_model=ConfirmedOut)
    async def confirm_totp(body: CodeIn) -> dict[str, Any]:
        """Take the secret up."""
        made, codes = await security.confirm_totp(body.session_id, body.code, body.where)
        return {**begun(made), "recovery_codes": codes}

    @router.post("/totp/remove", response_model=SessionBegun)
    async def remove_totp(body: Held) -> dict[str, Any]:
        """Give it back."""
        return begun(await security.remove_totp(body.session_id, body.where))

    @router.post("/recovery", response_model=RecoveryOut)
    async def renew_recovery(body: Held) -> dict[str, Any]:
        """Ten new recovery codes in the place of the old ones."""
        return {"recovery_codes": await security.renew_recovery(body.session_id)}

    @router.post("/passkeys/begin")
    async def begin_passkey(body: Held) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptions` as JSON."""
        return await security.begin_passkey(body.session_id, body.site)

    @router.post("/passkeys/add", response_model=PasskeyMade)
    async def add_passkey(body: MadeIn) -> dict[str, Any]:
        """Take a key up."""
        made, key, codes = await security.add_passkey(
            body.session_id, body.name, body.credential, body.site, body.where
        )
        return {**begun(made), "passkey": key, "recovery_codes": codes}

    @router.post("/passkeys/list", response_model=PasskeysOut)
    async def list_passkeys(body: Held) -> dict[str, Any]:
        """One's keys."""
        return {"items": await security.passkeys(body.session_id)}

    @router.post("/passkeys/remove", response_model=SessionBegun)
    async def remove_passkey(body: KeyIn) -> dict[str, Any]:
        """Give one back."""
        return begun(await security.remove_passkey(body.session_id, body.id, body.where))

    return router
