#!/usr/bin/env python3
"""Make `units.json` of the demo province from the list of dated units and successors.

    python demo/build_units.py travinh_units.json demo/units.json

The input holds the communes of the former province Trà Vinh (generation of 2022: 106) and those that replaced them on
1 July 2025 (41, all of which took over the code of an old one), with links from old code to new code. The output, the
same for the same input:

* every unit under our own id, `u-<code>-<2022|2025>`, because a bare code names two units;
* `kind` in one spelling: province, district, ward (phường), commune (xã), town (thị trấn);
* the old province and its nine districts, and the new province Vĩnh Long as parent of the new communes;
* links `{unit_id, successor_id, date, act}` between communes, and from the old province to the new one. Districts have
  none: the level ended on 1 July 2025, and the communes of one district went into several new ones.

A null `valid_from` means: before the records, a null `valid_to`: still in force; both days are included.
"""

import argparse
import json
import unicodedata
from pathlib import Path
from typing import Any

MERGER_DAY = "2025-07-01"
LAST_OLD_DAY = "2025-06-30"
OLD_PROVINCE = {"code": "84", "name": "Tỉnh Trà Vinh"}
NEW_PROVINCE = {"code": "86", "name": "Tỉnh Vĩnh Long"}
PROVINCE_ACT = "202/2025/QH15"
KINDS = {"phuong": "ward", "phường": "ward", "xa": "commune", "xã": "commune", "thi-tran": "town"}
# The source of the 2022 generation misspells one name; the commune was and is Vinh Kim.
CORRECTED_NAMES = {"Xã Vĩnh Kim": "Xã Vinh Kim"}

Record = dict[str, Any]


def unit_id(code: str, day: str | None) -> str:
    """Our id of the unit that bears this code on that day (None: from before the records)."""
    generation = "2025" if day is not None and day >= MERGER_DAY else "2022"
    return f"u-{code}-{generation}"


def unit(code: str, name: str, kind: str, parent: str | None, **rest: Any) -> Record:
    """One unit as the loader reads it; `rest` gives valid_from, valid_to and, for communes, lat, lon and area_km2."""
    clean = unicodedata.normalize("NFC", " ".join(name.split()))
    return {
        "unit_id": unit_id(code, rest.get("valid_from")),
        "code": code,
        "name": CORRECTED_NAMES.get(clean, clean),
        "kind": kind,
        "parent": parent,
        "valid_from": rest.get("valid_from"),
        "valid_to": rest.get("valid_to"),
        "lat": rest.get("lat"),
        "lon": rest.get("lon"),
        "area_km2": rest.get("area_km2"),
    }


def commune(record: Record) -> Record:
    """A commune, ward or town of either generation under its district (2022) or its province (2025)."""
    district = record["district_code"]
    parent = unit_id(NEW_PROVINCE["code"], MERGER_DAY) if district is None else unit_id(district, None)
    places = {key: record.get(key) for key in ("valid_from", "valid_to", "lat", "lon", "area_km2")}
    return unit(record["code"], record["name"], KINDS[record["type"]], parent, **places)


def convert(source: Record) -> Record:
    """The whole document: source line, units (parents before children, then by id) and successor links."""
    old_province = unit(**OLD_PROVINCE, kind="province", parent=None, valid_to=LAST_OLD_DAY)
    new_province = unit(**NEW_PROVINCE, kind="province", parent=None, valid_from=MERGER_DAY)
    names = {record["district_code"]: record["district"] for record in source["units"] if record["district_code"]}
    districts = [
        unit(code, name, "district", old_province["unit_id"], valid_to=LAST_OLD_DAY)
        for code, name in sorted(names.items())
    ]
    communes = sorted((commune(record) for record in source["units"]), key=lambda made: str(made["unit_id"]))
    links = [
        {
            "unit_id": unit_id(link["old"], None),
            "successor_id": unit_id(link["new"], link["on"]),
            "date": link["on"],
            "act": link["act"],
        }
        for link in source["successors"]
    ]
    merged_province = {
        "unit_id": old_province["unit_id"],
        "successor_id": new_province["unit_id"],
        "date": MERGER_DAY,
        "act": PROVINCE_ACT,
    }
    return {
        "source": source["source"],
        "units": [old_province, new_province, *districts, *communes],
        "successors": sorted([*links, merged_province], key=lambda link: str(link["unit_id"])),
    }


def main() -> None:
    """Read the input path, write the output path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the list of dated units (JSON)")
    parser.add_argument("target", type=Path, help="where to write units.json")
    arguments = parser.parse_args()
    made = convert(json.loads(arguments.source.read_text(encoding="utf-8")))
    text = json.dumps(made, ensure_ascii=False, indent=1)
    arguments.target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
