"""Documents by the words that they have. Work is bounded whatever is asked for: a page looks at so many and no more."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lantoa_content.domain.search import title_words
from lantoa_content.usecases.keyset import Place
from lantoa_runtime.mongo import Collection, Document

WORDS = ("words", "says")
"""The words by which a document is found; twice, because the embedded database uses the index of an array for one
condition and looks at everything when there are more: it is asked by one of `words`, and tells by `says`.
"""
_FEW = 100
"""A word that fewer documents have is rare enough to look at all of them."""
_MOST_LOOKED_AT = 2000


def scoped(unit_id: str, word: str) -> str:
    """A word in the index of who may see no more than a unit and what lies below it."""
    return f"{unit_id}|{word}"


def item_words(title: str, path: Iterable[str]) -> dict[str, list[str]]:
    """The fields by which an item is found: by what words of its title begin with, from each unit on its path."""
    begun = title_words(title)
    return {"words": [scoped(unit_id, word) for unit_id in path for word in begun], "says": begun}


async def newest_with(
    collection: Collection,
    keys: Mapping[str, str],
    where: Mapping[str, Any],
    field: str,
    place: Place,
    limit: int,
    fields: Any,
) -> tuple[list[Document], datetime | None]:
    """At most `limit` documents that have every word and come after a place in the order of a time field.

    `keys` are the words, each with its form in the index; without any nothing is found. The time is that of the last
    document that was looked at, when older ones wait; `None` when all were.
    """
    numbers = {word: await collection.count({"words": key}, limit=_FEW) for word, key in keys.items()}
    if not numbers or not min(numbers.values()):
        return [], None
    rarest = keys[min(numbers, key=numbers.__getitem__)]
    asked = {**where, "words": rarest, "says": {"$all": list(keys)}}
    order = ((field, -1), ("_id", -1))
    at, last_id = place
    since = await _since(collection, rarest, field, at) if min(numbers.values()) == _FEW else None
    found: list[Document] = []
    if last_id:
        same = {**asked, field: at, "_id": {"$lt": last_id}}
        found = await collection.find(same, fields, sort=order, limit=limit)
    if len(found) < limit:
        window: dict[str, Any] = {"$lt": at} | ({"$gte": since} if since else {})
        found += await collection.find({**asked, field: window}, fields, sort=order, limit=limit - len(found))
    return found, since


async def _since(collection: Collection, key: str, field: str, at: datetime) -> datetime | None:
    """The time of the last document that this page looks at; `None` when it looks at all of them."""
    older = {"words": key, field: {"$lt": at}}
    looked_at = await collection.find(older, {field: 1}, sort=((field, -1),), limit=_MOST_LOOKED_AT)
    return looked_at[-1][field] if len(looked_at) == _MOST_LOOKED_AT else None
