"""What a CAP message means here: whom it is for, until when, in which words."""

import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_alert.domain.cap import CapArea, CapRefused
from lantoa_alert.domain.cap_areas import UNIT_CODE, CapUnit, Territory
from lantoa_alert.domain.cap_meaning import MOST_HEADLINE, MOST_TEXT, check_addressed, meaning
from lantoa_alert.domain.cap_reading import read

sys.path.insert(0, str(Path(__file__).parent))
from cap_signing import NAMED, NOW, info, message

TODAY = date(2026, 11, 24)
PROVINCE = CapUnit("u-86-2025", "86", "Tỉnh Vĩnh Long", "province", ("u-86-2025",), date(2025, 7, 1))


def unit(code: str, name: str, kind: str = "commune", lat: float | None = None, lon: float | None = None) -> CapUnit:
    unit_id = f"u-{code}-2025"
    return CapUnit(unit_id, code, name, kind, ("u-86-2025", unit_id), date(2025, 7, 1), None, lat, lon)


UNITS = (
    PROVINCE,
    unit("29308", "Xã Cầu Kè", lat=9.87, lon=106.06),
    unit("29242", "Phường Trà Vinh", "ward", 9.94, 106.34),
    unit("29500", "Xã Long Đức", lat=9.98, lon=106.32),
    unit("29501", "Phường Long Đức", "ward", 10.2, 106.1),
    unit("29502", "Xã Đông Hải"),
    CapUnit("u-29254-2022", "29254", "Xã Long Đức", "commune", ("u-84-2022", "u-29254-2022"), None, date(2025, 6, 30)),
    CapUnit("b-1", "B1", "Sở Văn hóa", "body", ("u-86-2025", "b-1")),
)
TERRITORY = Territory(UNITS, TODAY)


def found(area: CapArea, day: date = TODAY) -> frozenset[str]:
    return TERRITORY.units_in(area, day)


def refusal(area: CapArea, day: date = TODAY) -> str:
    with pytest.raises(CapRefused) as refused:
        found(area, day)
    return refused.value.reason


@pytest.mark.parametrize(
    ("written", "unit_id"),
    [
        ("Xã Cầu Kè", "u-29308-2025"),
        ("xa cau ke", "u-29308-2025"),
        ("CẦU KÈ", "u-29308-2025"),
        ("Cầu Kè, tỉnh Vĩnh Long", "u-29308-2025"),
        ("Cầu Kè, Vĩnh Long, Việt Nam", "u-29308-2025"),
        ("Xã Long Đức", "u-29500-2025"),
        ("phường long đức", "u-29501-2025"),
        ("Tỉnh Vĩnh Long", "u-86-2025"),
        ("Vĩnh Long", "u-86-2025"),
    ],
)
def test_an_area_is_found_by_its_name_however_it_is_typed(written, unit_id):
    assert found(CapArea(written)) == {unit_id}


def test_several_names_must_all_be_known():
    assert found(CapArea("Xã Cầu Kè; Phường Trà Vinh")) == {"u-29308-2025", "u-29242-2025"}
    assert refusal(CapArea("Xã Cầu Kè; Xã Không Có")) == "unknown-area"


@pytest.mark.parametrize(
    ("area", "reason"),
    [
        (CapArea("Đồng Tháp"), "unknown-area"),
        (CapArea("Long Đức"), "ambiguous-area"),
        (CapArea("Cầu Kè, tỉnh Đồng Tháp"), "unknown-area"),
        (CapArea("Cầu Kè, Trà Vinh"), "unknown-area"),
        (CapArea("Sở Văn hóa"), "unknown-area"),
        (CapArea(""), "unknown-area"),
        (CapArea("Xã Cầu Kè", geocodes=((UNIT_CODE, "99999"),)), "unknown-area"),
        (CapArea("Burkina Faso", polygons=("15,-1 15,0 14,0 15,-1",)), "unknown-area"),
        (CapArea("x", polygons=("9,106 10,106 9,106",)), "area-shape"),
        (CapArea("x", polygons=("9,106 10,106 10,107 9,107",)), "area-shape"),
        (CapArea("x", polygons=("99,106 10,106 10,107 99,106",)), "area-shape"),
        (CapArea("x", polygons=("nan,106 10,106 10,107 nan,106",)), "area-shape"),
        (CapArea("x", circles=("9.87,106.06",)), "area-shape"),
        (CapArea("x", circles=("9.87,106.06 inf",)), "area-shape"),
    ],
)
def test_what_is_not_known_for_certain_is_refused_with_its_reason(area, reason):
    assert refusal(area) == reason


def test_a_code_means_the_unit_that_had_it_on_the_day_of_sending():
    area = CapArea("Long Đức cũ", geocodes=((UNIT_CODE, "29254"),))
    assert refusal(area, date(2025, 6, 1)) == "former-area", "what it went into is larger than it was"
    assert refusal(area) == "unknown-area"
    assert found(CapArea("x", geocodes=((UNIT_CODE, " 29308 "), ("FIPS6", "12345")))) == {"u-29308-2025"}


def test_codes_of_others_leave_it_to_the_name():
    assert found(CapArea("Xã Cầu Kè", geocodes=(("EMMA_ID", "VN001"),))) == {"u-29308-2025"}


