"""Groups of devices: whoever names one makes it."""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from lantoa_calendar.text import slug
from lantoa_fleet.domain.rights import MOST_GROUPS
from lantoa_runtime.errors import Invalid

_LONGEST = 40


@dataclass(frozen=True)
class Group:
    """A group as somebody named it; ``group_id`` stands in the scope ``grp.<group_id>``."""

    group_id: str
    name: str


def group_id_of(name: str) -> str:
    """The id of a name: its letters without accents, so that *Ven biển* and *ven bien* are one group.

    A long name and one in another script get the id of their digest. An id is its own id.
    """
    plain = slug(name)
    if plain and plain.isascii() and len(plain) <= _LONGEST:
        return plain
    return f"g-{hashlib.sha256(unicodedata.normalize('NFC', name.casefold()).encode()).hexdigest()[:12]}"


def groups_of(names: Iterable[str]) -> tuple[Group, ...]:
    """The groups that are named, each once, in the order of their ids.

    Raises:
        Invalid: more than a device may belong to.
    """
    groups = {group_id_of(name): name.strip() for name in reversed(list(names))}
    if len(groups) > MOST_GROUPS:
        raise Invalid("fleet.too-many-groups", "/groups", most=MOST_GROUPS)
    return tuple(Group(group_id, groups[group_id]) for group_id in sorted(groups))
