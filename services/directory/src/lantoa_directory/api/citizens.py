"""HTTP: citizens, through the gateway alone."""

from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import StringConstraints

from lantoa_contracts.door import CodeSent
from lantoa_contracts.policy import CITIZEN_ERASE
from lantoa_directory.api.answers import CitizenSession
from lantoa_directory.api.directory import GATEWAY_ONLY, later
from lantoa_directory.usecases.attempts import TooManyAttempts
from lantoa_directory.usecases.citizens import Citizens, Consent
from lantoa_runtime.http import Caller, Routes, StrictModel, allows

Phone = Annotated[str, StringConstraints(max_length=30)]


class PhoneIn(StrictModel):
    """A number as it was typed."""

    phone: Phone


class ConsentIn(StrictModel):
    """What was agreed to, by the hash of the text that was shown."""

    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")]
    text_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    version: Annotated[str, StringConstraints(min_length=1, max_length=20)]


class CitizenSignIn(StrictModel):
    """A number and the code that was sent to it."""

    phone: Phone
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    consent: ConsentIn


def citizen_routes(citizens: Citizens) -> Routes:
    """Codes and sign-in for the gateway; erasure for the citizen."""
    router = Routes(prefix="/citizen", tags=["citizens"])

    @router.post("/code", status_code=202, response_model=CodeSent, dependencies=[GATEWAY_ONLY])
    async def send_code(request: Request, body: PhoneIn) -> dict[str, Any] | Response:
        """Send a code: the masked number, and for how many seconds it holds. The same for every number."""
        try:
            return await citizens.send_code(body.phone)
        except TooManyAttempts as error:
            return later(request, error)

    @router.post("/sign-in", response_model=CitizenSession, dependencies=[GATEWAY_ONLY])
    async def citizen_sign_in(request: Request, body: CitizenSignIn) -> dict[str, Any] | Response:
        """A new session for a number and its code."""
        consent = Consent(**body.consent.model_dump())
        try:
            session_id, citizen = await citizens.sign_in(body.phone, body.code, consent)
        except TooManyAttempts as error:
            return later(request, error)
        return {"session_id": session_id, "citizen": citizen}

    @router.post("/erase", status_code=204)
    async def erase(caller: Annotated[Caller, allows(CITIZEN_ERASE)]) -> None:
        """Forget the caller: number, name and sessions."""
        await citizens.erase(caller.id)

    return router