def test_shapes_find_the_units_whose_points_lie_in_them():
    around = "9.8,106.0 9.8,106.2 9.9,106.2 9.9,106.0 9.8,106.0"
    assert found(CapArea("x", polygons=(around,))) == {"u-29308-2025"}
    assert found(CapArea("x", circles=("9.94,106.34 6",))) == {"u-29242-2025", "u-29500-2025"}
    assert found(CapArea("x", circles=("9.94,106.34 0",))) == {"u-29242-2025"}
    assert found(CapArea("Xã Cầu Kè", circles=("9.86,106.05 0",))) == {"u-29308-2025"}, "the name tells where it lies"
    both = CapArea("x", polygons=(around,), geocodes=((UNIT_CODE, "29242"),))
    assert found(both) == {"u-29308-2025", "u-29242-2025"}


@given(
    st.lists(st.tuples(st.floats(9, 11), st.floats(105, 107)), min_size=3, max_size=12),
    st.floats(9, 11),
    st.floats(105, 107),
)
def test_the_sorted_sweep_agrees_with_the_plain_even_odd_rule(corners, lat, lon):
    ring = [*corners, corners[0]]
    inside = False
    for (lat1, lon1), (lat2, lon2) in pairwise(ring):
        if (lat1 > lat) != (lat2 > lat) and lon < lon1 + (lat - lat1) / (lat2 - lat1) * (lon2 - lon1):
            inside = not inside
    territory = Territory([PROVINCE, unit("1", "Xã A", lat=lat, lon=lon)], TODAY)
    written = " ".join(f"{one!r},{other!r}" for one, other in ring)
    try:
        assert (territory.units_in(CapArea("x", polygons=(written,)), TODAY) == {"u-1-2025"}) is inside
    except CapRefused:
        assert not inside


# -- what is told -------------------------------------------------------------------------------------------------


def drafts(*infos: str, **given: str):
    return meaning(read(message("".join(infos), **given)), TERRITORY, NOW).drafts


def test_an_alert_becomes_one_notice_with_its_words_area_and_end():
    (draft,) = drafts(info())
    assert (draft.status, draft.severity, draft.unit_ids) == ("actual", "severe", ("u-29308-2025",))
    assert draft.headline == "Triều cường vượt báo động 3"
    assert draft.texts == {"vi": "Nước lên nhanh từ 20 giờ.\nĐưa người già, trẻ em lên chỗ cao."}
    assert draft.expires_at == datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_languages_of_one_area_are_one_notice_and_vietnamese_leads():
    (draft,) = drafts(
        info(language="en-US", headline="Storm tide"), info(language="km"), info(language="vi-VN"), info(language="fr")
    )
    assert list(draft.texts) == ["vi", "km", "en"]
    assert draft.headline == "Triều cường vượt báo động 3"


def test_other_areas_get_notices_of_their_own():
    other = "<area><areaDesc>Phường Trà Vinh</areaDesc></area>"
    first, second = drafts(info(), info(areas=other, instruction="Ở yên trong nhà."))
    assert (first.unit_ids, second.unit_ids) == (("u-29308-2025",), ("u-29242-2025",))
    assert "Ở yên" not in first.texts["vi"]


def test_areas_that_are_not_ours_are_left_out_and_named():
    areas = NAMED + "<area><areaDesc>Tỉnh Đồng Tháp</areaDesc></area>"
    told = meaning(read(message(info(areas=areas))), TERRITORY, NOW)
    assert told.drafts[0].unit_ids == ("u-29308-2025",)
    assert [(one.reason, one.params["area"]) for one in told.refused] == [("unknown-area", "Tỉnh Đồng Tháp")]


@pytest.mark.parametrize(
    ("infos", "reason"),
    [
        ("", "no-info"),
        (info(areas=""), "no-area"),
        (info(areas="<area><areaDesc>Hà Nội</areaDesc></area>"), "unknown-area"),
        (info(language="fr"), "language"),
        (info(times="<expires>2026-11-24T16:00:00+07:00</expires>"), "expired"),
    ],
)
def test_a_message_that_nobody_here_could_act_on_is_refused(infos, reason):
    with pytest.raises(CapRefused) as refused:
        drafts(infos)
    assert refused.value.reason == reason


def test_without_an_end_it_holds_twelve_hours_from_when_it_takes_effect():
    (draft,) = drafts(info(times="<effective>2026-11-24T18:00:00+07:00</effective>"))
    assert draft.begins_at == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert draft.expires_at - draft.begins_at == timedelta(hours=12)


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        ("Extreme", "extreme"),
        ("Severe", "severe"),
        ("Moderate", "moderate"),
        ("Minor", "minor"),
        ("Unknown", "moderate"),
    ],
)
def test_severities_are_ours_by_name_and_an_unknown_one_is_in_the_middle(told, severity):
    assert drafts(info(severity=told))[0].severity == severity


@pytest.mark.parametrize(("told", "status"), [("Exercise", "exercise"), ("Test", "test"), ("Actual", "actual")])
def test_exercises_and_tests_stay_what_they_are(told, status):
    assert drafts(info(), status=told)[0].status == status


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"status": "Draft"}, "status"),
        ({"status": "System"}, "status"),
        ({"scope": "Private"}, "scope"),
        ({"scope": "Restricted"}, "scope"),
    ],
)
def test_what_is_not_for_the_public_is_refused(given, reason):
    with pytest.raises(CapRefused) as refused:
        check_addressed(read(message(**given)))
    assert refused.value.reason == reason


def test_long_texts_are_cut_between_words_and_what_to_do_stays_whole():
    (draft,) = drafts(info(headline="ấp " * 100, description="nước " * 1000, instruction="đi " * 300))
    assert len(draft.headline) <= MOST_HEADLINE
    assert draft.headline.endswith("ấp…")
    text = draft.texts["vi"]
    assert len(text) <= MOST_TEXT
    assert text.endswith("\n" + ("đi " * 300).strip())
