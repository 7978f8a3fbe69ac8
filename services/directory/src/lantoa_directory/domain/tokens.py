"""Tokens of programs: what they may be good for, and the proof that a code comes back to who asked for it."""

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from hmac import compare_digest
from typing import Literal

from lantoa_contracts.policy import PERMISSIONS, SYSTEM, Permission

Kind = Literal["lta", "lap", "lar"]
"""``lta``: of an integration · ``lap``: of an app, for ten minutes · ``lar``: by which an app gets the next two."""

LONGEST_DAYS = 365
MOST_TOKENS = 20
CODE_LIFE = timedelta(seconds=60)
APP_TOKEN_LIFE = timedelta(minutes=10)
APP_IDLE = timedelta(days=30)
"""An app that was not used for this long signs in anew."""
APP_ABSOLUTE = timedelta(days=180)
MOST_USED = 500
"""Refresh tokens that were used up and are remembered, to know one that comes back."""

_FOR_PEOPLE = frozenset({"alert.notice.issue", "alert.cap-source.manage", "content.item.approve"})
"""What asks for a person who signed in just now, and what would let a program do that."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def _is_for_programs(permission: Permission) -> bool:
    if permission.who != "role" or permission.name in _FOR_PEOPLE:
        return False
    changes_who_is_who = permission.name.startswith("directory.") or SYSTEM in permission.roles
    return permission.name.endswith(".read") or not changes_who_is_who


def grantable(roles: Iterable[str]) -> tuple[str, ...]:
    """Names of the permissions that somebody with these roles may give to a program.

    None of the platform's own, none that changes who may sign in or do what, none that asks for a person.
    """
    held = frozenset(roles)
    return tuple(
        sorted(
            name for name, permission in PERMISSIONS.items() if _is_for_programs(permission) and held & permission.roles
        )
    )


def is_challenge(text: str) -> bool:
    """Whether this can be a code challenge of method S256: the digest of 32 bytes (RFC 7636, 4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def verifier_fits(verifier: str, challenge: str) -> bool:
    """Whether a code verifier is the one whose digest was shown (RFC 7636, 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)
