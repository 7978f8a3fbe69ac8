"""Units from a spreadsheet and from the repository's list: each row is judged, the good ones are written."""

import io
import json

from openpyxl import Workbook

from lantoa_runtime.http.auth import Caller, Grant

HEADER = ["Mã", "Tên", "Loại", "Trực thuộc", "Từ ngày", "Hệ thống", "Vĩ độ", "Kinh độ"]
ROWS = [
    ["30001", "Xã Long Hòa", "Xã", "p", "01/07/2025", "", "9,75", "106.45"],
    ["DU", "Đảng ủy xã Long Hòa", "Cơ quan", "30001", "2025-07-01", "Đảng, đoàn thể", "", ""],
    ["30002", "Xã Lạ", "máy bay", "p", "", "", "", ""],
    ["30003", "Xã Mồ Côi", "xã", "99999", "", "", "", ""],
    ["30004", "Xã Nửa Điểm", "xã", "p", "2025-07-01", "", "9.7", ""],
    ["30001", "Xã Long Hòa", "xã", "p", "2025-07-01", "", "", ""],
    ["30005", "Xã Con", "xã", "30006", "2025-07-01", "", "", ""],
    ["30006", "Xã Cha", "xã", "30005", "2025-07-01", "", "", ""],
    ["1", "Phường Trà Vinh", "phường", "p", "2025-07-01", "", "", ""],
]
REFUSED = {
    4: "directory.row-unknown-kind",
    5: "directory.row-unknown-unit",
    6: "directory.row-half-a-point",
    7: "directory.row-twice",
    8: "directory.own-ancestor",
    9: "directory.own-ancestor",
}


def book(*rows):
    made, file = Workbook(), io.BytesIO()
    for row in rows:
        made.active.append(row)
    made.save(file)
    return file.getvalue()


async def send(directory, caller, data, query=""):
    headers = {"Accept-Language": "vi", "Content-Type": "text/csv"}
    return await directory.call("POST", f"/units/import{query}", caller, data=data, headers=headers)


async def test_every_row_of_a_workbook_is_judged_and_the_good_ones_are_written(loaded, who):
    data = book(HEADER, *ROWS)
    status, told, _ = await send(loaded, who.admin, data, "?dry_run=true")
    assert (status, told["dry_run"], told["counts"]["created"]) == (200, True, 2)
    assert await loaded.service.db["units"].count({}) == 5
    told = (await send(loaded, who.admin, data))[1]
    assert {row["row"]: row["code"] for row in told["rows"] if row["outcome"] == "refused"} == REFUSED
    assert {row["row"]: row["outcome"] for row in told["rows"] if row["outcome"] != "refused"} == {
        2: "created", 3: "created", 10: "unchanged",
    }  # fmt: skip
    assert "máy bay" in next(row["detail"] for row in told["rows"] if row["row"] == 4)
    new = (await loaded.call("GET", "/units/u-30001-2025", who.author))[1]
    assert (new["path"], new["lat"], new["valid_from"]) == (["u-p", "u-30001-2025"], 9.75, "2025-07-01")
    party = (await loaded.call("GET", "/units/b-du-2025", who.author))[1]
    assert (party["tree"], party["parent_id"]) == ("party", "u-30001-2025")
    again = (await send(loaded, who.admin, book(HEADER, ROWS[0])))[1]
    assert again["counts"]["unchanged"] == 1


async def test_rows_over_units_of_others_are_refused_and_a_file_that_is_none_is_told(loaded, who):
    other = Caller("p-x", "X", (Grant("admin", "u-2"),))
    told = (await send(loaded, other, book(HEADER, ROWS[0])))[1]
    assert [row["code"] for row in told["rows"]] == ["directory.row-not-yours"]
    orphan = ["30007", "Xã Không Gốc", "xã", "", "2025-07-01", "", "", ""]
    (row,) = (await send(loaded, other, book(HEADER, orphan)))[1]["rows"]
    assert (row["outcome"], row["code"], "Trực thuộc" in row["detail"]) == (
        "refused", "directory.row-parent-needed", True,
    )  # fmt: skip
    assert (await send(loaded, who.author, book(HEADER, ROWS[0])))[0] == 403
    for data, code in (
        (b"PK\x03\x04", "sheet-unreadable"), (b"", "sheet-empty"), (b"{", "sheet-unreadable"),
        (b"a,b\n1,2", "sheet-columns-missing"), (b'{"units": [1]}', "sheet-unreadable"),
        (b'{"units": 1}', "sheet-unreadable"),
    ):  # fmt: skip
        status, problem, _ = await send(loaded, who.admin, data)
        assert (status, problem["code"]) == (422, code), data


async def test_a_list_that_changes_units_of_others_says_which_and_writes_nothing(loaded, who):
    ward = Caller("p-x", "X", (Grant("admin", "u-1"),))
    link = {"unit_id": "u-9", "successor_id": "u-2", "date": "2025-07-01", "act": "1/NQ"}
    unit = {"unit_id": "u-4", "code": "4", "name": "Khóm Bốn", "kind": "body", "parent": "u-1"}
    status, problem, _ = await send(loaded, ward, json.dumps({"units": [unit], "successors": [link]}).encode())
    assert (status, problem["code"], "Thị trấn Cầu Kè" in problem["detail"]) == (403, "directory.unit-not-yours", True)
    assert await loaded.service.db["units"].count({}) == 5


async def test_the_repositorys_list_is_taken_with_its_successors(directory, who, demo_import):
    listed = {name: demo_import[name] for name in ("units", "successors")}
    told = (await send(directory, who.operator, json.dumps(listed).encode()))[1]
    assert told["counts"] == {"created": len(listed["units"]), "changed": 0, "unchanged": 0, "refused": 0}
    again = (await send(directory, who.operator, json.dumps(listed).encode()))[1]
    assert again["counts"]["unchanged"] == len(listed["units"])
    found = (await directory.call("GET", "/units?q=phuong%202", who.operator))[1]["items"]
    # Two towns had a Phường 2.
    assert {(one["name"], one["matched"]) for one in found} == {
        ("Phường Trà Vinh", "Phường 2"), ("Phường Trường Long Hòa", "Phường 2"),
    }  # fmt: skip
