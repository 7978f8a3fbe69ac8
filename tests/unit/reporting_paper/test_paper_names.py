"""Names on paper: how wide they are, where they break, and which of them hold on a day."""

from datetime import date

import pytest
from paper_world import CAU_KE, TRA_VINH, VINH_LONG, territory

from lantoa_reporting.domain import Unit
from lantoa_reporting.domain.bodies import NAMES, leads, letterhead, names_of
from lantoa_reporting.domain.paper import decimal, evidence_sha256, long_day, whole
from lantoa_reporting.domain.typesetting import name_lines, name_points, width_mm

COLUMN = 64.5


def test_the_countrys_line_is_as_wide_as_was_measured():
    country = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    assert width_mm(country, 12, "bold") == pytest.approx(88.3, abs=0.1)
    assert width_mm(country, 13, "bold") == pytest.approx(95.7, abs=0.1)
    assert width_mm("SỞ VĂN HÓA, THỂ THAO VÀ DU LỊCH", 13, "bold") == pytest.approx(83.8, abs=0.1)


def test_a_letter_with_a_tone_is_as_wide_as_without_but_a_horn_counts():
    assert width_mm("ấ", 13) == width_mm("a", 13)
    assert width_mm("Ự", 13, "bold") == width_mm("Ư", 13, "bold") > width_mm("U", 13, "bold")
    assert width_mm("漢", 13) >= width_mm("W", 13)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Ủy ban nhân dân xã Cầu Kè", ("ỦY BAN NHÂN DÂN", "XÃ CẦU KÈ")),
        ("Ủy ban nhân dân thị trấn Định An", ("ỦY BAN NHÂN DÂN", "THỊ TRẤN ĐỊNH AN")),
        ("Sở Khoa học và Công nghệ", ("SỞ KHOA HỌC", "VÀ CÔNG NGHỆ")),
        ("Sở Văn hóa, Thể thao và Du lịch", ("SỞ VĂN HÓA, THỂ THAO", "VÀ DU LỊCH")),
        ("Sở Công Thương", ("SỞ CÔNG THƯƠNG",)),
        (
            "Ủy ban Mặt trận Tổ quốc Việt Nam tỉnh Vĩnh Long",
            ("ỦY BAN MẶT TRẬN", "TỔ QUỐC VIỆT NAM", "TỈNH VĨNH LONG"),
        ),
        ("UBND tỉnh Vĩnh Long", ("UBND TỈNH VĨNH LONG",)),
    ],
)
def test_a_bodys_name_breaks_where_a_reader_would_pause(name, lines):
    assert name_lines(name, 13, "bold", COLUMN) == lines


def test_every_committee_of_the_territory_fits_with_its_places_name_unbroken():
    for unit in territory().values():
        if unit.kind in ("commune", "ward", "town", "district"):
            name = f"Ủy ban nhân dân {unit.name}"
            size = name_points(name, (13, 12), "bold", COLUMN)
            lines = name_lines(name, size, "bold", COLUMN)
            assert lines == ("ỦY BAN NHÂN DÂN", unit.name.upper())
            assert all(width_mm(line, size, "bold") <= COLUMN for line in lines)


def test_a_name_of_many_words_is_filled_line_by_line():
    name = " ".join(["Trung tâm Văn hóa"] * 10)
    lines = name_lines(name, 13, "bold", COLUMN)
    assert " ".join(lines) == name.upper()
    assert all(width_mm(line, 13, "bold") <= COLUMN for line in lines)


def test_the_lead_department_is_the_one_of_the_day():
    assert leads(("S",), date(2025, 2, 28)) == "Sở\u00a0TT&TT"
    assert leads(("S",), date(2025, 3, 1)) == "Sở\u00a0KH&CN; Sở\u00a0VHTTDL"
    assert "UBND\u00a0cấp\u00a0huyện" in leads(("S", "H*"), date(2025, 6, 30))
    assert "UBND\u00a0cấp\u00a0xã" in leads(("S", "H*"), date(2025, 7, 1))
    assert leads(("N", "B"), date(2026, 1, 1)) == "Cơ quan báo chí của tỉnh"
    assert leads(("Z",), date(2026, 1, 1)) == ""


