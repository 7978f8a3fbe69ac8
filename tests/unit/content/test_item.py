import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lantoa_content.domain import item as rules
from lantoa_content.domain.item import Actor, Content, Failure, Item, Person, Rendition, Unit, hash_to_approve
from lantoa_runtime.errors import AppError, Conflict, Forbidden, Invalid

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
UNIT = Unit("u-1", "Xã Cầu Kè", ("u-0", "u-1"))
CONTENT = Content("Lịch tiêm chủng", "Sáng thứ Bảy tại trạm y tế xã.", "normal", ("05", "08"), "skills", "vi")
AUTHOR = Actor(Person("p-author", "Lan"), writes=True, approves=True)
COLLEAGUE = Actor(Person("p-colleague", "Hoa"), writes=True, approves=False)
APPROVER = Actor(Person("p-approver", "Phước"), writes=False, approves=True)
STRANGER = Actor(Person("p-stranger", "Bảo"), writes=False, approves=False)
EDITOR = Actor(Person("p-editor", "Thu"), writes=True, approves=True, edits=True)
EVERYONE = (AUTHOR, COLLEAGUE, APPROVER, EDITOR, STRANGER)


def _rendition(kind, sha256="a" * 64):
    return Rendition(kind, sha256, 10, "audio/ogg")


MADE = (_rendition("web", "c" * 64), _rendition("audio"), _rendition("board", "b" * 64))


def _draft():
    return Item("i-1", AUTHOR.person, UNIT, CONTENT, created_at=NOW, updated_at=NOW)


def _submitted():
    return rules.submit(_draft(), AUTHOR, UNIT, NOW)


def _in_review():
    return rules.rendered(_submitted(), MADE, NOW)


def _approved():
    reviewed = _in_review()
    return rules.approve(reviewed, APPROVER, hash_to_approve(reviewed), NOW)


def test_the_author_cannot_approve_even_with_the_right_to():
    with pytest.raises(Forbidden) as caught:
        rules.approve(_in_review(), AUTHOR, hash_to_approve(_in_review()), NOW)
    assert caught.value.code == "content.own-item"


def test_an_editor_changes_and_submits_what_another_wrote():
    edited = rules.edit(_approved(), EDITOR, replace(CONTENT, title="Tiêu đề khác"), UNIT, NOW)
    assert (edited.author, edited.revision, edited.state) == (AUTHOR.person, 2, "draft")
    assert rules.submit(edited, EDITOR, UNIT, NOW).state == "submitted"
    with pytest.raises(Forbidden) as caught:
        rules.edit(_draft(), COLLEAGUE, CONTENT, UNIT, NOW)
    assert caught.value.code == "content.not-your-item"


def test_an_editor_with_the_right_to_approve_approves_nothing_that_they_ever_changed():
    reviewed = _in_review()
    assert rules.approve(reviewed, EDITOR, hash_to_approve(reviewed), NOW).state == "approved"
    edited = rules.edit(_draft(), EDITOR, replace(CONTENT, title="Tiêu đề khác"), UNIT, NOW)
    again = rules.edit(edited, AUTHOR, CONTENT, UNIT, NOW)
    reviewed = rules.rendered(rules.submit(again, AUTHOR, UNIT, NOW), MADE, NOW)
    for decide in (
        lambda: rules.approve(reviewed, EDITOR, hash_to_approve(reviewed), NOW),
        lambda: rules.send_back(reviewed, EDITOR, "Xin xem lại.", NOW),
    ):
        with pytest.raises(Forbidden) as caught:
            decide()
        assert caught.value.code == "content.own-item"
    assert rules.approve(reviewed, APPROVER, hash_to_approve(reviewed), NOW).state == "approved"


def test_an_approval_of_something_else_is_outdated():
    with pytest.raises(Conflict) as caught:
        rules.approve(_in_review(), APPROVER, "0" * 64, NOW)
    assert caught.value.code == "content.approval-outdated"


def test_a_repeated_approval_changes_nothing():
    approved = _approved()
    assert rules.approve(approved, APPROVER, hash_to_approve(approved), NOW + timedelta(hours=1)) is approved


