"""What a contest promises before any server is there: commitments, papers, scores, deadlines, ranking."""

import itertools
import json
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contest.domain import (
    GRACE,
    SETTLING,
    Contest,
    Entry,
    Question,
    answer_key_document,
    attempt_id_of,
    fits,
    is_late,
    ledger_sha256,
    make_paper,
    may_take_part_for,
    pseudonym,
    ranking,
    rules_document,
    score,
    sha256,
)
from lantoa_contest.usecases.stored import contest_fields, contest_of, paper_fields, paper_of

OPENS = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
CLOSES = OPENS + timedelta(days=30)
QUESTIONS = (
    Question("Mã OTP đọc cho ai?", ("Không ai", "Công an", "Ngân hàng"), 0),
    Question("Tin nhắn lạ?", ("Bấm ngay", "Xóa, báo lại", "Gửi bạn bè", "Trả lời"), 1, "សារចម្លែក?"),
    Question("Mật khẩu?", ("123456", "Ngày sinh", "Dài và khác nhau"), 2),
)
CONTEST = Contest(
    id="an-toan-mang",
    title="An toàn trên mạng",
    title_en="Safe online",
    unit_id="u-86-2025",
    tasks=("01",),
    topic="security",
    opens_at=OPENS,
    closes_at=CLOSES,
    minutes=10,
    rules="Mỗi người một lượt.",
    tie_breaks="Ít thời gian hơn.",
    questions=QUESTIONS,
)
seeds = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)


@st.composite
def ledgers(draw):
    entries = []
    for number in range(draw(st.integers(0, 12))):
        begin = OPENS + timedelta(seconds=draw(st.integers(0, 2)))
        end = begin + timedelta(seconds=draw(st.integers(0, 2)))
        entries.append(Entry(f"a-{number}", "u-1", draw(st.integers(0, 3)), 3, begin, end, sha256(str(number))))
    return entries


@given(ledgers(), st.randoms(use_true_random=False))
def test_any_order_of_the_ledger_gives_the_same_ranking_and_the_same_hash(ledger, order):
    shuffled = list(ledger)
    order.shuffle(shuffled)
    assert ranking(shuffled) == ranking(ledger)
    assert ledger_sha256(shuffled) == ledger_sha256(ledger)


@given(ledgers())
def test_nobody_stands_behind_somebody_who_did_worse(ledger):
    ranked = ranking(ledger)
    assert sorted(one.attempt_id for one in ranked) == sorted(one.attempt_id for one in ledger)
    for better, worse in itertools.pairwise(ranked):
        if better.score == worse.score:
            assert (better.duration, better.submitted_at) <= (worse.duration, worse.submitted_at)
        assert better.score >= worse.score


def test_the_ledgers_hash_changes_with_any_receipt_and_can_be_made_with_ordinary_tools():
    entries = [Entry(f"a-{n}", "u-1", 1, 3, OPENS, OPENS, sha256(str(n))) for n in range(2)]
    lines = "".join(f"{line}\n" for line in sorted((sha256("0"), sha256("1"))))
    assert ledger_sha256(entries) == sha256(lines)
    assert ledger_sha256(entries[:1]) != ledger_sha256(entries)


@given(seeds)
def test_a_paper_is_a_permutation_that_its_seed_alone_decides(seed):
    paper = make_paper(QUESTIONS, seed)
    assert paper == make_paper(QUESTIONS, seed)
    assert sorted(place.question for place in paper) == [0, 1, 2]
    for place in paper:
        assert sorted(place.options) == list(range(len(QUESTIONS[place.question].options)))


def test_the_right_option_stands_everywhere_equally_often():
    first = dict.fromkeys(range(3), 0)
    for number in range(600):
        place = next(p for p in make_paper(QUESTIONS, sha256(str(number))) if p.question == 0)
        first[place.options.index(0)] += 1
    assert all(140 < times < 260 for times in first.values())


@given(seeds, st.lists(st.booleans(), min_size=3, max_size=3))
def test_the_score_counts_right_answers_wherever_they_stand(seed, rightly):
    paper = make_paper(QUESTIONS, seed)
    choices = []
    for place, right in zip(paper, rightly, strict=True):
        at = place.options.index(QUESTIONS[place.question].right)
        choices.append(at if right else (at + 1) % len(place.options))
    assert score(QUESTIONS, paper, choices) == sum(rightly)


