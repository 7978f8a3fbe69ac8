"""Second factors: taken up, checked, given back."""

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from lantoa_contracts.events.directory import Secured, SignInWay
from lantoa_directory.domain.factors import (
    MOST_PASSKEYS,
    RECOVERY_CODES,
    SECRET_BYTES,
    base32,
    challenge_of,
    fitting_step,
    plain_recovery,
    recovery_code,
    totp_uri,
    user_handle,
)
from lantoa_directory.domain.signin import LONGEST_FACTOR_WAIT_SECONDS, TICKET_LIFE, wait_until
from lantoa_directory.usecases.attempts import TooManyAttempts
from lantoa_directory.usecases.credentials import Credentials, Tickets, today
from lantoa_directory.usecases.passkeys import Key, PasskeyRefused, Passkeys, Site
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Invalid, NotFound
from lantoa_runtime.mongo import Change, Document

_RECOVERY_BYTES = 10


class SecretBox(Protocol):
    """A way to keep secrets that must be read again."""

    def seal(self, secret: bytes, about: str) -> str:
        """The secret in the form that is stored."""

    def open(self, sealed: str, about: str) -> bytes:
        """Undo it."""

    def digest(self, text: str, about: str) -> str:
        """A digest that nobody guesses without the key."""


@dataclass(frozen=True)
class Proof:
    """What somebody shows: a code, or the answer of a key."""

    kind: Literal["totp", "recovery", "passkey"]
    value: Any


