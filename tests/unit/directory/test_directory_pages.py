import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.text import sort_key
from lantoa_directory.usecases.pages import page
from lantoa_runtime.errors import AppError


def documents(names):
    return [{"_id": f"u{number}", "sort_key": sort_key(name)} for number, name in enumerate(names)]


@given(st.lists(st.sampled_from(["Đại An", "Ea Tu", "Dân Thành", "Hòa", "Hoà"]), max_size=20), st.integers(1, 7))
def test_pages_one_after_the_other_give_every_document_once_and_in_order(names, limit):
    seen, cursor = [], None
    while True:
        shown, cursor = page(documents(names), limit, cursor)
        seen += [document["_id"] for document in shown]
        if cursor is None:
            break
    expected = sorted(documents(names), key=lambda document: (document["sort_key"], document["_id"]))
    assert seen == [document["_id"] for document in expected]


@pytest.mark.parametrize("cursor", ["x", "@@@@", "e30=", "WzEsIDJd", "bnVsbA==", "đ"])
def test_a_cursor_that_is_not_ours_is_refused(cursor):
    with pytest.raises(AppError) as refused:
        page(documents(["Hòa"]), 10, cursor)
    assert refused.value.code == "bad-cursor"
