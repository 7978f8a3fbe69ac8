"""What a hostile device may try on NATS: from the rights table, so that a new right is attacked once it is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lantoa_fleet.domain.devices import alert_scopes
from lantoa_fleet.domain.rights import Rights, rights_of

Verb = Literal["publish", "subscribe"]
_TRUNKS = ("dev.bc.", "$KV.alert.", "$JS.API.DIRECT.GET.KV_alert.$KV.alert.")


@dataclass(frozen=True)
class Place:
    """Where a device stands, which is what its rights follow from."""

    device_id: str
    path: tuple[str, ...]
    groups: tuple[str, ...]

    def rights(self, *, mqtt: bool) -> Rights:
        """What the callout grants there."""
        return rights_of(self.device_id, self.path, self.groups, mqtt=mqtt)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Whose alerts it hears."""
        return alert_scopes(self.path, self.groups)

    def owns(self, subject: str) -> bool:
        """Whether a subject is this device's own or its scopes': by the names in it, not by the rights table."""
        tokens = subject.replace("_INBOX_", "_INBOX_.").split(".")
        if self.device_id in tokens:
            return True
        return any(f"{subject}.".startswith(f"{trunk}{scope}.") for trunk in _TRUNKS for scope in self.scopes)


@dataclass(frozen=True)
class Attempt:
    """One thing that must not work."""

    row: str
    verb: Verb
    subject: str


def shapes(subject: str) -> tuple[str, ...]:
    """A subject to listen to, and its neighbour one level deep: ``#`` of MQTT asks for the level above as well."""
    return (subject, f"{subject[:-1]}*") if subject.endswith(".>") else (subject,)


def filled(subject: str) -> str:
    """A subject that can be published: wildcards stand for something."""
    return subject.replace(".>", ".x").replace("*", "x")


def of_others(own: Place, others: Iterable[Place]) -> list[Attempt]:
    """Every right of other devices that is not also one's own, tried in both directions."""
    found: dict[Attempt, None] = {}
    for other in others:
        for mqtt in (False, True):
            rights = other.rights(mqtt=mqtt)
            for subject in (*rights.publish, *rights.subscribe):
                if own.owns(subject):
                    continue
                row = "another device's subjects" if other.device_id in subject else "another unit's or group's alerts"
                found[Attempt(row, "publish", filled(subject))] = None
                found |= {Attempt(row, "subscribe", shape): None for shape in shapes(subject)}
    return list(found)


