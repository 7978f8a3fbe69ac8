"""Who did what to what: a chain of entries for each unit, written from events and changed by nobody."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.envelope import Act
from lantoa_contracts.policy import AUDIT_READ, EVERYWHERE
from lantoa_directory.domain import audit as rules
from lantoa_directory.usecases.people import Reach
from lantoa_runtime.bus.delivery import Meta
from lantoa_runtime.errors import NotFound, Unavailable
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Database, Document, DuplicateKey, newest_first
from lantoa_signing.chain import FIELDS, GENESIS, Head, linked

_RACES = 100
_BATCH = 500


@dataclass(frozen=True)
class Looked:
    """What entries are asked for: of a unit and all below it, of a person, of one kind or a service, in a time."""

    unit_id: str | None = None
    person_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Scope:
    """The chains that a caller may read; ``None`` for all of them."""

    chains: tuple[str, ...] | None

    def has(self, chain: str) -> bool:
        """Whether a chain is one of them."""
        return self.chains is None or chain in self.chains


class Audit:
    """The chains. There is no way to change or remove an entry, only to add one at a chain's end."""

    def __init__(self, db: Database, reach: Reach) -> None:
        self._entries = db["audit"]
        self._chains = db["audit_chains"]
        self._reach = reach

    # -- writing -----------------------------------------------------------------------------------------------------

    async def fold(self, body: Mapping[str, Any], meta: Meta) -> str | None:
        """Write down what an event tells of somebody's act, once; the service it came from, ``None`` for no act.

        Raises:
            Unavailable, MongoError: not written; doing it again is harmless.
        """
        action = rules.action_of(meta.type)
        act = meta.act
        if action in rules.OF_THEMSELVES:
            act = Act(str(body.get("person_id") or ""), str(body.get("place") or (act.origin if act else "")))
        if act is None:
            return None
        told = {
            "actor": act.actor,
            "action": action,
            "object": rules.object_of(meta.id),
            "before": act.before,
            "after": act.after,
            "origin": act.origin,
            "trace_id": rules.trace_of(meta.traceparent),
        }
        await self._append(f"{meta.type}:{meta.id}", rules.unit_of(body), meta.time, told)
        service = rules.service_of(meta.source)
        return service if service in SERVICES else "directory"

    async def note(self, caller: Caller, action: str, object_: str, at: datetime) -> None:
        """Write down what somebody did that no event tells of, such as taking data away.

        Raises:
            Unavailable, MongoError: not written.
        """
        told = {"actor": caller.id, "action": action, "object": object_, "origin": caller.origin}
        await self._append(f"{action}:{new_id(at)}", None, at, {"before": "", "after": "", "trace_id": "", **told})

    async def _append(self, event: str, unit_id: str | None, at: datetime, told: Mapping[str, str]) -> None:
        at = rules.to_the_millisecond(at)
        chain = unit_id or await self._home(told["actor"])
        for _ in range(_RACES):
            head = await self.head(chain)
            seq, prev = (head.seq + 1, head.hash) if head else (1, GENESIS)
            entry = linked({**told, "chain": chain, "seq": seq, "at": rules.at_text(at), "event": event}, prev)
            try:
                # (chain, seq) is unique: of two writers at once one gets the place, the other looks again.
                await self._entries.insert_one({**entry, "_id": event, "at": at})
            except DuplicateKey:
                written = await self._entries.find_one({"_id": event}, {"chain": 1, "seq": 1})
                if written is None:
                    continue
                # Whoever wrote it may have died before the chain was known to have grown.
                chain, seq = written["chain"], written["seq"]
            await self._grown(chain, {"seq": seq})
            return
        raise Unavailable("mongo")

    async def _home(self, actor: str) -> str:
        person = await self._reach.people.collection.find_one({"_id": actor}, {"body": 1})
        return (person and person["body"]) or rules.PLATFORM

    async def _grown(self, chain: str, most: Mapping[str, int]) -> None:
        try:
            await self._chains.update_one({"_id": chain}, {"$max": dict(most)}, upsert=True)
        except DuplicateKey:
            await self._chains.update_one({"_id": chain}, {"$max": dict(most)})

    # -- heads -------------------------------------------------------------------------------------------------------

    async def head(self, chain: str) -> Head | None:
        """The end of a chain; ``None`` for one that has no entry."""
        found = await self._entries.find({"chain": chain}, {"seq": 1, "hash": 1}, sort=[("seq", -1)], limit=1)
        return Head(chain, found[0]["seq"], found[0]["hash"]) if found else None

    async def moved(self, most: int) -> list[Head]:
        """The ends of chains that have grown since they were sealed, at most so many."""
        grown = [one["_id"] for one in await self._chains.find({}) if one.get("seq", 0) > one.get("sealed", 0)]
        heads = [await self.head(chain) for chain in sorted(grown)[:most]]
        return [head for head in heads if head is not None]

    async def sealed(self, heads: list[Head]) -> None:
        """Take note that these ends are sealed."""
        for head in heads:
            await self._grown(head.chain, {"sealed": head.seq})

    # -- reading -----------------------------------------------------------------------------------------------------

    async def scope(self, caller: Caller) -> Scope:
        """What a caller may read: the chains of their units; who stands at a root, also what belongs to no unit."""
        roots = caller.units(AUDIT_READ)
        if EVERYWHERE in roots:
            return Scope(None)
        units = await self._reach.units.find({"path": {"$in": list(roots)}}, {"path": 1})
        at_root = any(len(unit["path"]) == 1 for unit in units)
        return Scope((*(unit["_id"] for unit in units), *((rules.PLATFORM,) if at_root else ())))

    async def look(
        self, caller: Caller, looked: Looked, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """Entries, the newest first, and the cursor of the next page.

        Raises:
            NotFound: the unit is not one of the caller's.
            AppError: ``bad-cursor``.
        """
        return await newest_first(self._entries, await self._where(caller, looked), "at", cursor, limit)

    async def _where(self, caller: Caller, looked: Looked) -> dict[str, Any]:
        scope = await self.scope(caller)
        where: dict[str, Any] = {} if scope.chains is None else {"chain": {"$in": list(scope.chains)}}
        if looked.unit_id is not None:
            below = await self._reach.units.find({"path": looked.unit_id}, {"_id": 1})
            chains = [unit["_id"] for unit in below if scope.has(unit["_id"])]
            if looked.unit_id not in chains:
                raise NotFound("unit")
            where["chain"] = {"$in": chains}
        if looked.person_id is not None:
            where["actor"] = looked.person_id
        if looked.action is not None:
            # A range instead of an expression: "content." is all that begins so.
            begins = {"$gte": looked.action, "$lt": f"{looked.action[:-1]}{chr(ord(looked.action[-1]) + 1)}"}
            where["action"] = begins if looked.action.endswith(".") else looked.action
        days = {"$gte": looked.since, "$lt": looked.until}
        if bounds := {name: at for name, at in days.items() if at is not None}:
            where["at"] = bounds
        return where

    async def chains(self, caller: Caller) -> list[tuple[Head, int]]:
        """The ends of the chains that a caller may read, each with the ``seq`` up to which it is sealed."""
        scope = await self.scope(caller)
        known = {one["_id"]: one.get("sealed", 0) for one in await self._chains.find({}) if scope.has(one["_id"])}
        heads = [await self.head(chain) for chain in sorted(known)]
        return [(head, known[head.chain]) for head in heads if head is not None]

    async def names(self, documents: list[Document]) -> tuple[dict[str, str], dict[str, str]]:
        """The names of the units and of the people in entries, by id, as they are called today."""
        chains, actors = ({one[name] for one in documents} for name in ("chain", "actor"))
        return await self.unit_names(chains), await self._names(self._reach.people.collection, actors)

    async def unit_names(self, ids: set[str]) -> dict[str, str]:
        """The names of units by id."""
        return await self._names(self._reach.units, ids)

    @staticmethod
    async def _names(collection: Any, ids: set[str]) -> dict[str, str]:
        found = await collection.find({"_id": {"$in": sorted(ids)}}, {"name": 1})
        return {one["_id"]: one["name"] for one in found}

    async def readable(self, caller: Caller, chain: str) -> None:
        """Pass when the caller may read a chain that is there.

        Raises:
            NotFound: it is not, or is not theirs to read.
        """
        if not (await self.scope(caller)).has(chain) or await self.head(chain) is None:
            raise NotFound("chain")

    async def entries_of(self, chain: str) -> AsyncIterator[dict[str, Any]]:
        """All of a chain in its order, as it was hashed."""
        after = 0
        while found := await self._entries.find(
            {"chain": chain, "seq": {"$gt": after}}, sort=[("seq", 1)], limit=_BATCH
        ):
            for document in found:
                yield told(document)
            after = found[-1]["seq"]


def told(document: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it was hashed, of its document."""
    entry = {name: document.get(name) for name in (*FIELDS, "prev", "hash")}
    return {**entry, "at": rules.at_text(document["at"])}