def test_the_hash_binds_every_word_and_every_rendition():
    item = _in_review()
    others = [
        replace(item, id="i-2"),
        replace(item, revision=2),
        replace(item, unit=replace(UNIT, id="u-2")),
        replace(item, renditions=item.renditions[:2]),
        replace(item, renditions=(replace(item.renditions[0], sha256="d" * 64), *item.renditions[1:])),
        *(
            replace(item, content=replace(CONTENT, **{name: value}))
            for name, value in {
                "title": "Lịch khác",
                "body": "Chiều thứ Bảy tại trạm y tế xã.",
                "priority": "priority",
                "tasks": ("08",),
                "topic": "legal",
                "language": "km",
                "air_from": date(2026, 12, 1),
                "air_until": date(2026, 12, 1),
            }.items()
        ),
    ]
    assert len({hash_to_approve(one) for one in [item, *others]}) == len(others) + 1


def test_the_hash_is_the_canonical_json_that_anybody_can_make():
    item = replace(_draft(), content=replace(CONTENT, title="Ấp", body="Mời", tasks=("08",)))
    canonical = (
        '{"body":"Mời","item_id":"i-1","language":"vi","priority":"normal","renditions":[],"revision":1,'
        '"tasks":["08"],"title":"Ấp","topic":"skills","unit_id":"u-1"}'
    )
    assert hash_to_approve(item) == hashlib.sha256(canonical.encode()).hexdigest()


def _for(**days):
    return replace(_draft(), content=replace(CONTENT, **days))


def test_the_last_day_is_never_before_the_first():
    day = date(2026, 12, 1)
    assert rules.check_content(replace(CONTENT, air_from=day, air_until=day)).air_until == day
    with pytest.raises(Invalid) as caught:
        rules.edit(_draft(), AUTHOR, replace(CONTENT, air_from=day, air_until=date(2026, 11, 30)), UNIT, NOW)
    assert (caught.value.code, caught.value.pointer) == ("content.days-backwards", "/air_until")


@pytest.mark.parametrize(
    ("days", "code", "pointer"),
    [
        ({"air_until": date(2026, 11, 19)}, "content.day-over", "/air_until"),
        ({"air_from": date(2027, 11, 22)}, "content.day-far", "/air_from"),
        ({"air_from": date(1, 1, 1)}, "content.day-far", "/air_from"),
        ({"air_until": date(9999, 12, 31)}, "content.day-far", "/air_until"),
    ],
)
def test_an_item_is_not_submitted_for_days_that_are_over_or_far_away(days, code, pointer):
    with pytest.raises(Invalid) as caught:
        rules.submit(_for(**days), AUTHOR, UNIT, NOW)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)


def test_the_day_of_a_submission_is_that_of_viet_nam():
    today = _for(air_from=date(2026, 11, 1), air_until=date(2026, 11, 20))
    midnight = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    assert rules.submit(today, AUTHOR, UNIT, midnight - timedelta(seconds=1)).state == "submitted"
    with pytest.raises(Invalid):
        rules.submit(today, AUTHOR, UNIT, midnight)


def test_what_could_not_be_heard_any_more_is_not_approved():
    reviewed = rules.rendered(rules.submit(_for(air_until=date(2026, 11, 20)), AUTHOR, UNIT, NOW), MADE, NOW)
    with pytest.raises(Conflict) as caught:
        rules.approve(reviewed, APPROVER, hash_to_approve(reviewed), NOW + timedelta(days=1))
    assert caught.value.code == "content.days-over"
    approved = rules.approve(reviewed, APPROVER, hash_to_approve(reviewed), NOW)
    # The answer was lost, and the day is over when it is asked for again.
    assert rules.approve(approved, APPROVER, hash_to_approve(approved), NOW + timedelta(days=1)) is approved


def test_renditions_stand_in_one_order_however_they_were_made():
    assert rules.rendered(_submitted(), MADE[::-1], NOW) == _in_review()


def test_an_edit_of_a_draft_stays_in_its_revision():
    edited = rules.edit(_draft(), AUTHOR, replace(CONTENT, title="Tiêu đề khác"), UNIT, NOW)
    assert (edited.revision, edited.state) == (1, "draft")


@pytest.mark.parametrize("item", [_submitted(), _in_review(), _approved()])
def test_an_edit_of_anything_else_is_a_new_revision_with_nothing_made_or_approved(item):
    edited = rules.edit(item, AUTHOR, replace(CONTENT, title="Tiêu đề khác"), UNIT, NOW)
    assert (edited.revision, edited.state, edited.renditions) == (2, "draft", ())
    assert (edited.approver, edited.approved_at, edited.approval_sha256, edited.failure) == (None, None, None, None)


def test_an_emergency_is_refused_with_a_way_out():
    with pytest.raises(Invalid) as caught:
        rules.edit(_draft(), AUTHOR, replace(CONTENT, priority="emergency"), UNIT, NOW)
    assert (caught.value.code, caught.value.pointer) == ("content.emergency-elsewhere", "/priority")


