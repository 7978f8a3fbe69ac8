"""Which signed documents a device obeys. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertOrder, Command, Desired
from lantoa_signing.documents import KeySet, KeyUse, SignatureRefused


class Reason(StrEnum):
    """Why a document is not taken up."""

    KNOWN = "known"
    """Signed, ours, and the one we have: nothing wrong, nothing to do."""
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    KEY_USE = "key_use"
    """A key of ours, but alerts are signed with keys for alerts, and everything else with the others."""
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    OLD = "old"
    EXPIRED = "expired"


def _open(raw: bytes, keys: KeySet, use: KeyUse = "platform") -> str | Reason:
    try:
        document = SignedDocument.model_validate_json(raw)
    except ValidationError:
        return Reason.MALFORMED
    if document.kid not in keys.keys:
        return Reason.UNKNOWN_KEY
    try:
        keys.public(document.kid, use)
    except SignatureRefused:
        return Reason.KEY_USE
    try:
        return keys.verify(document, use)
    except SignatureRefused:
        return Reason.SIGNATURE


def check_desired(raw: bytes, keys: KeySet, device_id: str, highest_seq: int, now: datetime) -> Desired | Reason:
    """The desired state inside ``raw`` if this device is to take it up, else why not.

    The signed ``seq`` decides, not the bucket's revision: that one is not signed and starts again with the bucket.
    """
    text = _open(raw, keys)
    if isinstance(text, Reason):
        return text
    try:
        desired = Desired.model_validate_json(text)
    except ValidationError:
        return Reason.MALFORMED
    if desired.aud != device_id:
        return Reason.AUDIENCE
    if desired.seq == highest_seq:
        return Reason.KNOWN
    if desired.seq < highest_seq:
        return Reason.OLD
    if desired.exp <= now:
        return Reason.EXPIRED
    return desired


def check_command(raw: bytes, keys: KeySet, device_id: str, now: datetime) -> Command | Reason:
    """The command inside ``raw`` if the platform signed it for this device and it is in time, else why not.

    Whether it was carried out before is for the journal to say.
    """
    text = _open(raw, keys)
    if isinstance(text, Reason):
        return text
    try:
        command = Command.model_validate_json(text)
    except ValidationError:
        return Reason.MALFORMED
    if command.aud != device_id:
        return Reason.AUDIENCE
    return Reason.EXPIRED if command.exp <= now else command


def check_order(
    raw: bytes, keys: KeySet, highest: Mapping[str, int], now: datetime, *, stored: bool = False
) -> AlertOrder | Reason:
    """The alert order inside ``raw`` if this device is to obey it, else why not.

    ``highest`` has the highest ``seq`` obeyed so far of every scope that the device hears; 0 for none. A ``stored``
    order is one that the device itself read from the platform's bucket: when it has expired it still says which
    notices were called off meanwhile, so it is obeyed. None of its notices outlives it, and none is lost either when
    only our clock was wrong.
    """
    text = _open(raw, keys, "alert")
    if isinstance(text, Reason):
        return text
    try:
        order = AlertOrder.model_validate_json(text)
    except ValidationError:
        return Reason.MALFORMED
    if order.aud not in highest:
        return Reason.AUDIENCE
    if order.seq <= highest[order.aud]:
        return Reason.KNOWN if order.seq == highest[order.aud] else Reason.OLD
    if order.exp <= now:
        return _ending_with(order) if stored else Reason.EXPIRED
    return order


def _ending_with(order: AlertOrder) -> AlertOrder:
    notices = tuple(
        notice.model_copy(update={"expires_at": min(notice.expires_at, order.exp)}) for notice in order.notices
    )
    return order.model_copy(update={"notices": notices})
