"""Outlines from people's files."""

from typing import Any

import pytest

from lantoa_fleet.domain.shapes import MOST_POINTS, MOST_SHAPES, checked, units_in
from lantoa_runtime.errors import Invalid

UNIT = {"_id": "u-1", "code": "29308", "name": "Xã Cầu Kè"}
RING = [[106.0, 9.8], [106.1, 9.8], [106.1, 9.9], [106.0, 9.8]]


def _unit_of(written: str) -> dict[str, str] | None:
    return UNIT if written in ("u-1", "29308") else None


def _shape(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    geometry = geometry or {"type": "Polygon", "coordinates": [RING]}
    return {"type": "Feature", "properties": properties or {"code": 29308, "colour": "red"}, "geometry": geometry}


def _collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_an_outline_keeps_its_points_and_says_whose_it_is_and_nothing_else() -> None:
    many = {"type": "MultiPolygon", "coordinates": [[[[*point, 12.5] for point in RING]], [RING, RING]]}
    taken = checked(_collection(_shape(many)), _unit_of)
    assert units_in(taken) == ["u-1"]
    (feature,) = taken["features"]
    assert feature["properties"] == {"unit_id": "u-1", "code": "29308", "name": "Xã Cầu Kè"}
    assert feature["geometry"] == {"type": "MultiPolygon", "coordinates": [[RING], [RING, RING]]}


def _polygon(*ring: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(ring)]}


@pytest.mark.parametrize(
    ("collection", "code", "pointer"),
    [
        ({"type": "Feature"}, "fleet.shapes-not-geojson", "/type"),
        (_collection("x"), "fleet.shapes-not-geojson", "/features/0"),
        (_collection(_shape(unit_id="u-9")), "fleet.shapes-unknown-unit", "/features/0/properties/unit_id"),
        (_collection(_shape(name="?")), "fleet.shapes-unknown-unit", "/features/0/properties"),
        (_collection(_shape(), _shape()), "fleet.shapes-unit-twice", "/features/1/properties"),
        (_collection(_shape({"type": "Point", "coordinates": [1, 2]})), "fleet.shapes-not-polygon", None),
        (_collection(_shape({"type": "Polygon", "coordinates": []})), "fleet.shapes-not-polygon", None),
        (_collection(_shape(_polygon([0, 0], [1, 1], [0, 0]))), "fleet.shapes-not-polygon", None),
        (_collection(_shape(_polygon([0, 0], [1, 1], [2, 0], [0, 1]))), "fleet.shapes-open-ring", None),
        (_collection(_shape(_polygon([0, 0], [1, 91], [2, 0], [0, 0]))), "fleet.shapes-off-the-map", None),
        (_collection(_shape(_polygon([0, 0], [True, 1], [2, 0], [0, 0]))), "fleet.shapes-off-the-map", None),
        (_collection(_shape(_polygon([0, 0], ["1", 1], [2, 0], [0, 0]))), "fleet.shapes-off-the-map", None),
        (_collection(*[_shape()] * (MOST_SHAPES + 1)), "fleet.shapes-too-many", "/features"),
        (_collection(_shape(_polygon(*[[0, 0]] * (MOST_POINTS + 1)))), "fleet.shapes-too-many", None),
    ],
)
def test_what_is_no_outline_of_a_unit_is_refused_with_its_place(
    collection: dict[str, Any], code: str, pointer: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        checked(collection, _unit_of)
    assert refused.value.code == code
    assert refused.value.pointer == (pointer or "/features/0/geometry")
