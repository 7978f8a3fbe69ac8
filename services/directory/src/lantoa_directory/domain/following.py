"""How the grants of people follow their units through an act, and back."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from lantoa_directory.domain.acts import Plan
from lantoa_directory.domain.people import Grant
from lantoa_directory.domain.succession import NEXT_DAY

_OURS = ("moved", "moved_by")
"""What stands beside a grant: in the one that an act ended what is needed to go back, in the new one the act."""


def follows(grant: Grant, plan: Plan) -> bool:
    """Whether a grant is on a unit that the act ends, and holds on the act's day or later."""
    return grant.unit_id in plan.heirs and not grant.over(plan.date)


def moved_by(grant: Grant, act_id: str) -> bool:
    """Whether the act ended this grant."""
    return bool(grant.more.get("moved", {}).get("act") == act_id)


def grants_after(grants: Sequence[Grant], plan: Plan, act_id: str, by: str) -> tuple[Grant, ...]:
    """The grants of one person once the act is written down; twice changes nothing.

    A grant on a unit that ends holds until the day before, and one like it on the unit that takes over from the day on.
    """
    after: list[Grant] = []
    new: list[Grant] = []
    for grant in grants:
        if not follows(grant, plan):
            after.append(grant)
            continue
        new_id = f"g-{hashlib.sha256(f'{act_id}|{grant.id}'.encode()).hexdigest()[:20]}"
        moved = {"act": act_id, "to": grant.ends.isoformat() if grant.ends else None, "id": new_id}
        after.append(replace(grant, ends=plan.date - NEXT_DAY, more={**grant.more, "moved": moved}))
        new.append(
            replace(
                grant,
                id=new_id,
                unit_id=plan.heirs[grant.unit_id],
                begins=max(grant.begins or plan.date, plan.date),
                reason=plan.act,
                by=by,
                more={**{name: value for name, value in grant.more.items() if name not in _OURS}, "moved_by": act_id},
            )
        )
    return (*after, *new)


def grants_before(grants: Sequence[Grant], plan: Plan, act_id: str) -> tuple[Grant, ...]:
    """The grants of one person without the act: what it gave is gone, what it ended holds again, the rest stays."""
    kept = []
    for grant in grants:
        if grant.more.get("moved_by") == act_id:
            continue
        if not moved_by(grant, act_id):
            kept.append(grant)
            continue
        until = grant.more["moved"]["to"]
        more = {name: value for name, value in grant.more.items() if name != "moved"}
        ends = grant.ends
        if ends == plan.date - NEXT_DAY:
            ends = date.fromisoformat(until) if until else None
        kept.append(replace(grant, ends=ends, more=more))
    return tuple(kept)
