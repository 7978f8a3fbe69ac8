"""Routes of the map's outlines."""

from typing import Annotated, Any

from fastapi import Body, Header, Response

from lantoa_fleet.api.callers import Drawer, Viewer
from lantoa_fleet.usecases.shapes import Shapes
from lantoa_runtime.http import IfMatch, Routes, etag

_GEOJSON = "application/geo+json"
_ANSWER: dict[str, Any] = {"content": {_GEOJSON: {"schema": {"type": "object"}}}}


def shapes_router(shapes: Shapes) -> Routes:
    """Reading and replacing the outlines."""
    router = Routes()

    @router.get("/shapes", response_class=Response, responses={200: _ANSWER, 304: {"description": "Unchanged"}})
    async def get_shapes(_: Viewer, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """Outlines of units as a GeoJSON FeatureCollection; ``properties`` have ``unit_id``, ``code`` and ``name``."""
        text, ver = await shapes.get()
        headers = {"ETag": etag(ver), "Cache-Control": "private, no-cache"}
        known = [one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")]
        if etag(ver) in known:
            return Response(status_code=304, headers=headers)
        return Response(text, media_type=_GEOJSON, headers=headers)

    @router.put("/shapes", response_class=Response, responses={200: _ANSWER})
    async def put_shapes(caller: Drawer, ver: IfMatch, collection: Annotated[dict[str, Any], Body()]) -> Response:
        """Replace all outlines: polygons whose ``properties`` name a unit by ``unit_id`` or ``code``.

        The first time ``If-Match`` is ``"0"``, the ETag of the empty collection.
        """
        text, new = await shapes.put(caller, ver, collection)
        return Response(text, media_type=_GEOJSON, headers={"ETag": etag(new)})

    return router
