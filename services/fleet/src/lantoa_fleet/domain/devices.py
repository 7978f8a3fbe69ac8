"""What a device is told, what it may fetch, and how it proves to be itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import Alarm, Desired
from lantoa_runtime.errors import Invalid
from lantoa_signing import nkey
from lantoa_signing.documents import SignatureRefused

ENROL_WINDOW = timedelta(minutes=10)
"""How far a proof of possession may lie from the server's clock."""
PENDING_SECONDS = 24 * 3600
"""An enrolment that nobody claims is forgotten after this; a device that still waits enrols again by itself."""
MOST_PENDING = 10_000
DESIRED_LIFETIME = timedelta(days=8)
RESIGN_BEFORE = timedelta(days=3)
"""A signed desired state is renewed when it has less than this to live."""
_ALARM_IDS_KEPT = 20


def enrol_text(public_key: str, kind: str, model: str, at: str) -> str:
    """What a device signs to prove that it holds its key; ``at`` as sent."""
    return f"enrol\n{public_key}\n{kind}\n{model}\n{at}"


def check_possession(public_key: str, kind: str, model: str, at: str, signature: str, now: datetime) -> None:
    """Pass when the sender holds the key now.

    Raises:
        Invalid: not a device key, not signed by it, or signed at another time.
    """
    if not nkey.is_user_key(public_key):
        raise Invalid("fleet.not-a-device-key", "/public_key")
    try:
        moment = datetime.fromisoformat(at)
        off = abs(moment - now)
    except (ValueError, TypeError) as error:
        raise Invalid("value-wrong", "/at") from error
    if off > ENROL_WINDOW:
        raise Invalid("fleet.clock-off", "/at", now=now.isoformat(timespec="seconds"))
    document = SignedDocument(kid=public_key, p=enrol_text(public_key, kind, model, at), sig=signature)
    try:
        nkey.verify_by_nkey(document, public_key)
    except SignatureRefused as error:
        raise Invalid("fleet.signature-refused", "/signature") from error


def alert_scopes(path: Iterable[str], groups: Iterable[str] = ()) -> tuple[str, ...]:
    """The scopes whose alerts a device hears: everybody's, those of each unit it stands in, those of its groups."""
    return ("all", *(f"unit.{unit_id}" for unit_id in path), *(f"grp.{group}" for group in groups))


def files_of(device: Mapping[str, Any]) -> frozenset[str]:
    """SHA-256 of everything that a device's current rundowns make it fetch, themselves included."""
    rundowns = [device[section] for section in ("radio", "board") if device.get(section)]
    return frozenset(sha256 for rundown in rundowns for sha256 in (rundown["rundown"]["sha256"], *rundown["media"]))


def desired_of(device: Mapping[str, Any], now: datetime) -> Desired:
    """The state to be signed for a claimed device."""
    sections = {name: device[name] and _ref(device[name]) for name in ("radio", "board")}
    return Desired(
        aud=device["_id"],
        seq=device["seq"],
        iat=now,
        exp=now + DESIRED_LIFETIME,
        unit_id=device["unit_id"],
        alert_scopes=alert_scopes(device["path"], device.get("groups", ())),
        **sections,
    )


def _ref(section: Mapping[str, Any]) -> dict[str, Any]:
    return {"ver": section["ver"], "rundown": section["rundown"]}


def says_the_same(one: Desired, other: Desired) -> bool:
    """Whether two states differ in nothing but the time of their signing."""
    timeless = {"iat", "exp"}
    return one.model_dump(exclude=timeless) == other.model_dump(exclude=timeless)


def with_alarm(alarms: Sequence[Mapping[str, Any]], alarm: Alarm) -> list[dict[str, Any]] | None:
    """The alarms of a device, one entry a code, with one more counted in; ``None`` when this one is in already."""
    known = next((entry for entry in alarms if entry["code"] == alarm.code), None)
    ids = list(known["ids"]) if known else []
    if alarm.local_id in ids:
        return None
    entry = {
        "code": alarm.code,
        "at": max(known["at"], alarm.at) if known else alarm.at,
        "count": (known["count"] if known else 0) + alarm.count,
        "detail": alarm.detail,
        "ids": [*ids, alarm.local_id][-_ALARM_IDS_KEPT:],
    }
    return [*(dict(other) for other in alarms if other["code"] != alarm.code), entry]
