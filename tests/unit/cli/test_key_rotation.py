"""A key is replaced without a moment in which devices refuse what its service signs."""

import secrets
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lantoa_cli.keys import NotNow, Use, file_of, present_set, retire, rotate, switch
from lantoa_cli.main import app
from lantoa_runtime.topology.keys import KeyRing, ensure_keys
from lantoa_signing.documents import KeySet, KeyUse, SignatureRefused, SigningKey

MEANT: dict[Use, KeyUse] = {Use.FLEET: "platform", Use.ALERT: "alert"}


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return ensure_keys(tmp_path / "keys")


def _signer(ring: KeyRing, use: Use) -> SigningKey:
    return SigningKey(file_of(ring, use).read_bytes())


def _takes(known: KeySet, ring: KeyRing, use: Use) -> bool:
    try:
        return known.verify(_signer(ring, use).sign("xin chào"), MEANT[use]) == "xin chào"
    except SignatureRefused:
        return False


@pytest.mark.parametrize("use", list(Use))
def test_devices_with_the_set_of_the_step_before_take_what_is_signed_at_every_step(ring: KeyRing, use: Use) -> None:
    first, before = _signer(ring, use), present_set(ring)
    announced = rotate(ring, use, ring.root_file)
    assert _takes(before, ring, use), "nothing signs with the next key yet"
    switch(ring, use)
    assert _signer(ring, use) != first
    assert _takes(announced, ring, use)
    retired = retire(ring, use, ring.root_file)
    assert _takes(announced, ring, use)
    assert _takes(retired, ring, use)
    with pytest.raises(SignatureRefused):
        retired.verify(first.sign("from before"), MEANT[use])
    other = Use.ALERT if use is Use.FLEET else Use.FLEET
    assert _takes(retired, ring, other)
    assert before.seq < announced.seq < retired.seq


def test_both_keys_can_be_on_their_way_at_once(ring: KeyRing) -> None:
    for use in Use:
        rotate(ring, use, ring.root_file)
    assert len(present_set(ring).keys) == 4
    for use in Use:
        switch(ring, use)
        retire(ring, use, ring.root_file)
    assert all(_takes(present_set(ring), ring, use) for use in Use)
    assert len(present_set(ring).keys) == 2


def test_steps_out_of_order_change_nothing_and_say_what_comes_next(ring: KeyRing) -> None:
    with pytest.raises(NotNow, match="rotate fleet"):
        switch(ring, Use.FLEET)
    with pytest.raises(NotNow, match="no old fleet key"):
        retire(ring, Use.FLEET, ring.root_file)
    rotate(ring, Use.FLEET, ring.root_file)
    with pytest.raises(NotNow, match="switch fleet"):
        rotate(ring, Use.FLEET, ring.root_file)
    switch(ring, Use.FLEET)
    with pytest.raises(NotNow, match="retire fleet"):
        rotate(ring, Use.FLEET, ring.root_file)


def test_a_crash_after_any_write_is_mended_by_doing_the_step_again(ring: KeyRing) -> None:
    file_of(ring, Use.FLEET, "next").write_bytes(secrets.token_bytes(32))  # rotate: the key, not yet the set
    rotate(ring, Use.FLEET, ring.root_file)
    shutil.copy(file_of(ring, Use.FLEET), file_of(ring, Use.FLEET, "old"))  # switch: the copy, not yet the rename
    switch(ring, Use.FLEET)
    kept = file_of(ring, Use.FLEET, "old").read_bytes()
    retire(ring, Use.FLEET, ring.root_file)
    file_of(ring, Use.FLEET, "old").write_bytes(kept)  # retire: the set, not yet the removal
    assert len(retire(ring, Use.FLEET, ring.root_file).keys) == 2


def test_the_root_may_lie_elsewhere_and_no_other_root_is_taken(ring: KeyRing, tmp_path: Path) -> None:
    safe, other = tmp_path / "safe.key", tmp_path / "other.key"
    ring.root_file.rename(safe)
    other.write_bytes(secrets.token_bytes(32))
    run = CliRunner()
    command = ["keys", "rotate", "alert", "--keys", str(ring.folder)]
    for root in ([], ["--root", str(other)]):
        refused = run.invoke(app, [*command, *root])
        assert refused.exit_code == 1
        assert not file_of(ring, Use.ALERT, "next").exists()
    done = run.invoke(app, [*command, "--root", str(safe)])
    assert done.exit_code == 0, done.output
    assert "chờ thay" in done.output
    assert file_of(ring, Use.ALERT, "next").stat().st_mode & 0o777 == 0o600
