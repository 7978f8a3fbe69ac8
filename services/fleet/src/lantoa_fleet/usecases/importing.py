"""Many devices at once, from a spreadsheet."""

import asyncio
from collections.abc import Mapping, Sequence

from lantoa_contracts.policy import DEVICE_MANAGE
from lantoa_fleet.domain.claims import is_of, read_code
from lantoa_fleet.domain.groups import Group
from lantoa_fleet.domain.sheets import NEEDED, Judged, Units, Wanted, meaning_of, wanted_of
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.groups import Groups
from lantoa_fleet.usecases.guesses import Guesses
from lantoa_fleet.usecases.receivers import Receivers, Wish, receiver_id
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Forbidden, Invalid
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Collection, Document, ReadModel
from lantoa_runtime.sheets import columns_of

_AT_ONCE = 16
_CODES_A_READ = 500


class Importer:
    """Judges every row, writes the good ones. The same sheet again changes nothing."""

    def __init__(
        self,
        devices: Collection,
        units: ReadModel,
        registry: Registry,
        receivers: Receivers,
        groups: Groups,
        guesses: Guesses,
        desired: DesiredWriter,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._units = units
        self._registry = registry
        self._receivers = receivers
        self._groups = groups
        self._guesses = guesses
        self._desired = desired
        self._clock = clock

    async def run(
        self, caller: Caller, sheet: Sequence[Sequence[str]], site_words: Mapping[str, str], *, dry_run: bool
    ) -> list[Judged]:
        """What became of each row with something in it, or would become of it; numbers are those of the sheet.

        Raises:
            Invalid: the sheet has no header that can be used, or nothing below it.
            TooManyGuesses: the caller's sheets have had too many wrong codes.
        """
        if len(sheet) < 2:
            raise Invalid("sheet-empty")
        columns = columns_of(sheet[0], meaning_of, NEEDED)
        about = {"code": 1, "name": 1, "path": 1, "valid_to": 1}
        units = Units(await self._units.collection.find({}, about))
        judged: list[Judged] = []
        good: list[Wanted] = []
        for number, cells in enumerate(sheet[1:], start=2):
            if any(cells):
                try:
                    wanted = wanted_of(number, cells, columns, units, site_words)
                    caller.require(DEVICE_MANAGE, units.by_id[wanted.place.unit_id]["path"])
                except (Invalid, Forbidden) as why:
                    judged.append(Judged(number, "refused", why))
                else:
                    good.append(wanted)
        known = await self._known(good)
        with self._desired.held():
            judged += await self._write(caller, good, known, units, dry_run=dry_run)
        return sorted(judged, key=lambda one: one.row)

    async def _known(self, wanted: Sequence[Wanted]) -> dict[str, Document]:
        """Devices by the code that they show, receivers by their id."""
        keys = sorted({_key(one) for one in wanted})
        about = {
            "claim_code": 1, "state": 1, "kind": 1, "public_key": 1, "code_until": 1, "claimed_by": 1, "unit_id": 1,
            "name": 1,
        }  # fmt: skip
        found: dict[str, Document] = {}
        for begin in range(0, len(keys), _CODES_A_READ):
            some = {"claim_code": {"$in": keys[begin : begin + _CODES_A_READ]}}
            found |= {device["claim_code"]: device for device in await self._devices.find(some, about)}
        return found

    async def _write(
        self,
        caller: Caller,
        wanted: Sequence[Wanted],
        known: Mapping[str, Document],
        units: Units,
        *,
        dry_run: bool,
    ) -> list[Judged]:
        judged: list[Judged] = []
        to_write: list[Wanted] = []
        first: dict[str, int] = {}
        for one in wanted:
            key = _key(one)
            try:
                if key in first:
                    raise Invalid("fleet.row-twice", other=first[key])
                device = known.get(key)
                if device is None and not one.mqtt:
                    await self._guesses.take(caller.id)
                same = self._judge(caller, one, device)
            except (Invalid, Conflict) as why:
                judged.append(Judged(one.row, "refused", why))
                continue
            first[key] = one.row
            if same:
                judged.append(Judged(one.row, "unchanged", device_id=same))
            else:
                to_write.append(one)
        if dry_run:
            return [*judged, *(Judged(one.row, "created") for one in to_write)]
        groups = {one.place.groups: await self._groups.named(one.place.groups) for one in to_write}
        gate = asyncio.Semaphore(_AT_ONCE)

        def path(one: Wanted) -> Sequence[str]:
            found: Sequence[str] = units.by_id[one.place.unit_id]["path"]
            return found

        async def claim(one: Wanted) -> Judged:
            async with gate:
                return await self._claim(caller, one, known[_key(one)]["_id"], path(one), groups[one.place.groups])

        judged += await asyncio.gather(*(claim(one) for one in to_write if not one.mqtt))
        new = {_key(one): one for one in to_write if one.mqtt}
        wishes = [
            Wish(key, one.kind or "radio", one.place, path(one), groups[one.place.groups]) for key, one in new.items()
        ]
        tokens = await self._receivers.put_all(caller, wishes)
        # Without a token it was made just now by somebody else, who reads the same sheet.
        return judged + [
            Judged(one.row, "created" if key in tokens else "unchanged", device_id=key, token=tokens.get(key))
            for key, one in new.items()
        ]

    def _judge(self, caller: Caller, wanted: Wanted, device: Document | None) -> str | None:
        """The device's id where the row is true already, or ``None`` where it can be made true.

        Raises:
            Invalid, Conflict: why it cannot.
        """
        if device is None:
            if wanted.mqtt:
                return None
            raise Invalid("fleet.unknown-claim-code")
        if device["state"] == "revoked":
            raise Conflict("fleet.device-revoked")
        fingerprint = read_code(wanted.claim_code).fingerprint
        if fingerprint is not None and not is_of(fingerprint, device["public_key"]):
            raise Invalid("fleet.another-device")
        if wanted.kind is not None and wanted.kind != device["kind"]:
            raise Invalid("fleet.other-kind", kind=device["kind"])
        if device["state"] == "accepted":
            same = (device["unit_id"], device["name"]) == (wanted.place.unit_id, wanted.place.name)
            if same and (wanted.mqtt or device["claimed_by"] == caller.id):
                return str(device["_id"])
            raise Conflict("fleet.already-claimed")
        now = self._clock.now()
        if device.get("code_until", now) <= now:
            raise Invalid("fleet.claim-code-expired")
        return None

    async def _claim(
        self, caller: Caller, one: Wanted, device_id: str, path: Sequence[str], groups: Sequence[Group]
    ) -> Judged:
        try:
            await self._registry.accept(caller, device_id, one.place, path, groups)
        except AppError as why:
            return Judged(one.row, "refused", why)
        return Judged(one.row, "created", device_id=device_id)


def _key(wanted: Wanted) -> str:
    """What stands in ``claim_code`` of the device that is meant. Within a unit its name makes a receiver this one."""
    if wanted.mqtt:
        return receiver_id(f"{wanted.place.unit_id}\n{wanted.place.name}")
    return read_code(wanted.claim_code).code