def test_every_selector_has_a_name_on_every_day():
    for selector in {name.selector for name in NAMES}:
        for day in (date(2022, 10, 31), date(2025, 2, 28), date(2025, 3, 1), date(2025, 7, 1), date(2030, 1, 1)):
            assert names_of(selector, day)


def test_a_provinces_report_is_the_lead_departments():
    units = territory()
    old = letterhead(units, units[TRA_VINH], date(2024, 11, 10))
    assert (old.superior, old.issuer, old.symbol) == ("UBND tỉnh Trà Vinh", "Sở Thông tin và Truyền thông", "STTTT")
    new = letterhead(units, units[VINH_LONG], date(2026, 11, 10))
    assert (new.superior, new.issuer, new.symbol) == ("UBND tỉnh Vĩnh Long", "Sở Khoa học và Công nghệ", "SKHCN")
    assert (new.place, new.addressee) == ("Vĩnh Long", "Ủy ban nhân dân tỉnh Vĩnh Long")
    assert (new.authority, new.post) == ("", "GIÁM ĐỐC")


def test_a_communes_report_is_its_committees_to_the_lead_department():
    units = territory()
    head = letterhead(units, units[CAU_KE], date(2026, 11, 10))
    assert (head.superior, head.issuer, head.symbol) == ("", "Ủy ban nhân dân xã Cầu Kè", "UBND")
    assert (head.place, head.addressee) == ("Cầu Kè", "Sở Khoa học và Công nghệ tỉnh Vĩnh Long")
    assert (head.authority, head.post) == ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH")


def test_a_body_of_the_directory_signs_under_its_own_name():
    units = territory()
    sport = letterhead(units, units["b-so-vhttdl-2025"], date(2026, 11, 10))
    assert (sport.superior, sport.issuer) == ("UBND tỉnh Vĩnh Long", "Sở Văn hóa, Thể thao và Du lịch")
    assert sport.addressee == "Sở Khoa học và Công nghệ tỉnh Vĩnh Long"
    science = letterhead(units, units["b-so-khcn-2025"], date(2026, 11, 10))
    assert science.addressee == "Ủy ban nhân dân tỉnh Vĩnh Long"
    committee = letterhead(units, units["b-ubnd-29308-2025"], date(2026, 11, 10))
    assert (committee.superior, committee.symbol, committee.place) == ("", "UBND", "Cầu Kè")
    front = Unit("b-mt", "Ủy ban Mặt trận Tổ quốc Việt Nam tỉnh Vĩnh Long", "body", (VINH_LONG, "b-mt"), None, None)
    unknown = letterhead(units, front, date(2026, 11, 10))
    assert (unknown.issuer, unknown.symbol, unknown.post) == (front.name, "", "")


def test_a_place_named_by_a_number_keeps_its_kind():
    units = territory()
    assert letterhead(units, units["u-29242-2022"], date(2024, 11, 10)).place == "Phường 3"


def test_numbers_and_days_are_written_the_vietnamese_way():
    assert [whole(0), whole(999), whole(1_234_567)] == ["0", "999", "1.234.567"]
    assert [decimal(0.0), decimal(14.0), decimal(1234.5)] == ["0", "14,0", "1.234,5"]
    assert long_day(date(2027, 1, 5)) == "ngày 05 tháng 01 năm 2027"
    assert long_day(date(2027, 2, 15)) == "ngày 15 tháng 02 năm 2027"
    assert long_day(date(2027, 6, 5)) == "ngày 05 tháng 6 năm 2027"


def test_the_hash_of_evidence_is_that_of_its_sorted_ids_one_a_line():
    assert evidence_sha256(["b", "a", "b"]) == evidence_sha256(["a", "b"])
    # printf 'a\nb\n' | sha256sum
    assert evidence_sha256(["a", "b"]) == "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2"
