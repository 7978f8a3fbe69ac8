"""One page of a list that is sorted in memory: a province has hundreds of units and some thousand people."""

import base64
import binascii
import json
from collections.abc import Sequence

from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Document


def page(found: Sequence[Document], limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
    """The documents after the cursor in Vietnamese order, and the cursor of the following page.

    Raises:
        AppError: ``bad-cursor``.
    """
    after = _opened(cursor) if cursor else None
    ordered = sorted(found, key=_place)
    rest = [document for document in ordered if after is None or _place(document) > after]
    shown = rest[:limit]
    return shown, _closed(_place(shown[-1])) if len(rest) > limit else None


def _place(document: Document) -> tuple[str, str]:
    return document["sort_key"], document["_id"]


def _closed(place: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _opened(cursor: str) -> tuple[str, str]:
    try:
        key, document_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise AppError("bad-cursor", 400) from error
    if not isinstance(key, str) or not isinstance(document_id, str):
        raise AppError("bad-cursor", 400)
    return key, document_id
