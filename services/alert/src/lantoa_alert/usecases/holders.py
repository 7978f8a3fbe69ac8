"""Key holders: two people who can issue or call off a notice when nobody can sign in.

What they sign is a text with everything in it; who holds no key can neither change it nor use it again.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from pydantic import ValidationError

from lantoa_alert.domain.notices import Act, Message
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.access import refused
from lantoa_alert.usecases.notices import Done, Notices
from lantoa_contracts.alert import Holder, HolderAnswer, HolderOrder, HolderRequest
from lantoa_contracts.base import SignedDocument
from lantoa_runtime.acting import Actor, acting
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_signing.documents import SignatureRefused, key_id, unb64, verify

log = structlog.get_logger()

FRESH = timedelta(minutes=5)
"""How old a signed request may be, and how far a holder's clock may be ahead."""


class HolderDesk:
    """Takes requests of key holders. ``holders`` reads the list anew for each, ``explain`` finds the words."""

    def __init__(
        self,
        notices: Notices,
        roster: Roster,
        holders: Callable[[], Sequence[Holder]],
        explain: Callable[[AppError], str],
        clock: Clock,
    ) -> None:
        self._notices = notices
        self._roster = roster
        self._holders = holders
        self._explain = explain
        self._clock = clock

    async def answer(self, body: bytes) -> HolderAnswer:
        """Do what two holders ask, or say by a code why not."""
        try:
            done = await self._do(HolderRequest.model_validate_json(body))
        except ValidationError:
            return self._refused(AppError("alert.holder-request", 422))
        except AppError as error:
            return self._refused(error)
        version = done.notice.issued
        heard = self._roster.hearing(version.message.scopes) if version else {}
        return HolderAnswer(ok=True, notice_id=done.notice.id, devices=len(heard), pending=done.pending)

    def _refused(self, error: AppError) -> HolderAnswer:
        refused(error)
        log.warning("key holders refused", code=error.code)
        return HolderAnswer(ok=False, code=error.code, detail=self._explain(error))

    async def _do(self, request: HolderRequest) -> Done:
        first, second = request.signed
        if first.p != second.p:
            raise AppError("alert.holder-texts-differ", 422)
        names = self._signers(request.signed)
        try:
            order = HolderOrder.model_validate_json(first.p)
        except ValidationError as error:
            raise AppError("alert.holder-request", 422) from error
        now = self._clock.now()
        if abs(now - order.at) > FRESH:
            raise AppError("alert.holder-stale", 409)
        asked, confirmed = (Act(f"holder:{kid}", name, now) for kid, name in names)
        log.warning("key holders act", kind=order.kind, notice=order.notice_id, holders=[name for _, name in names])
        with acting(Actor(confirmed.by)):
            return await self._obey(order, asked, confirmed)

    async def _obey(self, order: HolderOrder, asked: Act, confirmed: Act) -> Done:
        if order.kind == "cancel":
            return await self._notices.cancel_by_holders(order.notice_id, confirmed)
        if not order.headline or not order.texts or not order.scopes:
            raise AppError("alert.holder-request", 422)
        message = Message(
            status=order.status,
            severity=order.severity,
            headline=order.headline,
            texts={str(language): text for language, text in order.texts.items()},
            scopes=order.scopes,
            minutes=order.minutes,
            repeat=order.repeat,
            gap_s=order.gap_s,
            speak=order.speak,
        )
        return await self._notices.from_holders(order.notice_id, message, asked, confirmed)

    def _signers(self, signed: Sequence[SignedDocument]) -> list[tuple[str, str]]:
        """Kid and name of who signed.

        Raises:
            AppError: an unknown key, a wrong signature, or one holder twice.
        """
        known = {key_id(unb64(holder.public)): holder for holder in self._holders()}
        found = []
        for document in signed:
            holder = known.get(document.kid)
            if holder is None:
                raise AppError("alert.holder-unknown", 403)
            try:
                verify(document, unb64(holder.public))
            except SignatureRefused as error:
                raise AppError("alert.holder-signature", 403) from error
            found.append((document.kid, holder.name))
        if len({kid for kid, _ in found}) < 2 or len({name for _, name in found}) < 2:
            raise AppError("alert.holder-twice", 403)
        return found