@given(seeds, st.lists(st.integers(-2, 5), max_size=5))
def test_choices_fit_only_when_each_is_an_option_of_its_question(seed, choices):
    paper = make_paper(QUESTIONS, seed)
    expected = len(choices) == 3 and all(
        c in range(len(place.options)) for c, place in zip(choices, paper, strict=True)
    )
    assert fits(paper, choices) == expected


def test_an_attempt_ends_after_its_minutes_but_never_after_the_contest():
    assert CONTEST.ends_at(OPENS) == OPENS + timedelta(minutes=10)
    assert CONTEST.ends_at(CLOSES - timedelta(minutes=1)) == CLOSES
    assert not is_late(CLOSES, CLOSES + GRACE)
    assert is_late(CLOSES, CLOSES + GRACE + timedelta(milliseconds=1))


def test_no_attempt_is_in_time_when_the_key_is_published():
    published = next(
        moment for moment in (CLOSES + timedelta(seconds=s) for s in range(120)) if CONTEST.phase(moment) == "over"
    )
    assert published == CLOSES + SETTLING
    assert is_late(CONTEST.ends_at(CLOSES), published)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [(OPENS - timedelta(seconds=1), "soon"), (OPENS, "open"), (CLOSES, "settling"), (CLOSES + SETTLING, "over")],
)
def test_a_contest_knows_where_it_stands(moment, phase):
    assert CONTEST.phase(moment) == phase


def test_the_rules_text_holds_what_binds_and_no_question():
    text = rules_document(CONTEST)
    assert json.loads(text)["rules"] == CONTEST.rules
    assert not any(question.prompt in text for question in QUESTIONS)
    for changed in (
        replace(CONTEST, rules="Mỗi người hai lượt."),
        replace(CONTEST, closes_at=CLOSES + timedelta(days=1)),
        replace(CONTEST, minutes=11),
        replace(CONTEST, tie_breaks="Bốc thăm."),
    ):
        assert sha256(rules_document(changed)) != sha256(text)


def test_the_key_commits_to_questions_and_answers_and_the_salt_hides_it():
    text = answer_key_document(CONTEST, "salt")
    assert [one["right"] for one in json.loads(text)["questions"]] == ["Không ai", "Xóa, báo lại", "Dài và khác nhau"]
    other = replace(CONTEST, questions=(replace(QUESTIONS[0], right=1), *QUESTIONS[1:]))
    assert answer_key_document(other, "salt") != text
    assert answer_key_document(CONTEST, "another salt") != text


def test_an_entrant_is_one_in_a_contest_and_another_in_the_next():
    pepper, other = "aa" * 32, "bb" * 32
    assert pseudonym(pepper, "c-1") == pseudonym(pepper, "c-1")
    assert len({pseudonym(pepper, "c-1"), pseudonym(pepper, "c-2"), pseudonym(other, "c-1")}) == 3
    assert attempt_id_of("x", pseudonym(pepper, "c-1")) != attempt_id_of("y", pseudonym(pepper, "c-1"))


def test_one_takes_part_for_a_commune_below_that_stands_today():
    unit = {"path": ["u-86-2025", "u-1"], "kind": "commune", "valid_from": "2025-07-01", "valid_to": None}
    today = date(2026, 12, 1)
    assert may_take_part_for(unit, "u-86-2025", today)
    for changed in (
        {"path": ["u-92", "u-1"]},
        {"kind": "body"},
        {"kind": "province"},
        {"valid_to": "2026-11-30"},
        {"valid_from": "2026-12-02"},
    ):
        assert not may_take_part_for(unit | changed, "u-86-2025", today)


def test_what_is_stored_comes_back_as_it_was():
    paper = make_paper(QUESTIONS, f"{random.Random(1).random()}")
    assert contest_of({"_id": CONTEST.id, **contest_fields(CONTEST)}) == CONTEST
    assert paper_of({"paper": paper_fields(paper)}) == paper