def test_a_topic_outside_the_plan_is_refused():
    with pytest.raises(Invalid):
        rules.check_content(replace(CONTENT, topic="weather"))


def test_a_colleague_does_not_touch_somebody_elses_item():
    with pytest.raises(Forbidden) as caught:
        rules.submit(_draft(), COLLEAGUE, UNIT, NOW)
    assert caught.value.code == "content.not-your-item"


def test_what_may_be_done_follows_state_and_rights():
    assert rules.allowed(_draft(), AUTHOR) == ("edit", "submit", "withdraw")
    assert rules.allowed(_in_review(), AUTHOR) == ("edit", "withdraw")
    assert rules.allowed(_in_review(), APPROVER) == ("approve", "return")
    assert rules.allowed(_approved(), APPROVER) == ("withdraw",)
    assert rules.allowed(rules.send_back(_in_review(), APPROVER, "Thêm giờ", NOW), AUTHOR) == (
        "edit",
        "submit",
        "withdraw",
    )
    assert rules.allowed(_in_review(), COLLEAGUE) == rules.allowed(_approved(), STRANGER) == ()


class Desk(RuleBasedStateMachine):
    """Everybody tries everything, in any order; renditions come when they come."""

    def __init__(self):
        super().__init__()
        self.item = _draft()

    def _try(self, action, actor, change, *, outdated=False):
        """Done when it is allowed, refused when it is not; a repeated approval is neither."""
        before = self.item
        if action in rules.allowed(before, actor) and not outdated:
            self.item = change()
            assert self.item is not before
            return
        refused = None
        try:
            self.item = change()
        except AppError as error:
            refused = error
        assert refused or self.item is before

    @rule(actor=st.sampled_from(EVERYONE), title=st.sampled_from(["Một tin", "Hai tin", "Ba tin"]))
    def edit(self, actor, title):
        before = self.item
        content = replace(CONTENT, title=title)
        self._try("edit", actor, lambda: rules.edit(before, actor, content, UNIT, NOW))
        if self.item is not before:
            assert self.item.state == "draft"
            assert self.item.renditions == ()
            assert self.item.approval_sha256 is None
            assert self.item.revision == before.revision + (before.state != "draft")

    @rule(actor=st.sampled_from(EVERYONE))
    def submit(self, actor):
        before = self.item
        self._try("submit", actor, lambda: rules.submit(before, actor, UNIT, NOW))

    @precondition(lambda self: self.item.state == "submitted")
    @rule(sha256=st.sampled_from(["a" * 64, "e" * 64]))
    def renditions_come(self, sha256):
        self.item = rules.rendered(self.item, (_rendition("audio", sha256), *MADE[::2]), NOW)

    @precondition(lambda self: self.item.state == "submitted")
    @rule()
    def rendering_fails(self):
        self.item = rules.render_failed(self.item, Failure("content.audio-failed", {}), NOW)

    @rule(actor=st.sampled_from(EVERYONE), honest=st.booleans())
    def approve(self, actor, honest):
        before = self.item
        seen = hash_to_approve(before) if honest else "0" * 64
        self._try("approve", actor, lambda: rules.approve(before, actor, seen, NOW), outdated=not honest)

    @rule(actor=st.sampled_from(EVERYONE))
    def send_back(self, actor):
        before = self.item
        self._try("return", actor, lambda: rules.send_back(before, actor, "Xin sửa", NOW))

    @rule(actor=st.sampled_from(EVERYONE))
    def withdraw(self, actor):
        before = self.item
        self._try("withdraw", actor, lambda: rules.withdraw(before, actor, NOW))

    @invariant()
    def an_approval_is_somebody_elses_and_fits_what_is_stored(self):
        approved = self.item.state == "approved"
        assert approved == (self.item.approver is not None) == (self.item.approval_sha256 is not None)
        if self.item.approver:
            assert self.item.approver.id not in (self.item.author.id, *self.item.edited_by)
            assert self.item.approval_sha256 == hash_to_approve(self.item)
            assert {one.kind for one in self.item.renditions} >= {"audio", "web"}

    @invariant()
    def a_refusal_says_why(self):
        for actor in EVERYONE:
            for action in set(rules.ACTIONS) - set(rules.allowed(self.item, actor)):
                assert isinstance(rules.refusal(action, self.item, actor), AppError)


TestDesk = Desk.TestCase
