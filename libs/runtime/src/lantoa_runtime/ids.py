"""Ids that sort by time: UUIDv7 (RFC 9562)."""

import secrets
from datetime import datetime
from uuid import UUID


def uuid7(milliseconds: int, random: int) -> str:
    """UUIDv7 from Unix milliseconds and 74 random bits."""
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & (1 << 62) - 1
    return str(UUID(int=value))


def new_id(now: datetime) -> str:
    """A fresh UUIDv7 of this moment."""
    return uuid7(int(now.timestamp() * 1000), secrets.randbits(74))
