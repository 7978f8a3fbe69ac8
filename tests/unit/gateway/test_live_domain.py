"""Who is told what, and what of it a page that was away can still have."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts import catalogue
from lantoa_contracts.catalogue import EVENTS
from lantoa_contracts.examples import EXAMPLES
from lantoa_gateway.domain.live import ABOUT, MOST_WAITING, READS, Past, Places, Told, View, Waiting, told

TODAY = "2026-11-27"


@pytest.fixture
def places():
    known = Places()
    known.replace(
        [
            {"id": "u-p", "ver": 1, "path": ["u-p"]},
            {"id": "u-1", "ver": 1, "path": ["u-p", "u-1"]},
            {"id": "u-2", "ver": 1, "path": ["u-p", "u-2"]},
        ]
    )
    return known


def view(*units, about=ABOUT):
    return View(dict.fromkeys(about, frozenset(units)))


def item(unit_id, places, seq=1, item_id="i-1"):
    return told(seq, catalogue.ITEM_SUBMITTED, {"item_id": item_id, "unit_id": unit_id}, "now", places)


def hint(seq, item_id="i-1"):
    return Told(seq, ABOUT, None, ("x", item_id), b"%d " % seq)


def test_a_hint_names_what_changed_and_says_nothing_of_it(places):
    event = {"item_id": "i-1", "unit_id": "u-1", "title": "mật", "author_id": "p-1"}
    made = told(7, catalogue.ITEM_APPROVED, event, "2026-11-27T05:00:00+00:00", places)
    lines = made.wire.decode().split("\n")
    assert lines[:2] == ["id: 7", "event: content.item.approved"]
    assert json.loads(lines[2].removeprefix("data: ")) == {
        "type": "content.item.approved", "id": "i-1", "unit_id": "u-1", "at": "2026-11-27T05:00:00+00:00"
    }  # fmt: skip
    assert lines[3:] == ["", ""]


@pytest.mark.parametrize(
    ("unit", "sees"), [("u-1", True), ("u-p", True), ("u-2", False), ("u-former", False), ("*", False)]
)
def test_a_page_is_told_of_its_own_units_and_those_below_them_alone(places, unit, sees):
    assert view(unit).has(item("u-1", places)) is sees


def test_what_lies_above_is_not_for_those_below(places):
    assert not view("u-1").has(item("u-p", places))


def test_a_page_is_told_of_what_it_asked_for_alone(places):
    assert not view("u-1", about={"devices"}).has(item("u-1", places))
    assert view("u-1", about={"devices", "items"}).has(item("u-1", places))


def test_rights_to_one_thing_are_none_to_another(places):
    mixed = View({"items": frozenset({"u-1"}), "reports": frozenset({"u-2"}), "devices": frozenset()})
    assert mixed.has(item("u-1", places))
    assert not mixed.has(item("u-2", places))
    assert not mixed.has(told(1, catalogue.NOTICE_ISSUED, {"notice_id": "n-1"}, "", places))
    both = {"item_id": "i-1", "unit_id": "u-2"}
    assert mixed.has(told(1, catalogue.AIRING_MISSED, both, "", places))


def test_what_a_page_may_be_told_of_is_what_it_may_fetch():
    assert set(READS) == ABOUT


def test_both_units_of_a_device_that_moved_are_told(places):
    moved = {"device_id": "d-1", "unit_id": "u-1", "previous_unit_id": "u-2"}
    made = told(1, catalogue.DEVICE_MOVED, moved, "", places)
    assert [view(unit).has(made) for unit in ("u-1", "u-2", "u-3")] == [True, True, False]


def test_a_notice_is_told_to_everybody_and_an_unknown_unit_to_nobody(places):
    assert view("u-elsewhere").has(told(1, catalogue.NOTICE_ISSUED, {"notice_id": "n-1"}, "", places))
    assert item("u-nowhere", places) is None
    assert told(1, catalogue.DEVICE_ONLINE, {"device_id": "d-1", "unit_id": None}, "", places) is None


def test_a_former_unit_is_left_out_and_an_older_word_of_a_unit_changes_nothing(places):
    places.change({"unit_id": "u-1", "ver": 3, "path": ["u-p", "u-1"], "valid_to": "2026-11-26"}, TODAY)
    assert item("u-1", places) is None
    places.change({"unit_id": "u-1", "ver": 2, "path": ["u-p", "u-1"], "valid_to": None}, TODAY)
    assert item("u-1", places) is None
    places.change({"unit_id": "u-2", "ver": 2, "path": ["u-q", "u-2"], "valid_to": TODAY}, TODAY)
    assert [view(unit).has(item("u-2", places)) for unit in ("u-p", "u-q")] == [False, True]


def test_whatever_concerns_an_item_names_it_for_its_page_listens_for_its_own_alone():
    hints = [spec.hint for spec in EVENTS if spec.hint and "items" in spec.hint.about]
    assert len(hints) > 5
    assert {hint.id for hint in hints} == {"item_id"}


@pytest.mark.parametrize("spec", [spec for spec in EVENTS if spec.hint], ids=lambda spec: spec.name)
def test_every_event_has_the_fields_that_its_hint_is_made_of(spec):
    event = json.loads(EXAMPLES[f"{spec.name}.v{spec.version}"].model_dump_json())
    places = Places()
    places.replace({"id": event.get(field), "ver": 1, "path": ["u-p"]} for field in spec.hint.units)
    made = told(1, spec, event, "", places)
    assert made.key[1]
    assert made.about <= ABOUT
    assert view("u-p", about=spec.hint.about).has(made)


# -- coming back -----------------------------------------------------------------------------------------------------


def test_who_comes_back_has_what_came_meanwhile():
    past = Past(10)
    past.begin(4)
    for seq in (5, 7, 9):
        past.add(hint(seq))
        past.reach(seq)
    past.reach(11)
    assert [[one.seq for one in past.after(seq)] for seq in (4, 5, 8, 11)] == [[5, 7, 9], [7, 9], [9], []]


@pytest.mark.parametrize("seq", [-1, 0, 3, 12])
def test_a_place_before_the_first_or_behind_the_last_cannot_be_resumed(seq):
    past = Past(10)
    assert past.after(seq) is None
    past.begin(4)
    past.reach(11)
    assert past.after(seq) is None


@given(st.lists(st.integers(1, 3), max_size=30), st.integers(0, 100), st.integers(1, 8))
def test_resuming_never_leaves_a_hint_out(steps, seq, most):
    past, sent = Past(most), []
    past.begin(0)
    for step in steps:
        sent.append(hint((sent[-1].seq if sent else 0) + step))
        past.add(sent[-1])
        past.reach(sent[-1].seq)
    again = past.after(seq)
    assert again is None or list(again) == [one for one in sent if one.seq > seq]


# -- waiting ---------------------------------------------------------------------------------------------------------


def test_what_waits_goes_out_in_order_and_the_later_of_two_stands_for_both():
    waiting = Waiting()
    for seq, item_id in ((1, "a"), (2, "b"), (3, "a")):
        assert waiting.add(hint(seq, item_id))
    assert waiting.take() == (b"2 3 ", 2, False)
    assert waiting.take() == (b"", 0, False)


def test_who_falls_behind_is_to_fetch_everything_and_then_goes_on():
    waiting = Waiting()
    kept = [waiting.add(hint(seq, f"i-{seq}")) for seq in range(MOST_WAITING + 2)]
    assert kept == [True] * MOST_WAITING + [False, False]
    assert waiting.take() == (b"", 0, True)
    assert waiting.add(hint(500))
    assert waiting.take() == (b"500 ", 1, False)
