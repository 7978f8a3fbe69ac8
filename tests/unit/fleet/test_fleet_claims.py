"""Codes, fingerprints, names of groups: pure rules of claiming."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_fleet.domain.claims import CODE_BYTES, is_of, new_code, read_code
from lantoa_fleet.domain.groups import group_id_of, groups_of
from lantoa_fleet.domain.places import MOST_LIFE, Actor, with_life
from lantoa_fleet.domain.rights import MOST_GROUPS
from lantoa_runtime.errors import Invalid
from lantoa_signing import nkey

PUBLIC = nkey.public_of(nkey.new_seed(bytes(range(32))))
_CODES = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES).map(new_code)


@given(_CODES, st.sampled_from([str.lower, str.upper, lambda code: code.replace("-", ""), lambda code: f" {code} "]))
def test_a_code_is_read_however_a_person_types_it(code: str, typed: object) -> None:
    assert callable(typed)
    assert read_code(typed(code)).code == code


@given(_CODES)
def test_a_code_has_no_letter_that_looks_like_another(code: str) -> None:
    assert not set(code) & set("IO01")


def test_different_random_bytes_are_different_codes() -> None:
    assert len({new_code(number.to_bytes(CODE_BYTES)) for number in range(5000)}) == 5000


@given(_CODES)
def test_a_qr_code_brings_the_code_and_the_fingerprint_of_its_device_alone(code: str) -> None:
    shown = read_code(f"lantoa:claim:{code}:{nkey.fingerprint(PUBLIC)}")
    assert shown.code == code
    assert shown.fingerprint is not None
    assert is_of(shown.fingerprint, PUBLIC)
    assert not is_of(shown.fingerprint, nkey.public_of(nkey.new_seed(secrets.token_bytes(32))))


@pytest.mark.parametrize(
    "written", [nkey.device_id(PUBLIC), nkey.fingerprint(PUBLIC).upper(), nkey.fingerprint(PUBLIC)]
)
def test_a_fingerprint_may_be_written_as_a_device_id(written: str) -> None:
    assert is_of(written, PUBLIC)


@pytest.mark.parametrize("written", ["", nkey.fingerprint(PUBLIC)[:12], "zz" * 10])
def test_too_short_a_fingerprint_is_none(written: str) -> None:
    assert not is_of(written, PUBLIC)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ven biển", "ven bien"), ("Đài  Trà Vinh", "dai-tra-vinh"), ("  Chợ!", "cho"), ("ចម្ការ", "ចម្ការ")],
)
def test_two_ways_of_typing_a_name_are_one_group(one: str, other: str) -> None:
    assert group_id_of(one) == group_id_of(other)


_NAMES = st.text(st.characters(categories=("L", "Nd", "Zs", "P")), min_size=1, max_size=80).filter(
    lambda name: any(char.isalnum() for char in name)
)


@given(_NAMES)
def test_the_id_of_a_group_fits_into_a_subject_and_is_its_own_id(name: str) -> None:
    group_id = group_id_of(name)
    assert 0 < len(group_id) <= 64
    assert group_id.isascii()
    assert all(char.isalnum() or char == "-" for char in group_id)
    assert group_id_of(group_id) == group_id


def test_groups_are_named_once_and_not_without_end() -> None:
    assert [group.name for group in groups_of(["Ven biển", "Chợ", "ven bien"])] == ["Chợ", "Ven biển"]
    groups_of(f"nhóm {number}" for number in range(MOST_GROUPS))
    with pytest.raises(Invalid):
        groups_of(f"nhóm {number}" for number in range(MOST_GROUPS + 1))


def test_a_device_keeps_the_last_of_its_life() -> None:
    device: dict[str, object] = {}
    for number in range(MOST_LIFE + 5):
        device |= with_life(device, "moved", Actor("p", "P"), None, number=number)  # type: ignore[arg-type]
    kept = device["life"]
    assert isinstance(kept, list)
    assert [entry["number"] for entry in kept] == list(range(5, MOST_LIFE + 5))
