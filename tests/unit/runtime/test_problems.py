"""Texts of errors: in both languages, for every code, with their values."""

import json
import string
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_runtime.http.problems import LANGUAGES, language_of, text


def catalogue(language):
    return json.loads((resources.files("lantoa_runtime") / "locales" / f"{language}.json").read_text("utf-8"))


def test_both_languages_have_the_same_codes_with_the_same_values():
    def shape(language):
        return {
            code: sorted({name for line in entry.values() for _, name, *_ in string.Formatter().parse(line) if name})
            for code, entry in catalogue(language).items()
        }

    assert shape("vi") == shape("en")


def test_no_text_is_the_same_in_both_languages():
    vi, en = catalogue("vi"), catalogue("en")
    assert [code for code in vi if vi[code]["title"] == en[code]["title"]] == []


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "vi"),
        ("*", "vi"),
        ("fr", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.8", "en"),
        ("fr, en;q=0.5", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("EN", "en"),
    ],
)
def test_the_readers_first_language_that_we_have_is_taken(accept, language):
    assert language_of(accept) == language


@given(st.text())
def test_any_header_gives_a_language(accept):
    assert language_of(accept) in LANGUAGES


def test_a_value_that_is_missing_leaves_the_text_standing():
    title, detail = text("lantoa_runtime", "en", "unavailable", {})
    assert title
    assert "{what}" in detail
    assert "nats" in text("lantoa_runtime", "en", "unavailable", {"what": "nats"})[1]


def test_a_code_without_a_text_has_the_general_one():
    assert text("lantoa_runtime", "vi", "nobody.wrote-this", {}) == text("lantoa_runtime", "vi", "unexpected", {})
