"""Outlines of units as GeoJSON (RFC 7946), checked point by point: they come from people's files."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lantoa_runtime.errors import Invalid

MOST_SHAPES = 2000
MOST_POINTS = 100_000
DECIMALS = 6
"""About ten centimetres; more digits only make the file large."""
_SHORTEST_RING = 4
_EMPTY: dict[str, Any] = {"type": "FeatureCollection", "features": []}


def no_shapes() -> dict[str, Any]:
    """What there is before anybody has brought any."""
    return dict(_EMPTY)


def checked(collection: Mapping[str, Any], unit_of: Callable[[str], Mapping[str, Any] | None]) -> dict[str, Any]:
    """The collection with nothing in it but polygons of known units, their ids, codes and names.

    ``unit_of`` finds a unit by its id or code.

    Raises:
        Invalid: with a pointer to what is wrong.
    """
    features = collection.get("features")
    if collection.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise Invalid("fleet.shapes-not-geojson", "/type")
    if len(features) > MOST_SHAPES:
        raise Invalid("fleet.shapes-too-many", "/features", most=MOST_SHAPES, points=MOST_POINTS)
    points, seen, taken = 0, set[str](), []
    for number, feature in enumerate(features):
        at = f"/features/{number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Invalid("fleet.shapes-not-geojson", at)
        unit = _unit(feature.get("properties"), at, unit_of)
        if unit["_id"] in seen:
            raise Invalid("fleet.shapes-unit-twice", f"{at}/properties", unit=unit["name"])
        seen.add(unit["_id"])
        geometry, count = _geometry(feature.get("geometry"), f"{at}/geometry")
        points += count
        if points > MOST_POINTS:
            raise Invalid("fleet.shapes-too-many", f"{at}/geometry", most=MOST_SHAPES, points=MOST_POINTS)
        about = {"unit_id": unit["_id"], "code": unit["code"], "name": unit["name"]}
        taken.append({"type": "Feature", "properties": about, "geometry": geometry})
    return {"type": "FeatureCollection", "features": taken}


def units_in(collection: Mapping[str, Any]) -> list[str]:
    """The units whose shapes a checked collection has."""
    return [feature["properties"]["unit_id"] for feature in collection["features"]]


def _unit(properties: Any, at: str, unit_of: Callable[[str], Mapping[str, Any] | None]) -> Mapping[str, Any]:
    named = properties if isinstance(properties, dict) else {}
    for field in ("unit_id", "code"):
        value = named.get(field)
        if isinstance(value, str | int) and not isinstance(value, bool):
            unit = unit_of(str(value))
            if unit is None:
                raise Invalid("fleet.shapes-unknown-unit", f"{at}/properties/{field}", written=str(value)[:40])
            return unit
    raise Invalid("fleet.shapes-unknown-unit", f"{at}/properties", written="")


def _geometry(geometry: Any, at: str) -> tuple[dict[str, Any], int]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "Polygon":
        polygon = _polygon(coordinates, at)
        return {"type": kind, "coordinates": polygon}, _count([polygon])
    if kind == "MultiPolygon" and isinstance(coordinates, list) and coordinates:
        polygons = [_polygon(one, at) for one in coordinates]
        return {"type": kind, "coordinates": polygons}, _count(polygons)
    raise Invalid("fleet.shapes-not-polygon", at)


def _count(polygons: Iterable[Iterable[list[Any]]]) -> int:
    return sum(len(ring) for polygon in polygons for ring in polygon)


def _polygon(rings: Any, at: str) -> list[list[list[float]]]:
    if not isinstance(rings, list) or not rings:
        raise Invalid("fleet.shapes-not-polygon", at)
    return [_ring(ring, at) for ring in rings]


def _ring(ring: Any, at: str) -> list[list[float]]:
    if not isinstance(ring, list) or len(ring) < _SHORTEST_RING:
        raise Invalid("fleet.shapes-not-polygon", at)
    points = [_point(point, at) for point in ring]
    if points[0] != points[-1]:
        raise Invalid("fleet.shapes-open-ring", at)
    return points


def _point(point: Any, at: str) -> list[float]:
    if not isinstance(point, list) or not 2 <= len(point) <= 3:
        raise Invalid("fleet.shapes-not-polygon", at)
    lon, lat = point[0], point[1]
    fit = all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in (lon, lat))
    if not fit or abs(lon) > 180 or abs(lat) > 90:
        raise Invalid("fleet.shapes-off-the-map", at)
    return [round(lon, DECIMALS), round(lat, DECIMALS)]


def unit_at(collection: Mapping[str, Any], unit_ids: Iterable[str], lon: float, lat: float) -> str | None:
    """Which of these units has the point within its outline; ``None`` where none has, or several have."""
    wanted = frozenset(unit_ids)
    shapes = [one for one in collection["features"] if one["properties"]["unit_id"] in wanted]
    found = {one["properties"]["unit_id"] for one in shapes if _holds(one["geometry"], lon, lat)}
    return found.pop() if len(found) == 1 else None


def _holds(geometry: Mapping[str, Any], lon: float, lat: float) -> bool:
    """Even-odd over all rings: a hole takes away what it cuts out."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    crossings = 0
    for polygon in polygons:
        for ring in polygon:
            for (x1, y1), (x2, y2) in itertools.pairwise(ring):
                if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
                    crossings += 1
    return crossings % 2 == 1
