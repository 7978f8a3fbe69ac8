"""The map's outlines: one document for the whole installation."""

import json
from collections.abc import Mapping
from typing import Any

from lantoa_contracts.policy import SHAPES_WRITE
from lantoa_fleet.domain.shapes import checked, no_shapes, units_in
from lantoa_fleet.domain.sheets import Units
from lantoa_runtime.errors import Invalid, StaleVersion
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Collection, DuplicateKey, ReadModel

_ID = "shapes"


class Shapes:
    """Outlines as text with a version, which is the ETag; version 0 is none at all."""

    def __init__(self, collection: Collection, units: ReadModel) -> None:
        self._collection = collection
        self._units = units

    async def known(self) -> dict[str, Any]:
        """The collection."""
        text, _ = await self.get()
        found: dict[str, Any] = json.loads(text)
        return found

    async def get(self) -> tuple[str, int]:
        """The collection as GeoJSON text, and its version."""
        kept = await self._collection.find_one({"_id": _ID})
        return (kept["text"], kept["ver"]) if kept else (json.dumps(no_shapes()), 0)

    async def put(self, caller: Caller, ver: int, collection: Mapping[str, Any]) -> tuple[str, int]:
        """Put a collection in the place of the one with that version.

        Raises:
            Invalid: it is no GeoJSON of ours.
            Forbidden: the caller is no technician of everything above the units in it or in the one before.
            StaleVersion: somebody was faster.
        """
        units = Units(await self._units.collection.find({}, {"code": 1, "name": 1, "path": 1, "valid_to": 1}))

        def unit_of(written: str) -> Mapping[str, Any] | None:
            try:
                return units.by_id[units.find(written, by_name=False)]
            except Invalid:
                return None

        text, _ = await self.get()
        new = checked(collection, unit_of)
        concerned = {*units_in(new), *units_in(json.loads(text))} & units.by_id.keys() or units.by_id.keys()
        for path in {tuple(units.by_id[unit_id]["path"][:1]) for unit_id in concerned}:
            caller.require(SHAPES_WRITE, path)
        written = json.dumps(new, ensure_ascii=False, separators=(",", ":"))
        return written, await self._store(written, ver)

    async def _store(self, text: str, ver: int) -> int:
        fields = {"text": text, "ver": ver + 1}
        if ver == 0:
            try:
                await self._collection.insert_one({"_id": _ID, **fields})
            except DuplicateKey as error:
                raise StaleVersion from error
        elif not (await self._collection.update_one({"_id": _ID, "ver": ver}, {"$set": fields})).matched:
            raise StaleVersion
        return ver + 1
