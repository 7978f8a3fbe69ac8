"""Signed documents, addresses and device keys: nothing but the real thing passes."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lantoa_contracts.base import SignedDocument
from lantoa_signing.documents import (
    KeySet,
    SignatureRefused,
    SigningKey,
    b64,
    key_id,
    make_key_set,
    open_key_set,
    unb64,
    verify,
)
from lantoa_signing.media import check_path, signed_path
from lantoa_signing.nkey import (
    curve_public,
    device_id,
    fingerprint,
    is_user_key,
    new_seed,
    public_of,
    raw_public,
    sign_with_seed,
    verify_by_nkey,
)

KEY, OTHER, ROOT = SigningKey(b"k" * 32), SigningKey(b"o" * 32), SigningKey(b"r" * 32)
KEYS = KeySet({KEY.kid: KEY.public})
SEED = new_seed(b"d" * 32)
PUBLIC = public_of(SEED)
SHA = "ab" * 32
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def flipped(text: str, bit: int) -> str:
    """The text with one bit of its bytes turned."""
    raw = bytearray(text.encode())
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    return raw.decode("utf-8", errors="replace")


@given(TEXTS)
def test_a_signed_text_comes_back_as_it_was(text):
    assert KEYS.verify(KEY.sign(text)) == text
    assert verify(KEY.sign(text), KEY.public) == text


@given(TEXTS.filter(bool), st.sampled_from(["p", "sig", "kid"]), st.integers(0, 2000))
def test_one_turned_bit_anywhere_is_refused(text, part, bit):
    document = KEY.sign(text)
    changed = flipped(getattr(document, part), bit)
    assume(changed != getattr(document, part))
    with pytest.raises(SignatureRefused):
        KEYS.verify(document.model_copy(update={part: changed}))


@given(TEXTS, st.text(max_size=120))
def test_whatever_stands_in_the_place_of_a_signature_is_refused_and_nothing_worse(text, signature):
    assume(signature != KEY.sign(text).sig)
    with pytest.raises(SignatureRefused):
        KEYS.verify(SignedDocument(kid=KEY.kid, p=text, sig=signature))


def test_a_signature_of_another_key_under_this_keys_name_is_refused():
    forged = OTHER.sign("x").model_copy(update={"kid": KEY.kid})
    with pytest.raises(SignatureRefused):
        KEYS.verify(forged)


@given(st.binary(max_size=80))
def test_there_is_one_way_to_write_bytes(raw):
    text = b64(raw)
    assert unb64(text) == raw
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n":
        other = text[:-1] + letter
        if other != text:
            try:
                assert unb64(other) != raw
            except SignatureRefused:
                continue


def test_a_key_set_opens_with_its_root_alone():
    document = make_key_set(ROOT, [KEY.public, OTHER.public])
    opened = open_key_set(document, ROOT.public)
    assert opened.keys == {KEY.kid: KEY.public, OTHER.kid: OTHER.public}
    assert KEY.kid == key_id(KEY.public)
    with pytest.raises(SignatureRefused):
        open_key_set(document, OTHER.public)
    with pytest.raises(SignatureRefused):
        open_key_set(make_key_set(OTHER, [KEY.public]), ROOT.public)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"keys":3}', '{"keys":[3]}', '{"keys":["*"]}', '{"keys":null}', '{"keys":{"a":1}}'],
)
def test_what_the_root_signed_but_is_no_key_set_is_refused(text):
    with pytest.raises(SignatureRefused):
        open_key_set(ROOT.sign(text), ROOT.public)


def test_a_signed_address_opens_its_file_until_it_expires():
    path = signed_path(KEY, SHA, "d-1", 1000)
    assert check_path(KEYS, path, 999.0) == SHA
    assert check_path(KEYS, path, 1000.0) == SHA
    with pytest.raises(SignatureRefused):
        check_path(KEYS, path, 1000.1)


@pytest.mark.parametrize(
    "change", [{"a": "d-2"}, {"e": "2000"}, {"e": "x"}, {"k": OTHER.kid}, {"s": "A" * 86}, {"s": ""}, {"e": None}]
)
def test_an_address_that_was_changed_is_refused(change):
    parts = urlsplit(signed_path(KEY, SHA, "d-1", 1000))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | change
    path = f"{parts.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"
    with pytest.raises(SignatureRefused):
        check_path(KeySet({KEY.kid: KEY.public, OTHER.kid: OTHER.public}), path, 1.0)


def test_an_address_signed_for_one_file_does_not_open_another():
    path = signed_path(KEY, SHA, "d-1", 1000)
    with pytest.raises(SignatureRefused):
        check_path(KEYS, path.replace(SHA, "cd" * 32), 1.0)


def test_an_address_of_an_unknown_signer_is_refused():
    with pytest.raises(SignatureRefused):
        check_path(KEYS, signed_path(OTHER, SHA, "d-1", 1000), 1.0)


@given(st.text(max_size=100))
def test_no_address_that_was_not_signed_opens_anything(path):
    with pytest.raises(SignatureRefused):
        check_path(KEYS, "/media/" + path, 1.0)


@given(st.binary(min_size=32, max_size=32))
def test_a_device_key_signs_and_is_known_by_its_public_form(entropy):
    seed = new_seed(entropy)
    public = public_of(seed)
    assert is_user_key(public)
    document = sign_with_seed(seed, '{"x":1}')
    assert verify_by_nkey(document, public) == '{"x":1}'
    with pytest.raises(SignatureRefused):
        verify_by_nkey(document, public_of(new_seed(bytes(32))) if entropy != bytes(32) else PUBLIC)


@given(st.integers(0, 56 * 8 - 1))
def test_one_turned_bit_in_a_public_key_breaks_its_checksum(bit):
    changed = flipped(PUBLIC, bit)
    with pytest.raises(SignatureRefused):
        raw_public(changed)
    assert not is_user_key(changed)


@given(st.text(max_size=64))
def test_any_other_text_is_no_public_key(text):
    assume(text != PUBLIC)
    assert not is_user_key(text)


def test_a_key_of_another_kind_is_no_users_key():
    account = public_of(new_seed(b"a" * 32, 0))
    assert account.startswith("A")
    assert len(raw_public(account)) == 32
    assert not is_user_key(account)


def test_a_checksum_as_nats_makes_it_is_accepted_for_a_curve_key():
    public = curve_public(b"c" * 32)
    assert public.startswith("X")
    assert len(raw_public(public)) == 32


def test_a_document_signed_by_another_device_is_refused():
    document = sign_with_seed(SEED, "x")
    other = public_of(new_seed(b"e" * 32))
    with pytest.raises(SignatureRefused):
        verify_by_nkey(document, other)
    with pytest.raises(SignatureRefused):
        verify_by_nkey(document.model_copy(update={"kid": other}), other)


def test_a_device_is_named_by_its_key():
    assert device_id(PUBLIC) == device_id(PUBLIC)
    assert device_id(PUBLIC) != device_id(public_of(new_seed(b"e" * 32)))
    assert len(device_id(PUBLIC)) == 22
    assert device_id(PUBLIC) == f"d-{fingerprint(PUBLIC)}"
