"""CAP meets our notices: drafts become notices of source ``cap``, and notices that went out are told to others."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import ceil

from lantoa_alert.domain.cap import CapAlert, cap_time
from lantoa_alert.domain.cap_areas import CapUnit
from lantoa_alert.domain.cap_meaning import Draft
from lantoa_alert.domain.cap_writing import GROUP, OwnNotice, Place, Wording, unit_place
from lantoa_alert.domain.notices import Act, Message, Notice, Version
from lantoa_alert.domain.roster import ALL, Roster
from lantoa_alert.usecases.access import Access
from lantoa_alert.usecases.book import Book
from lantoa_alert.usecases.cap_intake import Origin
from lantoa_alert.usecases.notices import Notices
from lantoa_calendar.periods import ZONE
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Unavailable

_LANGUAGES = ("vi", "km", "en")


class CapDesk:
    """What CAP's intake, its feed and its areas need of the service's notices and roster."""

    def __init__(self, notices: Notices, access: Access, roster: Roster, book: Book, clock: Clock) -> None:
        self._notices = notices
        self._access = access
        self._roster = roster
        self._book = book
        self._clock = clock

    # -- in -----------------------------------------------------------------------------------------------------

    def check(self, drafts: Iterable[Draft], origin: Origin) -> None:
        """Pass a source, and a person who may alert every area and has just signed in.

        Raises:
            Forbidden: another's area.
            AppError: ``alert.sign-in-again``.
        """
        if origin.caller is None:
            return
        self._access.act(origin.caller)
        for draft in drafts:
            self._access.covered(origin.caller, _scopes(draft))

    def any_open(self, notice_ids: Iterable[str]) -> bool:
        """Whether one of these waits for somebody, or is in force."""
        now = self._clock.now()
        known = (self._notices.all.get(one) for one in notice_ids)
        return any(notice is not None and (notice.waiting(now) or notice.in_force(now)) for notice in known)

    async def request(self, notice_id: str, draft: Draft, alert: CapAlert, origin: Origin) -> None:
        """Make a notice that waits for a person, or one in force where the origin is automatic."""
        await self._take(draft, alert, origin, notice_id, None)

    async def update(self, notice_id: str, new_id: str, draft: Draft, alert: CapAlert, origin: Origin) -> str:
        """A new wording of the notice while it is in force, else a new notice; what still waits is withdrawn."""
        notice, now = self._notices.get(notice_id), self._clock.now()
        if dict(notice.cap) == _named(alert) and self.any_open((notice_id,)):
            return notice_id
        self._may_touch(notice, origin)
        if notice.waiting(now):
            await self._notices.withdraw(notice_id, self._by(origin))
        if notice.in_force(now) is None:
            await self.request(new_id, draft, alert, origin)
            return new_id
        await self._take(draft, alert, origin, new_id, notice_id)
        return notice_id

    async def cancel(self, notice_id: str, alert: CapAlert, origin: Origin) -> None:
        """Call off what is in force, withdraw what waits; whatever is over stays so."""
        notice, now = self._notices.get(notice_id), self._clock.now()
        self._may_touch(notice, origin)
        if notice.in_force(now):
            await self._notices.cancel_cap(notice_id, _named(alert), self._by(origin))
        elif notice.waiting(now):
            await self._notices.withdraw(notice_id, self._by(origin))

    async def _take(self, draft: Draft, alert: CapAlert, origin: Origin, notice_id: str, updates: str | None) -> None:
        now = self._clock.now()
        message = Message(
            status=draft.status,
            severity=draft.severity,
            headline=draft.headline,
            texts=draft.texts,
            scopes=_scopes(draft),
            minutes=max(1, ceil((draft.expires_at - now).total_seconds() / 60)),
        )
        await self._notices.from_cap(
            message,
            _named(alert),
            self._by(origin),
            notice_id=notice_id,
            updates=updates,
            ends_at=draft.expires_at,
            confirmed_by=Act(*origin.trusted_by, now) if origin.automatic else None,
        )

    def _by(self, origin: Origin) -> Act:
        if origin.caller is not None:
            return self._access.act(origin.caller)
        return Act(f"cap:{origin.id}", origin.name, self._clock.now())

    def _may_touch(self, notice: Notice, origin: Origin) -> None:
        if origin.caller is not None:
            self._access.covered(origin.caller, notice.last.message.scopes)

    def cap_units(self) -> Iterable[CapUnit]:
        """Every unit that the service has heard of.

        Raises:
            Unavailable: it does not know yet what it knew before it started.
        """
        if not self._book.loaded:
            raise Unavailable("alert_book")
        return [
            CapUnit(
                unit.id, unit.code, unit.name, unit.kind, unit.path, unit.valid_from, unit.valid_to, unit.lat, unit.lon
            )
            for unit in self._roster.units.values()
        ]

    # -- out ----------------------------------------------------------------------------------------------------

    def own(self, notice_id: str) -> OwnNotice | None:
        """A notice that went out."""
        notice = self._notices.all.get(notice_id)
        return self._told(notice) if notice else None

    def current(self, now: datetime) -> Iterator[OwnNotice]:
        """Real notices whose end has not come, also those that were called off before it."""
        for notice in list(self._notices.all.values()):
            told = self._told(notice)
            if told and told.last.status == "actual" and told.last.expires_at > now:
                yield told

    def _told(self, notice: Notice) -> OwnNotice | None:
        wordings = tuple(wording for version in notice.versions if (wording := self._wording(version)))
        if not wordings:
            return None
        return OwnNotice(notice.id, wordings, notice.cancelled.at if notice.cancelled else None)

    def _wording(self, version: Version) -> Wording | None:
        issued_at, expires_at, message = version.issued_at, version.expires_at, version.message
        if issued_at is None or expires_at is None:
            return None
        texts = {one: message.texts[one] for one in _LANGUAGES if message.texts.get(one)}
        return Wording(
            version.ver,
            issued_at,
            expires_at,
            message.status,
            message.severity,
            message.headline,
            texts or {"vi": message.headline},
            tuple(place for scope in message.scopes for place in self._places(scope)),
        )

    def _places(self, scope: str) -> list[Place]:
        kind, _, name = scope.partition(".")
        if kind == "grp":
            return [Place(f"Nhóm {name}", GROUP, name)]
        units = self._roster.units
        if scope != ALL:
            return [unit_place(units[name].name, units[name].code) if name in units else unit_place(name, name)]
        today = self._clock.now().astimezone(ZONE).date()
        roots = [unit for unit in self.cap_units() if len(unit.path) == 1 and unit.stands_on(today)]
        return [unit_place(unit.name, unit.code) for unit in roots] or [unit_place("Toàn tỉnh", ALL)]


def _scopes(draft: Draft) -> tuple[str, ...]:
    return tuple(f"unit.{unit_id}" for unit_id in draft.unit_ids)


def _named(alert: CapAlert) -> dict[str, str]:
    """What the message called itself, kept with the notice."""
    return {
        "sender": alert.key.sender,
        "identifier": alert.key.identifier,
        "sent": cap_time(alert.key.sent),
        "references": alert.references,
    }
