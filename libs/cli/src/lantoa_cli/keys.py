"""`lantoa keys`: put a new key beside an old one, let it take over, take the old one away.

The files tell where a rotation stands: ``fleet.key`` signs, ``fleet.key.next`` waits, ``fleet.key.old`` has signed
before. The key set that the root signs vouches for all of them; devices take it up when they meet a key that they do
not know. Each step can be repeated after a crash.
"""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lantoa_cli.errors import fail
from lantoa_cli.topology import _KEYS, Keys
from lantoa_contracts.base import SignedDocument
from lantoa_runtime.topology.keys import KeyRing, write_key_file
from lantoa_signing.documents import KeySet, SignatureRefused, SigningKey, make_key_set, open_key_set, unb64

keys = typer.Typer(no_args_is_help=True, help="Rotation of the keys that sign for devices.")


class Use(StrEnum):
    """Whose key: fleet's for everything but alerts, alert's for alerts alone."""

    FLEET = "fleet"
    ALERT = "alert"


Whose = Annotated[Use, typer.Argument(help="Whose key.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", help="File with the root's private key, which may lie outside the folder; root.key in it."),
]


class NotNow(Exception):
    """This step does not come next, or cannot be done; the message says why."""


def file_of(ring: KeyRing, use: Use, state: str = "") -> Path:
    """Where a key lies: the one that signs, or the one that is ``next`` or ``old``."""
    current = ring.fleet_file if use is Use.FLEET else ring.alert_file
    return current.with_name(f"{current.name}.{state}") if state else current


def present_set(ring: KeyRing) -> KeySet:
    """The key set as it is, checked against the root's public half.

    Raises:
        NotNow: it is not signed by this root.
    """
    try:
        signed = SignedDocument.model_validate_json(ring.key_set_file.read_bytes())
        return open_key_set(signed, unb64(ring.root_public))
    except (ValueError, SignatureRefused) as error:
        raise NotNow(f"{ring.key_set_file} is not signed by the root in {ring.root_public_file}") from error


def rotate(ring: KeyRing, use: Use, root_file: Path) -> KeySet:
    """Make the next key and a key set that vouches for it too; nothing signs with it yet.

    Raises:
        NotNow: the last rotation is not at its end, or that is not the root.
    """
    following = file_of(ring, use, "next")
    if file_of(ring, use, "old").exists():
        raise NotNow(f"the last rotation is not at its end: lantoa keys retire {use}")
    root = _root(ring, root_file)
    if not following.exists():
        write_key_file(following, secrets.token_bytes(32))
    elif _public(following) in present_set(ring).keys.values():
        raise NotNow(f"the next key is there already: lantoa keys switch {use}")
    return _write_set(ring, root)


def switch(ring: KeyRing, use: Use) -> None:
    """Let the next key take over at the service's next start.

    Raises:
        NotNow: there is none, or devices have not been told of it.
    """
    current, following, old = (file_of(ring, use, state) for state in ("", "next", "old"))
    if not following.exists():
        raise NotNow(f"there is no next key: lantoa keys rotate {use}")
    if _public(following) not in present_set(ring).keys.values():
        raise NotNow(f"the key set does not have the next key: lantoa keys rotate {use}")
    if old.exists() and old.read_bytes() != current.read_bytes():
        raise NotNow(f"the last rotation is not at its end: lantoa keys retire {use}")
    write_key_file(old, current.read_bytes())
    following.rename(current)


def retire(ring: KeyRing, use: Use, root_file: Path) -> KeySet:
    """Take the old key out of the key set and away; what it signed is refused from then on.

    Raises:
        NotNow: there is none, or that is not the root.
    """
    old = file_of(ring, use, "old")
    if file_of(ring, use, "next").exists() or not old.exists():
        raise NotNow(f"there is no old {use} key to retire")
    root = _root(ring, root_file)
    made = _write_set(ring, root, without=old)
    old.unlink()
    return made


def _root(ring: KeyRing, file: Path) -> SigningKey:
    try:
        root = SigningKey(file.read_bytes())
        fits = root.public == unb64(ring.root_public)
    except (OSError, ValueError) as error:
        raise NotNow(f"no root key in {file}") from error
    if not fits:
        raise NotNow(f"{file} is not the root that devices have pinned ({ring.root_public_file})")
    return root


def _public(file: Path) -> bytes:
    return SigningKey(file.read_bytes()).public


def _write_set(ring: KeyRing, root: SigningKey, without: Path | None = None) -> KeySet:
    """A set of all keys that are there, above the one before, so that devices take it for newer."""

    def publics(use: Use) -> list[bytes]:
        files = (file_of(ring, use, state) for state in ("", "next", "old"))
        return [_public(file) for file in files if file != without and file.exists()]

    signed = make_key_set(root, publics(Use.FLEET), publics(Use.ALERT), present_set(ring).seq + 1)
    write_key_file(ring.key_set_file, signed.model_dump_json().encode())
    return open_key_set(signed, root.public)


def _say(ring: KeyRing) -> None:
    known = present_set(ring)
    typer.echo(f"Bộ khóa số {known.seq}:")
    for use in Use:
        for state, says in (("", "đang ký"), ("next", "chờ thay"), ("old", "sắp bỏ")):
            file = file_of(ring, use, state)
            if file.exists():
                kid = SigningKey(file.read_bytes()).kid
                typer.echo(f"  {use:6} {kid}  {says}{'' if kid in known.keys else '  KHÔNG có trong bộ khóa'}")


def _do(step: str, folder: Path, use: Use, root: Path | None) -> None:
    ring = KeyRing(folder)
    try:
        if step == "rotate":
            rotate(ring, use, root or ring.root_file)
        elif step == "switch":
            switch(ring, use)
        elif step == "retire":
            retire(ring, use, root or ring.root_file)
        _say(ring)
    except (NotNow, OSError) as error:
        raise fail(str(error)) from error


@keys.command("rotate")
def rotate_command(use: Whose, folder: Keys = _KEYS, root: Root = None) -> None:
    """Make the next key, and a key set with it. Restart gateway and fleet, which give the set out."""
    _do("rotate", folder, use, root)


@keys.command("switch")
def switch_command(use: Whose, folder: Keys = _KEYS) -> None:
    """Let the next key sign. Restart its service."""
    _do("switch", folder, use, None)


@keys.command("retire")
def retire_command(use: Whose, folder: Keys = _KEYS, root: Root = None) -> None:
    """Take the old key away. Restart gateway and fleet."""
    _do("retire", folder, use, root)


@keys.command("show")
def show_command(folder: Keys = _KEYS) -> None:
    """Which keys there are and which of them the key set vouches for."""
    _do("show", folder, Use.FLEET, None)
