"""How a device asks to be let in, and what it keeps of the answer."""

import asyncio
from typing import Literal

import aiohttp
import structlog
from pydantic import ValidationError

from lantoa_contracts.base import Id, SignedDocument
from lantoa_contracts.device import Tolerant
from lantoa_devicekit.backoff import wait_s
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.files import write_durably
from lantoa_devicekit.identity import Identity
from lantoa_devicekit.settings import DeviceSettings
from lantoa_signing.documents import KeySet, SignatureRefused, open_key_set, unb64

log = structlog.get_logger("lantoa.enrolment")

PATH = "/api/v1/fleet/enrolments"
ANSWER_FILE = "enrolment.json"
ROOT_FILE = "root.pub"
_TIMEOUT = aiohttp.ClientTimeout(total=10)

EnrolmentState = Literal["pending", "accepted", "revoked"]


class EnrolmentRefused(Exception):
    """The answer cannot be believed: another root than the pinned one, another device, or bad signatures."""


class Accepted(Tolerant):
    """What a claimed device is told."""

    device_id: Id
    unit_id: Id
    root_public_key: str
    key_set: SignedDocument
    nats_urls: tuple[str, ...]
    media_base: str


class Enroller:
    """Asks the platform, pins its root at the first acceptance, and keeps the last believable answer on disk."""

    def __init__(
        self, settings: DeviceSettings, identity: Identity, clock: DeviceClock, http: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._clock = clock
        self._http = http
        self._asked_at: float | None = None
        self.state: EnrolmentState = "pending"
        self.accepted: Accepted | None = None
        self.keys = KeySet({})

    def load(self) -> None:
        """Take up the answer kept on disk, if there is one: a device starts without a network too."""
        path = self._settings.data / ANSWER_FILE
        if not path.exists():
            return
        try:
            self._adopt(Accepted.model_validate_json(path.read_bytes()))
        except (ValidationError, EnrolmentRefused) as error:
            log.error("kept_enrolment_refused", error=str(error))

    async def until_accepted(self) -> None:
        """Ask until a technician has claimed this device."""
        failures = 0
        while self.accepted is None:
            await self._ask_softly()
            if self.accepted is None:
                await asyncio.sleep(wait_s(failures, self._settings.reconnect_min_s, self._settings.reconnect_max_s))
                failures += 1

    async def refresh(self) -> bool:
        """Ask again for keys and addresses, at most once a reconcile time; whether an answer was taken up."""
        now = asyncio.get_running_loop().time()
        if self._asked_at is not None and now - self._asked_at < self._settings.reconcile_s:
            return False
        return await self._ask_softly()

    async def _ask_softly(self) -> bool:
        self._asked_at = asyncio.get_running_loop().time()
        try:
            return await self._ask()
        except (aiohttp.ClientError, TimeoutError, ValueError, EnrolmentRefused) as error:
            log.warning("enrolment_failed", error=f"{type(error).__name__}: {error}")
            return False

    async def _ask(self) -> bool:
        identity, settings = self._identity, self._settings
        at = self._clock.now().isoformat()
        signature = identity.sign(f"enrol\n{identity.public}\n{settings.kind}\n{settings.model}\n{at}").sig
        body = {
            "public_key": identity.public,
            "kind": settings.kind,
            "model": settings.model,
            "at": at,
            "signature": signature,
        }
        async with self._http.post(settings.gateway + PATH, json=body, timeout=_TIMEOUT) as response:
            if response.status == 403:
                self._note("revoked")
                return False
            if response.status == 202:
                self._note("pending")
                return False
            response.raise_for_status()
            answer = Accepted.model_validate_json(await response.read())
        self._adopt(answer)
        await asyncio.to_thread(write_durably, settings.data / ANSWER_FILE, answer.model_dump_json(indent=1).encode())
        return True

    def _note(self, state: EnrolmentState) -> None:
        if state != self.state or state == "pending":
            log.info("enrolment", state=state, device_id=self._identity.device_id, claim_code=self._identity.claim_code)
        self.state = state

    def _adopt(self, answer: Accepted) -> None:
        if answer.device_id != self._identity.device_id:
            raise EnrolmentRefused("the answer is for another device")
        pin = self._settings.data / ROOT_FILE
        if pin.exists() and pin.read_text().strip() != answer.root_public_key:
            raise EnrolmentRefused("the root key is not the one pinned at first acceptance")
        try:
            self.keys = open_key_set(answer.key_set, unb64(answer.root_public_key))
        except SignatureRefused as error:
            raise EnrolmentRefused(f"key set: {error}") from error
        if not pin.exists():
            write_durably(pin, answer.root_public_key.encode())
        self.accepted = answer
        self._note("accepted")