class Factors:
    """The second factors of every person. Without a box for their secrets there are none."""

    def __init__(
        self, credentials: Credentials, tickets: Tickets, passkeys: Passkeys, box: SecretBox | None, clock: Clock
    ) -> None:
        self._credentials = credentials
        self._tickets = tickets
        self._passkeys = passkeys
        self._boxed = box
        self._clock = clock

    @property
    def _box(self) -> SecretBox:
        if self._boxed is None:
            raise AppError("directory.no-factors", 503)
        return self._boxed

    async def ways(self, person_id: str) -> list[str]:
        """What a person can show beside the password: none where they have no second factor."""
        account = await self._credentials.of(person_id)
        found = [name for name, there in (("totp", account.get("totp")), ("passkey", account.get("passkeys"))) if there]
        return [*found, "recovery"] if found and account.get("recovery") else found

    async def check(self, person_id: str, proof: Proof, site: Site | None) -> SignInWay:
        """Pass when what is shown is this person's; the way by which they came.

        Codes are counted in the same write that looks at them, so many at once are not all the first. Keys are not:
        nobody guesses one, and whoever has one is never kept waiting.

        Raises:
            TooManyAttempts: too many codes of this person were wrong.
            AppError: ``directory.wrong-factor``, ``directory.wrong-passkey``.
        """
        if proof.kind == "passkey":
            if await self.passkey(proof.value, site) != person_id:
                raise AppError("directory.wrong-passkey", 401)
            return "passkey"
        right = False

        def decide(account: Document) -> Change:
            nonlocal right
            now = self._clock.now()
            until = account.get("until")
            if until is not None and until > now:
                raise TooManyAttempts(math.ceil((until - now).total_seconds()))
            spent = self._totp(account, proof.value, now) if proof.kind == "totp" else self._recovery(account, proof)
            right = spent is not None
            if spent is not None:
                return Change({**spent, "failures": 0})
            failures = account.get("failures", 0) + 1
            until = wait_until(now, failures, LONGEST_FACTOR_WAIT_SECONDS)
            return Change({"failures": failures, "until": until})

        await self._credentials.change(person_id, decide)
        if not right:
            raise AppError("directory.wrong-factor", 401)
        return proof.kind

    def _totp(self, account: Document, code: str, now: datetime) -> dict[str, Any] | None:
        held = account.get("totp")
        if held is None:
            return None
        step = fitting_step(self._box.open(held["sealed"], account["person_id"]), code, now, held["step"])
        return None if step is None else {"totp": {**held, "step": step}}

    def _recovery(self, account: Document, proof: Proof) -> dict[str, Any] | None:
        code = self._box.digest(plain_recovery(proof.value), account["person_id"])
        left = [one for one in account.get("recovery", ()) if not secrets.compare_digest(one, code)]
        return {"recovery": left} if len(left) < len(account.get("recovery", ())) else None

    async def question(self, site: Site | None, person_id: str | None) -> dict[str, Any]:
        """What a browser needs to answer with a key: one of this person's, or any.

        Raises:
            Invalid: ``directory.no-passkeys-here``, the site has no name.
        """
        account = await self._credentials.of(person_id) if person_id else {}
        named = _site(site)
        challenge = await self._tickets.give("passkey", person_id)
        allowed = [key["id"] for key in account.get("passkeys", ())]
        return self._passkeys.request(named, allowed, challenge.encode())

    async def passkey(self, credential: Mapping[str, Any], site: Site | None) -> str:
        """Whose key has answered a question that was asked here, and not yet answered.

        Raises:
            AppError: ``directory.wrong-passkey``.
        """
        refusal = AppError("directory.wrong-passkey", 401)
        challenge = await self._answered(credential, "passkey", None, refusal)
        account = await self._credentials.with_passkey(str(credential.get("id")))
        if account is None:
            raise refusal
        held = next(key for key in account["passkeys"] if key["id"] == credential["id"])
        key = Key(held["id"], held["public"], held["count"])
        try:
            count = self._passkeys.asserted(_site(site), credential, challenge, key)
        except PasskeyRefused as error:
            raise refusal from error

        def decide(current: Document) -> Change:
            keys = current.get("passkeys", [])
            if held not in keys:  # Used or removed meanwhile: what was checked does not hold any more.
                raise refusal
            used = {**held, "count": count, "used_on": today(self._clock.now())}
            return Change({"passkeys": [used if one == held else one for one in keys]})

        await self._credentials.change(account["person_id"], decide)
        return str(account["person_id"])

    async def _answered(
        self, credential: Mapping[str, Any], purpose: str, person_id: str | None, refusal: AppError
    ) -> bytes:
        """The challenge that an answer is to: one of ours for this purpose, used up with it."""
        text = challenge_of(credential)
        if text is None:
            raise refusal
        try:
            ticket = await self._tickets.look(text, purpose)
            await self._tickets.spend(ticket)
        except AppError as error:
            raise refusal from error
        if person_id is not None and ticket.person_id != person_id:
            raise refusal
        return text.encode()

    async def begin_totp(self, person: Document) -> dict[str, str]:
        """A new secret, which counts once a code of it was shown: ``{secret, uri}``.

        Raises:
            AppError: ``directory.no-factors``.
        """
        secret = secrets.token_bytes(SECRET_BYTES)
        pending = {"sealed": self._box.seal(secret, person["_id"]), "ends_at": self._clock.now() + TICKET_LIFE}
        await self._credentials.change(person["_id"], lambda _: Change({"pending": pending}))
        return {"secret": base32(secret), "uri": totp_uri(secret, person["login"])}

    async def confirm_totp(self, person_id: str, code: str) -> list[str]:
        """Take the secret up whose code this is; recovery codes, if there were none.

        Raises:
            AppError: ``directory.wrong-factor``; ``directory.ticket-over``, no secret waits.
        """
        codes = self._new_codes()

        def decide(account: Document) -> Change:
            now = self._clock.now()
            pending = account.get("pending")
            if pending is None or pending["ends_at"] <= now:
                raise AppError("directory.ticket-over", 401)
            step = fitting_step(self._box.open(pending["sealed"], person_id), code, now, 0)
            if step is None:
                raise Invalid("directory.wrong-factor", "/code")
            totp = {"sealed": pending["sealed"], "step": step, "since": now}
            return self._taken_up(account, {"totp": totp}, codes, "totp", unset=("pending",))

        return self._shown(codes, await self._credentials.change(person_id, decide))

    async def begin_passkey(self, person: Document, site: Site | None) -> dict[str, Any]:
        """What a browser needs to make a key.

        Raises:
            Conflict: ``directory.too-many-passkeys``.
            Invalid: ``directory.no-passkeys-here``.
        """
        named = _site(site)
        known = [key["id"] for key in (await self._credentials.of(person["_id"])).get("passkeys", ())]
        if len(known) >= MOST_PASSKEYS:
            raise Conflict("directory.too-many-passkeys", most=MOST_PASSKEYS)
        challenge = await self._tickets.give("register", person["_id"])
        handle = user_handle(person["_id"])
        return self._passkeys.creation(named, handle, person["login"], person["name"], known, challenge.encode())

    async def add_passkey(
        self, person_id: str, name: str, credential: Mapping[str, Any], site: Site | None
    ) -> tuple[dict[str, Any], list[str]]:
        """The key that was made, and recovery codes, if there were none.

        Raises:
            Invalid: ``directory.wrong-passkey``.
            Conflict: ``directory.too-many-passkeys``; ``directory.passkey-known``.
        """
        refusal = Invalid("directory.wrong-passkey", "/credential")
        challenge = await self._answered(credential, "register", person_id, refusal)
        try:
            key = self._passkeys.registered(_site(site), credential, challenge)
        except PasskeyRefused as error:
            raise refusal from error
        if await self._credentials.with_passkey(key.id) is not None:
            raise Conflict("directory.passkey-known")
        codes, now = self._new_codes(), self._clock.now()
        made = {"id": key.id, "public": key.public, "count": key.count, "name": name, "created_at": now}

        def decide(account: Document) -> Change:
            keys = account.get("passkeys", [])
            if len(keys) >= MOST_PASSKEYS:
                raise Conflict("directory.too-many-passkeys", most=MOST_PASSKEYS)
            return self._taken_up(account, {"passkeys": [*keys, {**made, "used_on": None}]}, codes, "passkey")

        account = await self._credentials.change(person_id, decide)
        return passkey_view({**made, "used_on": None}), self._shown(codes, account)

    def _taken_up(
        self, account: Document, fields: dict[str, Any], codes: list[str], what: Secured, unset: tuple[str, ...] = ()
    ) -> Change:
        if not account.get("recovery"):
            fields |= {"recovery": self._kept(codes, account["person_id"])}
        event = self._credentials.secured(account["person_id"], what)
        return Change({**fields, "failures": 0}, [event], unset=[*unset])

    async def listed(self, person_id: str) -> list[dict[str, Any]]:
        """A person's passkeys."""
        return [passkey_view(key) for key in (await self._credentials.of(person_id)).get("passkeys", ())]

    async def remove_totp(self, person_id: str, owes: bool) -> None:
        """Give the codes back that change with the time.

        Raises:
            NotFound: there are none.
            Conflict: ``directory.last-factor``, and what they are demands one.
        """

        def decide(account: Document) -> Change:
            if not account.get("totp"):
                raise NotFound("totp")
            return self._given_back(account, account.get("passkeys", []), "totp-removed", owes, unset=("totp",))

        await self._credentials.change(person_id, decide)

    async def remove_passkey(self, person_id: str, key_id: str, owes: bool) -> None:
        """Give a passkey back.

        Raises:
            NotFound: they have no such key.
            Conflict: ``directory.last-factor``.
        """

        def decide(account: Document) -> Change:
            keys = account.get("passkeys", [])
            left = [key for key in keys if key["id"] != key_id]
            if len(left) == len(keys):
                raise NotFound("passkey")
            return self._given_back(account, left, "passkey-removed", owes)

        await self._credentials.change(person_id, decide)

    def _given_back(
        self, account: Document, keys: list[Any], what: Secured, owes: bool, unset: tuple[str, ...] = ()
    ) -> Change:
        bare = not keys and (bool(unset) or not account.get("totp"))
        if bare and owes:
            raise Conflict("directory.last-factor")
        event = self._credentials.secured(account["person_id"], what)
        return Change({"passkeys": keys, **({"recovery": []} if bare else {})}, [event], unset=unset)

    async def renew_recovery(self, person_id: str) -> list[str]:
        """Ten new recovery codes; the old ones do not hold any more.

        Raises:
            Conflict: ``directory.no-factor``, there is nothing to recover.
        """
        codes = self._new_codes()

        def decide(account: Document) -> Change:
            if not account.get("totp") and not account.get("passkeys"):
                raise Conflict("directory.no-factor")
            event = self._credentials.secured(person_id, "recovery")
            return Change({"recovery": self._kept(codes, person_id)}, [event])

        await self._credentials.change(person_id, decide)
        return codes

    async def reset(self, person_id: str) -> None:
        """Take all second factors from somebody who has lost them; whoever calls this ends the sessions too."""
        event = self._credentials.secured(person_id, "reset")
        fields = {"passkeys": [], "recovery": [], "failures": 0}
        await self._credentials.change(person_id, lambda _: Change(fields, [event], unset=["totp", "pending"]))

    def _new_codes(self) -> list[str]:
        return [recovery_code(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]

    def _shown(self, codes: list[str], account: Document) -> list[str]:
        """The codes, if they are those that the account has now."""
        return codes if account["recovery"] == self._kept(codes, account["person_id"]) else []

    def _kept(self, codes: list[str], person_id: str) -> list[str]:
        return [self._box.digest(plain_recovery(code), person_id) for code in codes]


def passkey_view(key: Mapping[str, Any]) -> dict[str, Any]:
    """A passkey as its owner sees it."""
    return {name: key[name] for name in ("id", "name", "created_at", "used_on")}


def _site(site: Site | None) -> Site:
    if site is None:
        raise Invalid("directory.no-passkeys-here")
    return site
