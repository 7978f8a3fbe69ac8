from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lantoa_directory.domain.citizens import CODES_ALLOWED, code_wait, masked, phone_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NINE = st.from_regex(r"[35789][0-9]{8}", fullmatch=True)


@given(NINE, st.sampled_from(["0", "+84", "84", "0084"]), st.sampled_from(["", " ", ".", "-"]))
def test_a_number_is_the_same_however_it_is_written(nine, prefix, between):
    written = prefix + between + between.join((nine[:2], nine[2:5], nine[5:]))
    assert phone_of(written) == f"+84{nine}"


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_mobile_number_or_nothing(typed):
    phone = phone_of(typed)
    assert phone is None or (len(phone) == 12 and phone[:3] == "+84" and phone[1:].isascii() and phone[1:].isdigit())


@given(NINE)
def test_a_masked_number_shows_four_digits(nine):
    assert masked(f"+84{nine}") == f"0{nine[0]}•• ••• {nine[-3:]}"


@given(st.lists(st.integers(0, 100_000), max_size=40))
def test_whoever_waits_as_told_never_gets_more_codes_than_allowed(pauses):
    sent, now = [], NOW
    for pause in pauses:
        now += timedelta(seconds=pause) + code_wait(sent, now)
        assert code_wait(sent, now) == timedelta(0)
        sent.append(now)
    for most, span in CODES_ALLOWED:
        for index in range(len(sent) - most):
            assert sent[index + most] - sent[index] >= span
