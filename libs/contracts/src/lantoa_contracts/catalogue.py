"""Every event and captured device message: who makes it, who reads it, where it lies.

This is the one table from which streams, durables, rights on NATS, AsyncAPI documents and golden schemas follow.
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from lantoa_contracts.base import AnyEvent
from lantoa_contracts.device import Ack, Alarm, ProofMessage, Reported
from lantoa_contracts.events import alert, broadcast, content, contest, directory, fleet, signboard

About = Literal["items", "devices", "alerts", "contests", "reports"]
"""What an open page shows; it asks to be told of changes of these."""


@dataclass(frozen=True)
class Hint:
    """How the gateway tells open pages of an event: who shows such things, and what of them to fetch again."""

    about: tuple[About, ...]
    id: str
    """The field with the id of what changed."""
    units: tuple[str, ...] = ("unit_id",)
    """Fields with the units that it lies in, the one to be named first; none for what concerns everybody."""


@dataclass(frozen=True)
class EventSpec:
    """One kind of message in a stream.

    ``name`` is ``<service>.<entity>.<verb>`` for events, ``device.<what>`` for device messages.
    """

    name: str
    model: type[BaseModel]
    consumers: tuple[str, ...] = ()
    version: int = 1
    stream: str = "EVT"
    owner: str = ""
    """The service that publishes it and answers for its shape; ``device`` for device messages."""
    subject: str = field(default="")
    max_ack_pending: int = 64
    hint: Hint | None = None

    def __post_init__(self) -> None:
        owner = self.name.split(".", 1)[0]
        object.__setattr__(self, "owner", self.owner or owner)
        if not self.subject:
            object.__setattr__(self, "subject", f"evt.{self.name}.v{self.version}")

    @property
    def type(self) -> str:
        """The CloudEvents type, e.g. ``lantoa.content.item.approved.v1``."""
        return f"lantoa.{self.name}.v{self.version}"

    def durable(self, consumer: str) -> str:
        """Name of a consumer's durable: ``<consumer>-<source>-<entity>-<verb>``.

        The source is part of it because fleet reads a ``rundown.issued`` from two services.
        """
        return f"{consumer}-{self.name.replace('.', '-')}"


def _device(what: str, model: type[BaseModel], *consumers: str, stream: str = "ACK", pending: int = 512) -> EventSpec:
    return EventSpec(
        name=f"device.{what}",
        model=model,
        consumers=consumers,
        stream=stream,
        subject=f"dev.up.*.{what}",
        max_ack_pending=pending,
    )


_ITEM = Hint(("items",), "item_id")
_DEVICE = Hint(("devices",), "device_id")
_ALARM = Hint(("devices",), "alarm_id")
_NOTICE = Hint(("alerts",), "notice_id", units=())
"""Whom a notice reaches is no secret: it is published for everybody."""
_EVIDENCE = Hint(("items", "reports"), "item_id")

UNIT_CHANGED = EventSpec(
    "directory.unit.changed",
    directory.UnitChanged,
    ("content", "fleet", "broadcast", "signboard", "alert", "contest", "reporting"),
)
ACCOUNT_CREATED = EventSpec("directory.account.created", directory.AccountCreated)
ACCOUNT_CHANGED = EventSpec("directory.account.changed", directory.AccountChanged)
ACCOUNT_GRANTED = EventSpec("directory.account.granted", directory.AccountGranted)
ACCOUNT_REVOKED = EventSpec("directory.account.revoked", directory.AccountRevoked)
ACCOUNT_LOCKED = EventSpec("directory.account.locked", directory.AccountLocked)
ACCOUNT_UNLOCKED = EventSpec("directory.account.unlocked", directory.AccountUnlocked)
ACCOUNT_RESET = EventSpec("directory.account.reset", directory.AccountReset)
AUDIT_SEALED = EventSpec("directory.audit.sealed", directory.AuditSealed)
ACT_DONE = EventSpec("directory.act.done", directory.ActDone, ("fleet", "broadcast", "signboard"))
ACT_REVERSED = EventSpec("directory.act.reversed", directory.ActReversed, ("fleet", "broadcast", "signboard"))
ACCOUNT_SIGNED_IN = EventSpec("directory.account.signedin", directory.AccountSignedIn)
SIGN_IN_REFUSED = EventSpec("directory.account.refused", directory.SignInRefused)
ACCOUNT_SECURED = EventSpec("directory.account.secured", directory.AccountSecured)
SESSION_ENDED = EventSpec("directory.session.ended", directory.SessionEnded)

ITEM_SUBMITTED = EventSpec("content.item.submitted", content.ItemSubmitted, ("content",), hint=_ITEM)
ITEM_RENDERED = EventSpec("content.item.rendered", content.ItemRendered, hint=_ITEM)
ITEM_RETURNED = EventSpec("content.item.returned", content.ItemReturned, hint=_ITEM)
ITEM_APPROVED = EventSpec(
    "content.item.approved", content.ItemApproved, ("content", "broadcast", "signboard"), hint=_ITEM
)
ITEM_WITHDRAWN = EventSpec(
    "content.item.withdrawn", content.ItemWithdrawn, ("content", "broadcast", "signboard"), hint=_ITEM
)
POST_CONFIRMED = EventSpec("content.post.confirmed", content.PostConfirmed, ("reporting",), hint=_EVIDENCE)
POST_UNCONFIRMED = EventSpec("content.post.unconfirmed", content.PostUnconfirmed, ("reporting",), hint=_EVIDENCE)

DEVICE_CLAIMED = EventSpec(
    "fleet.device.claimed", fleet.DeviceClaimed, ("broadcast", "signboard", "alert"), hint=_DEVICE
)
DEVICE_MOVED = EventSpec(
    "fleet.device.moved",
    fleet.DeviceMoved,
    ("broadcast", "signboard", "alert"),
    hint=Hint(("devices",), "device_id", units=("unit_id", "previous_unit_id")),
)
DEVICE_PLACED = EventSpec("fleet.device.placed", fleet.DevicePlaced, hint=_DEVICE)
DEVICE_REVOKED = EventSpec(
    "fleet.device.revoked", fleet.DeviceRevoked, ("broadcast", "signboard", "alert"), hint=_DEVICE
)
DEVICE_ONLINE = EventSpec("fleet.device.online", fleet.DeviceOnline, hint=_DEVICE)
DEVICE_OFFLINE = EventSpec("fleet.device.offline", fleet.DeviceOffline, hint=_DEVICE)
DEVICE_GROUPED = EventSpec("fleet.device.grouped", fleet.DeviceGrouped, ("alert",), hint=_DEVICE)
DEVICE_REKEYED = EventSpec("fleet.device.rekeyed", fleet.DeviceRekeyed, hint=_DEVICE)
COMMAND_ORDERED = EventSpec("fleet.command.ordered", fleet.CommandOrdered)
UPDATE_TURNED = EventSpec("fleet.update.turned", fleet.UpdateTurned)
ALARM_RAISED = EventSpec("fleet.alarm.raised", fleet.AlarmRaised, hint=_ALARM)
ALARM_RESOLVED = EventSpec("fleet.alarm.resolved", fleet.AlarmResolved, hint=_ALARM)

GRID_CHANGED = EventSpec("broadcast.grid.changed", broadcast.GridChanged)
SESSION_CHANGED = EventSpec("broadcast.session.changed", broadcast.SessionChanged, ("broadcast",))
RUNDOWN_ISSUED = EventSpec("broadcast.rundown.issued", broadcast.RundownIssued, ("fleet",))
AIRING_CONFIRMED = EventSpec("broadcast.airing.confirmed", broadcast.AiringConfirmed, ("reporting",), hint=_EVIDENCE)
AIRING_MISSED = EventSpec("broadcast.airing.missed", broadcast.AiringMissed, hint=_EVIDENCE)

PLAYLIST_CHANGED = EventSpec("signboard.playlist.changed", signboard.PlaylistChanged, ("signboard",))
BOARD_RUNDOWN_ISSUED = EventSpec("signboard.rundown.issued", signboard.BoardRundownIssued, ("fleet",))
DISPLAY_CONFIRMED = EventSpec("signboard.display.confirmed", signboard.DisplayConfirmed, ("reporting",), hint=_EVIDENCE)

NOTICE_ISSUED = EventSpec("alert.notice.issued", alert.NoticeIssued, hint=_NOTICE)
NOTICE_UPDATED = EventSpec("alert.notice.updated", alert.NoticeUpdated, hint=_NOTICE)
NOTICE_CANCELLED = EventSpec("alert.notice.cancelled", alert.NoticeCancelled, hint=_NOTICE)
NOTICE_ACKNOWLEDGED = EventSpec(
    "alert.notice.acknowledged", alert.NoticeAcknowledged, hint=Hint(("alerts",), "notice_id")
)
SOURCE_ADDED = EventSpec("alert.source.added", alert.SourceAdded)
SOURCE_REMOVED = EventSpec("alert.source.removed", alert.SourceRemoved)

CONTEST_PUBLISHED = EventSpec(
    "contest.contest.published", contest.ContestPublished, hint=Hint(("contests",), "contest_id")
)
ATTEMPT_ACCEPTED = EventSpec(
    "contest.attempt.accepted",
    contest.AttemptAccepted,
    ("reporting",),
    hint=Hint(("contests",), "contest_id", units=("contest_unit_id",)),
)

DEVICE_AIRED = _device("aired", ProofMessage, "broadcast")
DEVICE_DISPLAYED = _device("displayed", ProofMessage, "signboard")
DEVICE_ACK = _device("ack", Ack, "fleet", "alert", pending=2000)
DEVICE_ALARM = _device("alarm", Alarm, "fleet", pending=64)
DEVICE_REPORTED = _device("reported", Reported, "fleet", stream="REPORTED", pending=256)

EVENTS: tuple[EventSpec, ...] = (
    UNIT_CHANGED,
    ACCOUNT_CREATED,
    ACCOUNT_CHANGED,
    ACCOUNT_GRANTED,
    ACCOUNT_REVOKED,
    ACCOUNT_LOCKED,
    ACCOUNT_UNLOCKED,
    ACCOUNT_RESET,
    AUDIT_SEALED,
    ACT_DONE,
    ACT_REVERSED,
    ACCOUNT_SIGNED_IN,
    SIGN_IN_REFUSED,
    ACCOUNT_SECURED,
    SESSION_ENDED,
    ITEM_SUBMITTED,
    ITEM_RENDERED,
    ITEM_RETURNED,
    ITEM_APPROVED,
    ITEM_WITHDRAWN,
    POST_CONFIRMED,
    POST_UNCONFIRMED,
    DEVICE_CLAIMED,
    DEVICE_MOVED,
    DEVICE_PLACED,
    DEVICE_REVOKED,
    DEVICE_ONLINE,
    DEVICE_OFFLINE,
    DEVICE_GROUPED,
    DEVICE_REKEYED,
    COMMAND_ORDERED,
    UPDATE_TURNED,
    ALARM_RAISED,
    ALARM_RESOLVED,
    GRID_CHANGED,
    SESSION_CHANGED,
    RUNDOWN_ISSUED,
    AIRING_CONFIRMED,
    AIRING_MISSED,
    PLAYLIST_CHANGED,
    BOARD_RUNDOWN_ISSUED,
    DISPLAY_CONFIRMED,
    NOTICE_ISSUED,
    NOTICE_UPDATED,
    NOTICE_CANCELLED,
    NOTICE_ACKNOWLEDGED,
    SOURCE_ADDED,
    SOURCE_REMOVED,
    CONTEST_PUBLISHED,
    ATTEMPT_ACCEPTED,
)
DEVICE_MESSAGES: tuple[EventSpec, ...] = (
    DEVICE_AIRED,
    DEVICE_DISPLAYED,
    DEVICE_ACK,
    DEVICE_ALARM,
    DEVICE_REPORTED,
)
CATALOGUE: tuple[EventSpec, ...] = EVENTS + DEVICE_MESSAGES

EVERY_EVENT = EventSpec("evt.all", AnyEvent, ("directory",), subject="evt.>", max_ack_pending=1000)
"""The whole stream, for the audit: what a person did is taken down whatever kind of event tells of it."""
FEEDS: tuple[EventSpec, ...] = (EVERY_EVENT,)
"""Readers across kinds. They are no kinds of messages: nobody publishes them and they have no schema."""

SERVICES = ("alert", "gateway", "directory", "content", "fleet", "broadcast", "signboard", "contest", "reporting")
"""Services with a place in the topology. Each has its own nkey and rights."""

_ACCOUNT = "directory.account."
_SAYS_NOTHING_NEW = frozenset(f"{_ACCOUNT}{verb}" for verb in ("created", "signedin", "refused"))

CHANGES_SOMEBODY = tuple(
    spec for spec in EVENTS if spec.name.startswith(_ACCOUNT) and spec.name not in _SAYS_NOTHING_NEW
)
"""After these a person is not who they were, by what they may do or how they are known; each has a ``person_id``."""
HEARD_BY_GATEWAY = (UNIT_CHANGED, SESSION_ENDED, *CHANGES_SOMEBODY, *(spec for spec in EVENTS if spec.hint))
"""What the gateway acts on, of all that it hears: who may see what, whom to forget, and what pages are told."""

_BY_TYPE = {spec.type: spec for spec in CATALOGUE}


def by_type(type_: str) -> EventSpec:
    """The spec of a CloudEvents type.

    Raises:
        KeyError: the catalogue has no such type.
    """
    return _BY_TYPE[type_]


def consumed_by(service: str) -> tuple[EventSpec, ...]:
    """What a service reads, in catalogue order."""
    return tuple(spec for spec in (*CATALOGUE, *FEEDS) if service in spec.consumers)
