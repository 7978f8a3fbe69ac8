"""A chain of entries tells where it was tampered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_signing.chain import FIELDS, GENESIS, Finding, Head, examine, linked, open_seal, seal_text
from lantoa_signing.documents import SignatureRefused, SigningKey

KEY, OTHER = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
PUBLIC = [KEY.public]


def chain(length, name="u-1"):
    entries, prev = [], GENESIS
    for seq in range(1, length + 1):
        told = dict.fromkeys(FIELDS, "") | {"chain": name, "seq": seq, "action": f"a.b.{seq}", "event": f"e{seq}"}
        entries.append(linked(told, prev))
        prev = entries[-1]["hash"]
    return entries


def relinked(entries):
    """Entries whose writer made every hash anew."""
    made, prev = [], GENESIS
    for entry in entries:
        made.append(linked(entry, prev))
        prev = made[-1]["hash"]
    return made


def seals_of(entries, *lengths, key=KEY):
    made, prev = [], GENESIS
    for number, length in enumerate(lengths, 1):
        text = seal_text(number, f"t{number}", prev, [Head("u-1", length, entries[length - 1]["hash"])])
        made.append(key.sign(text))
        prev = open_seal(made[-1], [key.public]).hash
    return made


def faults(entries, seals=(), copies=()):
    return examine({"u-1": entries}, seals, copies, PUBLIC)


WHOLE = chain(9)
SEALS = seals_of(WHOLE, 3, 6, 8)


def test_what_is_as_it_was_written_has_no_faults():
    assert faults(WHOLE, SEALS, SEALS) == []
    assert faults(WHOLE, SEALS, SEALS[1:]) == []
    assert faults([]) == []


@given(st.integers(0, 8), st.sampled_from([name for name in FIELDS if name not in ("seq", "chain")]))
def test_a_flipped_entry_is_found_at_its_place_whatever_was_flipped(at, field):
    entries = [dict(entry) for entry in WHOLE]
    entries[at][field] = f"{entries[at][field]}!"
    assert faults(entries, SEALS) == [Finding("flipped", "u-1", at + 1)]


@given(st.integers(0, 7))
def test_an_entry_flipped_together_with_its_hash_is_found_by_the_one_after_it(at):
    entries = [dict(entry) for entry in WHOLE]
    entries[at] = linked({**entries[at], "actor": "p-else"}, entries[at]["prev"])
    found = faults(entries)
    assert found == [Finding("flipped", "u-1", at + 1)]


@given(st.integers(0, 7))
def test_a_deleted_entry_is_found_at_its_place(at):
    entries = [entry for number, entry in enumerate(WHOLE) if number != at]
    assert faults(entries) == [Finding("deleted", "u-1", at + 1)]


@given(st.integers(0, 7))
def test_a_chain_that_was_cut_off_is_found_by_its_seals(length):
    assert faults(WHOLE[:length], SEALS) == [Finding("truncated", "u-1", length + 1)]


def test_a_whole_chain_that_is_gone_is_found():
    assert examine({}, SEALS, (), PUBLIC) == [Finding("truncated", "u-1", 1)]
    assert examine({}, SEALS, (), PUBLIC, only={"u-2"}) == []


@given(st.integers(0, 7))
def test_two_entries_that_stand_in_the_wrong_order_are_found(at):
    entries = list(WHOLE)
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert faults(entries, SEALS) == [Finding("reordered", "u-1", at + 1)]


@given(st.integers(0, 7))
def test_two_entries_that_swapped_their_numbers_are_found(at):
    entries = [dict(entry) for entry in WHOLE]
    entries[at]["seq"], entries[at + 1]["seq"] = at + 2, at + 1
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert faults(entries, SEALS) == [Finding("reordered", "u-1", at + 1), Finding("reordered", "u-1", at + 2)]


@pytest.mark.parametrize(("at", "since"), [(0, 1), (4, 4), (7, 7)])
def test_a_chain_that_was_written_anew_fits_itself_and_not_its_seals(at, since):
    entries = relinked([{**e, "actor": "p-else"} if n == at else e for n, e in enumerate(WHOLE)])
    assert faults(entries) == []
    assert faults(entries, SEALS) == [Finding("rewritten", "u-1", since)]


def test_an_old_seal_in_the_place_of_the_newest_is_found():
    assert faults(WHOLE, [*SEALS[:2], SEALS[0]]) == [Finding("replayed", "seals", 3)]


def test_an_old_seal_that_is_shown_as_the_newest_is_found_by_the_copies_elsewhere():
    cut = WHOLE[:3]
    assert faults(cut, SEALS[:1], SEALS) == [Finding("replayed", "seals", 2), Finding("truncated", "u-1", 4)]


def test_another_seal_under_the_same_number_is_found():
    second = seals_of(WHOLE, 3, 5)[1]
    assert faults(WHOLE, [SEALS[0], second, SEALS[2]])[0] == Finding("replayed", "seals", 3)
    assert Finding("replayed", "seals", 2) in faults(WHOLE, [SEALS[0], second], SEALS)


def test_a_seal_of_another_key_is_found_and_not_believed():
    forged = seals_of(relinked([{**WHOLE[0], "actor": "p-else"}, *WHOLE[1:]]), 3, key=OTHER)
    assert faults(WHOLE, forged) == [Finding("forged", "seals", 1)]
    changed = SEALS[0].model_copy(update={"p": SEALS[0].p.replace('"t1"', '"t9"')})
    assert faults(WHOLE, [changed, *SEALS[1:]]) == [Finding("forged", "seals", 1)]


def test_keys_may_follow_each_other():
    later = seals_of(WHOLE, 3, key=OTHER)
    assert examine({"u-1": WHOLE}, later, (), [KEY.public, OTHER.public]) == []


def test_what_is_signed_and_no_seal_is_refused():
    with pytest.raises(SignatureRefused, match="not a seal"):
        open_seal(KEY.sign('{"number": 1}'), PUBLIC)
