"""How a device asks to be let in, and what it keeps of the answer."""

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime
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
REVOKED_FILE = "revoked"
"""Stands while the platform's last word was that this device lost its rights: it stays silent without a network too."""
_REVOKED = "fleet.device-revoked"
_CLOCK_OFF_S = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=10)

EnrolmentState = Literal["pending", "accepted", "revoked"]


class EnrolmentRefused(Exception):
    """The answer cannot be believed: another root than the pinned one, another device, or bad signatures."""


class Waiting(Tolerant):
    """What a device is told that nobody has claimed yet."""

    claim_code: str


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
        self,
        settings: DeviceSettings,
        identity: Identity,
        clock: DeviceClock,
        http: aiohttp.ClientSession,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called when an accepted device was revoked, or a revoked one accepted again."""
        self._settings = settings
        self._identity = identity
        self._clock = clock
        self._http = http
        self._changed = changed
        self._asked_at: float | None = None
        self.state: EnrolmentState = "pending"
        self.accepted: Accepted | None = None
        self.claim_code: str | None = None
        """What to show to the technician: the platform's word, which changes now and then; None once claimed."""
        self.keys = KeySet({})

    def load(self) -> None:
        """Take up the answer kept on disk, if there is one: a device starts without a network too."""
        path = self._settings.data / ANSWER_FILE
        if not path.exists():
            return
        try:
            self._adopt(Accepted.model_validate_json(path.read_bytes()))
            if (self._settings.data / REVOKED_FILE).exists():
                self.state = "revoked"
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

    async def refresh(self, *, at_once: bool = False) -> bool:
        """Ask again for keys and addresses; whether an answer was taken up.

        At most once a reconcile time, or, ``at_once``, as often as the link tries (which grows rarer by itself).
        """
        now = asyncio.get_running_loop().time()
        if not at_once and self._asked_at is not None and now - self._asked_at < self._settings.reconcile_s:
            return False
        return await self._ask_softly()

    async def refused(self) -> None:
        """NATS does not let us in: perhaps the platform has taken our rights away."""
        await self.refresh(at_once=True)

    async def _ask_softly(self) -> bool:
        self._asked_at = asyncio.get_running_loop().time()
        try:
            return await self._ask()
        except (aiohttp.ClientError, OSError, ValueError, EnrolmentRefused) as error:
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
            if response.status == 403 and _REVOKED in await response.text():
                self._note("revoked")
                await asyncio.to_thread(write_durably, settings.data / REVOKED_FILE, at.encode())
                return False
            if response.status == 202:
                self.claim_code = Waiting.model_validate_json(await response.read()).claim_code
                self._note("pending")
                return False
            if response.status == 422:
                self._set_clock(response.headers.get("Date", ""))
            response.raise_for_status()
            answer = Accepted.model_validate_json(await response.read())
        kept = self._adopt(answer).model_dump_json(indent=1).encode()
        (settings.data / REVOKED_FILE).unlink(missing_ok=True)
        await asyncio.to_thread(write_durably, settings.data / ANSWER_FILE, kept)
        return True

    def _set_clock(self, date: str) -> None:
        """A request may be refused because our clock is off, and before the first connect only HTTP tells the time."""
        try:
            server = parsedate_to_datetime(date)
        except ValueError:
            return
        off = (server - self._clock.now()).total_seconds()
        if abs(off) > _CLOCK_OFF_S:
            log.warning("clock_set_by_gateway", off_s=off)
            self._clock.offset_ms += round(off * 1000)

    def _note(self, state: EnrolmentState) -> None:
        before, self.state = self.state, state
        if state != before or state == "pending":
            log.info("enrolment", state=state, device_id=self._identity.device_id, claim_code=self.claim_code)
        if state != before and "revoked" in (state, before):
            self._changed()

    def _adopt(self, answer: Accepted) -> Accepted:
        """Take up an answer; what of it is to be kept."""
        if answer.device_id != self._identity.device_id:
            raise EnrolmentRefused("the answer is for another device")
        pin = self._settings.data / ROOT_FILE
        if pin.exists() and pin.read_text().strip() != answer.root_public_key:
            raise EnrolmentRefused("the root key is not the one pinned at first acceptance")
        try:
            keys = open_key_set(answer.key_set, unb64(answer.root_public_key))
        except SignatureRefused as error:
            raise EnrolmentRefused(f"key set: {error}") from error
        if not pin.exists():
            write_durably(pin, answer.root_public_key.encode())
        if self.accepted is not None and keys.seq <= self.keys.seq:
            # Only a newer set replaces the one that we have: an old one may hold a key that was stolen since.
            if answer.key_set.p != self.accepted.key_set.p:
                log.warning("key_set_refused", seq=keys.seq, kept=self.keys.seq)
            answer = answer.model_copy(update={"key_set": self.accepted.key_set})
        else:
            self.keys = keys
        self.accepted, self.claim_code = answer, None
        self._note("accepted")
        return answer
