"""Who may ask for, confirm and call off a notice, and for where."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from lantoa_alert import telemetry
from lantoa_alert.domain import notices as rules
from lantoa_alert.domain.notices import Act, Message, Notice
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.fanout import MOST_ORDER_BYTES
from lantoa_contracts.policy import NOTICE_ISSUE
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, Invalid
from lantoa_runtime.http import Caller


class Access:
    """The two-person rule's half that asks who somebody is; the other half is in the domain."""

    def __init__(self, notices: Mapping[str, Notice], roster: Roster, clock: Clock) -> None:
        self._notices = notices
        self._roster = roster
        self._clock = clock

    def act(self, caller: Caller) -> Act:
        """The caller as somebody who acts now, and has signed in just before.

        Raises:
            AppError: ``alert.sign-in-again``.
        """
        now = self._clock.now()
        since = None if caller.signed_in_at is None else datetime.fromtimestamp(caller.signed_in_at, UTC)
        if not caller.holds(NOTICE_ISSUE):
            raise Forbidden
        if not rules.recent(since, now):
            raise AppError("alert.sign-in-again", 403, minutes=int(rules.RECENT.total_seconds() // 60))
        return Act(caller.id, caller.name, now)

    def checked(self, caller: Caller, message: Message) -> Message:
        """The message with its areas as scopes, once the caller may speak there.

        Raises:
            Invalid: an area nobody knows, or more than an order can carry.
            Forbidden: ``alert.outside-area``.
        """
        scopes = tuple(sorted({self.scope(told, number) for number, told in enumerate(message.scopes)}))
        self.covered(caller, scopes)
        checked = replace(message, scopes=scopes)
        self.fits(checked)
        return checked

    def scope(self, told: str, number: int, *, known: bool = True) -> str:
        """The scope that was meant. Without ``known``, one is believed of which nobody has told.

        Raises:
            Invalid: ``alert.unknown-area``.
        """
        scope = self._roster.scope_of(told)
        if scope is None and not known and told.partition(".")[0] in ("unit", "grp"):
            return told  # Nobody has told this service of any unit yet: devices know theirs.
        if scope is None:
            raise Invalid("alert.unknown-area", f"/scopes/{number}", area=told[:80])
        return scope

    def covered(self, caller: Caller, scopes: Iterable[str]) -> None:
        """Pass when the caller may speak to all of these scopes.

        Raises:
            Forbidden: ``alert.outside-area``.
        """
        for scope in scopes:
            paths = self._roster.paths_of(scope)
            if not paths or not all(caller.may(NOTICE_ISSUE, path) for path in paths):
                raise Forbidden("alert.outside-area")

    def fits(self, message: Message) -> None:
        """Pass what one order can carry beside what is in force in its areas already.

        Raises:
            Invalid: ``alert.order-too-large``.
        """
        now = self._clock.now()
        for scope in message.scopes:
            beside = sum(
                _size(version.message)
                for one in self._notices.values()
                if (version := one.in_force(now)) and scope in version.message.scopes
            )
            if beside + _size(message) > MOST_ORDER_BYTES:
                raise Invalid("alert.order-too-large", "/texts")


def _size(message: Message) -> int:
    return 600 + len(message.headline.encode()) + sum(len(text.encode()) for text in message.texts.values())


def refused(error: AppError) -> None:
    """Count a refusal by its code."""
    telemetry.REFUSALS.labels(error.code.removeprefix("alert.")).inc()
