"""Receipts: hashes that whoever holds the fields can compute again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def attempt_receipt(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of an attempt's fields as sorted JSON without spaces; ``receipt`` and ``ver`` stay out.

    ``fields`` is the event's own form: ``AttemptAccepted.model_dump(mode="json")``.
    """
    sealed = {name: value for name, value in fields.items() if name not in ("receipt", "ver")}
    return hashlib.sha256(
        json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()
