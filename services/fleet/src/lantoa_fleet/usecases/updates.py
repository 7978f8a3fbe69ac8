"""Updates of devices' programs: a signed manifest, told wave by wave, stopped by itself when too many fail."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import structlog

from lantoa_contracts.catalogue import UPDATE_TURNED
from lantoa_contracts.events.fleet import UpdateTurned
from lantoa_contracts.policy import DEVICE_READ, DEVICE_UPDATE
from lantoa_fleet import telemetry
from lantoa_fleet.domain import updates as rules
from lantoa_fleet.domain.listing import Filter, common_unit
from lantoa_fleet.domain.updates import Seen, Target
from lantoa_fleet.usecases.commands import Orders
from lantoa_fleet.usecases.lease import Lease
from lantoa_fleet.usecases.listing import Listing
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Aggregates, Collection, Document, Outgoing, SetOne
from lantoa_signing.documents import SigningKey

log = structlog.get_logger()

_BATCH = 500
COMMAND_LIFETIME = timedelta(minutes=5)
_ACTIVE = ("running", "stopped")


@dataclass(frozen=True)
class Release:
    """A version and the files it is made of, as somebody asks for it."""

    version: str
    files: Sequence[tuple[str, str]]
    """Path and sha256 of each; the files are stored already."""
    filter: Filter
    device_ids: Sequence[str] | None
    waves: tuple[str, ...]
    error_limit: float
    patience: timedelta


class Updates:
    """The documents of updates (``updates``) and of their devices (``targets``), and the one who moves them on."""

    def __init__(
        self,
        updates: Aggregates,
        targets: Collection,
        devices: Collection,
        listing: Listing,
        orders: Orders,
        blobs: Blobs,
        key: SigningKey,
        lease: Lease,
        clock: Clock,
    ) -> None:
        self._kept = updates
        self._updates = updates.collection
        self._targets = targets
        self._devices = devices
        self._listing = listing
        self._orders = orders
        self._blobs = blobs
        self._key = key
        self._lease = lease
        self._clock = clock
        self._held: dict[str, tuple[int, list[Target]]] = {}

    # -- people -------------------------------------------------------------------------------------------------

    async def begin(self, caller: Caller, update_id: str, release: Release) -> Document:
        """Store an update and let it begin.

        Raises:
            Invalid: a file is not stored, nothing to update, or not so written.
            Forbidden: not a technician of every device.
            Conflict: another update of one of the devices runs.
            DuplicateKey: this update is stored already.
        """
        ids = await self._devices_of(caller, release)
        files: list[dict[str, Any]] = []
        for number, (path, sha256) in enumerate(release.files):
            try:
                size = await self._blobs.size(sha256)
            except NotFound as error:
                raise Invalid("fleet.file-not-stored", f"/files/{number}/sha256") from error
            files.append({"path": rules.checked_path(path, f"/files/{number}/path"), "sha256": sha256, "bytes": size})
        if len({file["path"] for file in files}) != len(files):
            raise Invalid("fleet.path-twice", "/files")
        await self._refuse_second(ids)
        signed = self._key.sign(rules.manifest_text(release.version, files)).model_dump_json().encode()
        manifest = await self._blobs.put(signed, "application/json")
        fields = {
            "version": release.version,
            "files": files,
            "manifest": manifest.model_dump(),
            "hashes": sorted({manifest.sha256, *(file["sha256"] for file in files)}),
            "waves": list(release.waves),
            "error_limit": release.error_limit,
            "patience_s": release.patience.total_seconds(),
            "rolls_back": None,
        }
        return await self._store(update_id, fields, ids, caller)

    async def _devices_of(self, caller: Caller, release: Release) -> list[str]:
        shots = await self._listing.all(caller, release.filter)
        rows = {shot.row.device_id: shot.row for shot in shots if shot.row.accepted}
        if release.device_ids is not None:
            for number, device_id in enumerate(release.device_ids):
                if device_id not in rows:
                    raise Invalid("fleet.no-such-device", f"/device_ids/{number}")
            rows = {device_id: rows[device_id] for device_id in release.device_ids}
        for row in rows.values():
            caller.require(DEVICE_UPDATE, row.path)
        if not rows:
            raise Invalid("fleet.no-devices")
        return list(rows)

    async def _refuse_second(self, ids: Sequence[str]) -> None:
        wanted = set(ids)
        for other in await self._updates.find({"state": {"$in": list(_ACTIVE)}}, {"version": 1}):
            taken = await self._targets.find({"update_id": other["_id"]}, {"device_id": 1, "state": 1})
            if any(one["device_id"] in wanted and one["state"] in ("waiting", "told") for one in taken):
                raise Conflict("fleet.update-runs", version=other["version"])

    async def _store(self, update_id: str, fields: Mapping[str, Any], ids: Sequence[str], caller: Caller) -> Document:
        ordered = sorted(ids, key=lambda device_id: rules.turn_of(update_id, device_id))
        rows = [
            {"_id": f"{update_id}:{device_id}", "update_id": update_id, "turn": turn, **asdict(Target(device_id))}
            for turn, device_id in enumerate(ordered)
        ]
        for begin in range(0, len(rows), _BATCH):
            await self._targets.insert_many(rows[begin : begin + _BATCH])
        roster = self._listing.roster
        paths = [roster.rows[device_id].path for device_id in ids]
        update = {
            "state": "running",
            "reason": "",
            "wave": 1,
            "units": sorted({unit_id for path in paths for unit_id in path}),
            "unit_id": common_unit(paths),
            "devices": len(ids),
            "begun_at": self._clock.now(),
            "by": caller.id,
            "by_name": caller.name,
            **fields,
        }
        return await self._kept.insert(update_id, update, self._turned({**update, "_id": update_id}, 1))

    async def page(self, caller: Caller, limit: int) -> list[Document]:
        """The last updates of devices that the caller may see, the newest first."""
        found = await self._updates.find({"units": {"$in": list(caller.units(DEVICE_READ))}})
        return sorted(found, key=lambda update: update["begun_at"], reverse=True)[:limit]

    async def get(self, caller: Caller, update_id: str) -> Document:
        """An update.

        Raises:
            NotFound: there is none for this caller.
        """
        update = await self._updates.find_one({"_id": update_id})
        if update is None or not caller.may(DEVICE_READ, update["units"]):
            raise NotFound("update")
        return update

    async def find(self, update_id: str) -> Document | None:
        """An update, whoever asks."""
        return await self._updates.find_one({"_id": update_id})

    async def targets(self, update_id: str) -> list[Document]:
        """The devices of an update in their order."""
        found = await self._targets.find({"update_id": update_id})
        return sorted(found, key=lambda target: target["turn"])

    async def turn_to(self, caller: Caller, update_id: str, state: str) -> Document:
        """Stop an update (nobody more is told) or let it go on.

        Raises:
            NotFound, Forbidden: not seen, or not a technician of every unit of it.
            Conflict: it is over.
        """
        update = await self._own(caller, update_id)
        if update["state"] == state:
            return update
        if update["state"] not in _ACTIVE:
            raise Conflict("fleet.update-over")
        fields: dict[str, Any] = {"state": state, "reason": "by-hand" if state == "stopped" else ""}
        if state == "running":
            fields["forgiven"] = sum(one["state"] == "failed" for one in await self.targets(update_id))
        return await self._save(update, fields)

    async def roll_back(self, caller: Caller, update_id: str) -> list[Document]:
        """Bring every device that was told back to the version it ran before; the updates that do so.

        Raises:
            NotFound, Forbidden: not seen, or not a technician of every unit of it.
            Conflict: rolled back already, nobody was told, or no update brought the earlier version here.
        """
        update = await self._own(caller, update_id)
        if update["state"] == "rolled_back":
            return await self._updates.find({"rolls_back": update_id})
        earlier: dict[str, list[str]] = collections.defaultdict(list)
        for target in await self.targets(update_id):
            if target["state"] in ("told", "done", "failed") and target["earlier"]:
                earlier[target["earlier"]].append(target["device_id"])
        if not earlier:
            raise Conflict("fleet.nothing-to-roll-back")
        sources: dict[str, Document] = {}
        for version in earlier:
            found = await self._updates.find({"version": version, "rolls_back": None})
            if not found:
                raise Conflict("fleet.no-earlier-version", version=version)
            sources[version] = max(found, key=lambda one: one["begun_at"])
        made = []
        for number, version in enumerate(sorted(earlier)):
            source, back_id = sources[version], f"{update_id}-r{number}"
            known = [device_id for device_id in earlier[version] if device_id in self._listing.roster.rows]
            same = ("version", "files", "manifest", "hashes", "patience_s")
            fields = {name: source[name] for name in same} | {
                "waves": ["100%"],
                "error_limit": 1.0,
                "rolls_back": update_id,
            }
            # Done once more after a crash it makes the same ones.
            made.append(await self.find(back_id) or await self._store(back_id, fields, known, caller))
        await self._save(update, {"state": "rolled_back", "reason": "by-hand"})
        return made

    async def _own(self, caller: Caller, update_id: str) -> Document:
        update = await self.get(caller, update_id)
        await self._listing.roster.fresh()
        rows = self._listing.roster.rows
        for target in await self.targets(update_id):
            row = rows.get(target["device_id"])
            if row is not None and not caller.may(DEVICE_UPDATE, row.path):
                raise Forbidden
        return update

    async def _save(self, update: Mapping[str, Any], fields: Mapping[str, Any]) -> Document:
        events = self._turned({**update, **fields}, update["ver"] + 1) if "state" in fields else []
        return await self._kept.save(update, fields, events)

    def _turned(self, update: Mapping[str, Any], ver: int) -> list[Outgoing]:
        same = {name: update[name] for name in ("version", "state", "devices")}
        now, unit_id = self._clock.now(), update.get("unit_id")  # None of the release before.
        event = UpdateTurned(update_id=update["_id"], ver=ver, unit_id=unit_id, at=now, **same)
        return [Outgoing(UPDATE_TURNED, event)]

    # -- files --------------------------------------------------------------------------------------------------

    async def fetchable(self, hashes: Sequence[str]) -> frozenset[str]:
        """Which of these hashes belong to an update, so that devices may fetch them."""
        if not hashes:
            return frozenset()
        found = await self._updates.find({"hashes": {"$in": list(hashes)}}, {"hashes": 1})
        return frozenset(hashes) & frozenset(sha256 for update in found for sha256 in update["hashes"])

    # -- the job ------------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Move every running update on by a step.

        Raises:
            MongoError: the database is away; do it again.
        """
        if not self._lease.held:
            self._held.clear()
            return
        running = await self._updates.find({"state": "running"})
        counts: collections.Counter[str] = collections.Counter()
        for update in running:
            try:
                targets = await self._step(update)
            except StaleVersion:  # Somebody stopped it in this moment.
                self._held.pop(update["_id"], None)
                continue
            counts.update(target.state for target in targets)
        for state in telemetry.TARGET_STATES:
            telemetry.UPDATE_DEVICES.labels(state).set(counts[state])

    async def _step(self, update: Document) -> list[Target]:
        update_id = update["_id"]
        ver, targets = self._held.get(update_id, (0, []))
        if ver != update["ver"]:
            names = Target.__dataclass_fields__
            targets = [Target(**{name: one[name] for name in names}) for one in await self.targets(update_id)]
        seen = await self._seen(update_id, targets)
        step = rules.step(
            targets,
            seen,
            update["waves"],
            update["wave"],
            update["version"],
            update["error_limit"],
            self._clock.now(),
            timedelta(seconds=update["patience_s"]),
            forgiven=update.get("forgiven", 0),
        )
        tell = list(step.tell)
        if tell:
            now = self._clock.now()
            for target in tell:
                target.state, target.wave, target.told_at = "told", step.wave, now
                target.earlier = seen[target.device_id].version
            if step.wave != update["wave"]:
                update = await self._save(update, {"wave": step.wave})
            await self._tell(update, tell)
        await self._keep(update_id, [*step.changed, *tell])
        if step.verdict != "run":
            state = "stopped" if step.verdict == "stop" else "finished"
            update = await self._save(update, {"state": state, "reason": step.reason, "ended_at": self._clock.now()})
            log.warning("update is over", update_id=update_id, state=state, reason=step.reason)
        self._held[update_id] = (update["ver"], targets)
        return targets

    async def _seen(self, update_id: str, targets: Sequence[Target]) -> dict[str, Seen]:
        """What is known now of the devices; those that are no more count as away."""
        roster = await self._listing.roster.fresh()
        told = {target.device_id: target.told_at for target in targets if target.state == "told"}
        answers: dict[str, tuple[str, str]] = {}
        if told:
            for command in await self._orders.of_update(update_id):
                # Of a device that was told more than once the last word counts.
                answers[command["device_id"]] = (command["state"], command.get("detail", ""))
        found: dict[str, Seen] = {}
        for target in targets:
            row = roster.rows.get(target.device_id)
            version = self._listing.version_of(row) if row else None
            answer, detail = answers.get(target.device_id, ("", ""))
            found[target.device_id] = Seen(bool(row and row.accepted and row.online), version, answer, detail)
        return found

    async def _tell(self, update: Mapping[str, Any], tell: Sequence[Target]) -> None:
        """One order for the devices of a step. After a crash in between they are told once more, which does no harm."""
        manifest = update["manifest"]
        args = {
            "version": update["version"],
            "manifest_sha256": manifest["sha256"],
            "manifest_bytes": manifest["bytes"],
        }
        order_id = new_id(self._clock.now())
        await self._devices.set_many(
            [SetOne(one.device_id, {"wanted_version": update["version"]}, {"state": "accepted"}) for one in tell]
        )
        devices = [(target.device_id, args) for target in tell]
        await self._orders.store(
            order_id, "update", devices, COMMAND_LIFETIME, update["by"], update["by_name"], update["_id"]
        )

    async def _keep(self, update_id: str, changed: Sequence[Target]) -> None:
        writes = {
            target.device_id: SetOne(f"{update_id}:{target.device_id}", asdict(target), {"update_id": update_id})
            for target in changed
        }
        if writes:
            await self._targets.set_many(list(writes.values()))