_SUBSCRIBE: dict[str, Sequence[str]] = {
    "wildcards": (
        ">", "*", "*.*.*.*", "dev.>", "dev.*.*.*", "dev.up.>", "dev.up.*.aired", "dev.rpc.*.snapshot", "dev.dn.>",
        "dev.dn.*.desired", "dev.dn.*.cmd", "dev.dn.*.alert", "dev.bc.>", "dev.bc.*.alert", "dev.bc.unit.>",
        "dev.bc.unit.*.alert", "dev.bc.grp.*.>", "_INBOX.>", "_R_.>",
    ),
    "$JS": (
        "$JS.>", "$JS.API.>", "$JS.API.DIRECT.GET.>", "$JS.API.DIRECT.GET.KV_desired.>", "$JS.ACK.>", "$JS.EVENT.>",
        "$JS.FC.>",
    ),
    "$KV": ("$KV.>", "$KV.desired.*", "$KV.alert.>", "$KV.alert.all.alert", "$KV.alert_book.>"),
    "$SYS": ("$SYS.>", "$SYS.ACCOUNT.DEVICES.CONNECT", "$SYS.REQ.USER.AUTH", "$SYS.REQ.>", "$SYS._INBOX.>"),
    "$MQTT": ("$MQTT.>", "$MQTT.sub.>", "$MQTT.msgs.>", "$MQTT.rmsgs", "$MQTT.JSA.>"),
    "events and services": (
        "evt.>", "evt.fleet.device.claimed.v1", "dlq.>", "alert.rpc.issue", "_INBOX_fleet.>", "_INBOX_alert.>",
        "_INBOX_callout.>", "_INBOX_sys.>",
    ),
}  # fmt: skip
_PUBLISH: dict[str, Sequence[str]] = {
    "everybody's alerts": ("dev.bc.all.alert", "dev.bc.all.sound.x.0", "dev.bc.all"),
    "subjects beside its own": ("dev.up.x.aired", "dev.rpc.x.snapshot", "dev.dn.x.cmd", "dev.bc.unit.x.alert"),
    "$JS": (
        "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.KV_desired",
        "$JS.API.STREAM.MSG.GET.KV_desired", "$JS.API.STREAM.MSG.DELETE.EVT", "$JS.API.STREAM.DELETE.EVT",
        "$JS.API.STREAM.PURGE.ACK", "$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.ACK",
        "$JS.API.STREAM.SNAPSHOT.ACK", "$JS.API.CONSUMER.CREATE.ACK", "$JS.API.CONSUMER.DURABLE.CREATE.ACK.mine",
        "$JS.API.CONSUMER.NAMES.EVT", "$JS.API.CONSUMER.MSG.NEXT.ACK.broadcast-device-aired",
        "$JS.API.CONSUMER.DELETE.ACK.broadcast-device-aired", "$JS.API.DIRECT.GET.KV_desired",
        "$JS.API.DIRECT.GET.KV_alert", "$JS.API.DIRECT.GET.EVT", "$JS.API.DIRECT.GET.REPORTED",
        "$JS.API.DIRECT.GET.KV_desired.$KV.desired.x", "$JS.API.DIRECT.GET.KV_alert_book.$KV.alert_book.x",
        "$JS.ACK.EVT.reporting-directory-unit-changed.1.1.1.1.0", "$JS.FC.KV_alert.x",
    ),
    "$KV": ("$KV.desired.x", "$KV.alert.all.alert", "$KV.alert.all.sound.x.0", "$KV.alert_book.x"),
    "$SYS": (
        "$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.X.KICK", "$SYS.REQ.USER.AUTH",
        "$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.DEVICES.CONNZ", "$SYS._INBOX.x",
        "$SYS.ACCOUNT.DEVICES.CONNECT",
    ),
    "$MQTT": ("$MQTT.sub.x", "$MQTT.msgs.x", "$MQTT.rmsgs", "$MQTT.JSA.x", "$MQTT.deliver.pubrel.x"),
    "events and services": (
        "evt.fleet.device.claimed.v1", "evt.alert.notice.issued.v1", "dlq.fleet.x", "alert.rpc.issue",
        "_INBOX_fleet.x", "_INBOX_callout.x", "_INBOX.x", "_R_.x.y",
    ),
}  # fmt: skip


def of_the_platform(own: Place) -> list[Attempt]:
    """What belongs to nobody but the platform, and what lies in the bucket beside one's own key."""
    found = [
        Attempt(row, "subscribe", shape)
        for row, subjects in _SUBSCRIBE.items()
        for subject in subjects
        for shape in shapes(subject)
    ]
    found += [Attempt(row, "publish", subject) for row, subjects in _PUBLISH.items() for subject in subjects]
    found += [
        Attempt("its own state, written by itself", "publish", subject)
        for subject in (f"$KV.desired.{own.device_id}", *(f"dev.dn.{own.device_id}.{x}" for x in ("desired", "cmd")))
    ]
    found += [
        Attempt("its own scopes' alerts, written by itself", "publish", f"{trunk}{scope}.alert")
        for scope in own.scopes
        for trunk in ("dev.bc.", "$KV.alert.")
    ]
    found += [
        Attempt("its own reports, read back", "subscribe", f"dev.up.{own.device_id}.{what}") for what in ("hb", ">")
    ]
    return found


def as_topic(subject: str) -> str:
    """The MQTT topic (or filter) of a subject, as nats-server maps them."""
    return subject.replace(".", "/").replace("*", "+").replace(">", "#")
