"""Releases: fetched by hash, laid beside one another, one of them current. Older ones stay for the way back."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from lantoa_contracts.base import BlobRef, Sha256
from lantoa_contracts.device import Command, Tolerant
from lantoa_devicekit.cache import DownloadRefused, MediaCache
from lantoa_devicekit.commands import CommandFailed, number, text

FOLDER = "releases"
CURRENT = "current"
MANIFEST = "manifest.sha256"
"""In a release: which manifest it was laid out from."""
KEEP = 3
FETCH_S = 3600.0
MAX_BYTES = 512 * 1024 * 1024
_VERSION = re.compile(r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$")


def _relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    ordinary = parts and not path.startswith("/") and ".." not in parts and "\\" not in path and "\0" not in path
    if not ordinary or path == MANIFEST or str(PurePosixPath(path)) != path:
        raise ValueError("not a path inside a release")
    return path


class UpdateFile(Tolerant):
    """One file of a release."""

    path: Annotated[str, Field(max_length=400), AfterValidator(_relative)]
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0, le=MAX_BYTES)]


class UpdateManifest(Tolerant):
    """What a release consists of. The signed command names its sha256, so its text needs no signature of its own."""

    kind: Literal["update"]
    version: str
    files: Annotated[tuple[UpdateFile, ...], Field(min_length=1, max_length=10_000)]


def read_manifest(data: bytes, version: str) -> UpdateManifest:
    """A manifest from its text, bare or as a signed document's.

    Raises:
        CommandFailed: not a manifest, of another version, too big, or with a path twice or out of the release.
    """
    try:
        told = json.loads(data)
        if isinstance(told, dict) and set(told) == {"kid", "p", "sig"}:
            told = json.loads(told["p"])
        manifest = UpdateManifest.model_validate(told)
    except (ValueError, TypeError, ValidationError) as error:
        raise CommandFailed(f"manifest: {error}"[:300]) from error
    paths = [file.path for file in manifest.files]
    if manifest.version != version:
        raise CommandFailed(f"the manifest is of version {manifest.version}")
    if len(set(paths)) != len(paths) or sum(file.bytes for file in manifest.files) > MAX_BYTES:
        raise CommandFailed("manifest: a path twice, or too big")
    return manifest


class Releases:
    """The releases in ``<data>/releases``; ``current`` is a link to the one in use."""

    def __init__(self, data: Path, cache: MediaCache) -> None:
        self._folder = data / FOLDER
        self._cache = cache

    @property
    def current(self) -> str | None:
        """The version in use; None before the first update."""
        link = self._folder / CURRENT
        return link.readlink().name if link.is_symlink() and link.exists() else None

    async def update(self, command: Command) -> dict[str, str]:
        """Carry out the command ``update``; the one in use stays until the new one is whole and verified.

        Raises:
            CommandFailed: something of it is missing or not what was signed.
        """
        version, sha256 = text(command, "version"), text(command, "manifest_sha256")
        if not _VERSION.match(version) or version == CURRENT:
            raise CommandFailed("version makes no sense")
        before = self.current
        if not await asyncio.to_thread(self._has, version, sha256):
            if version == before:
                raise CommandFailed(f"{version} is in use and is another manifest's")
            size = round(number(command, "manifest_bytes", 1, 16 * 1024 * 1024))
            ref = _reference(sha256, size, "application/json")
            try:
                async with asyncio.timeout(FETCH_S):
                    await self._lay_out(version, ref)
            except TimeoutError as error:
                raise CommandFailed("not fetched in time") from error
            except DownloadRefused as error:
                raise CommandFailed(f"not what was signed: {error}") from error
            except OSError as error:
                raise CommandFailed(f"disk: {error}") from error
        await asyncio.to_thread(self._switch, version, before)
        return {"version": version, "before": before or ""}

    def _has(self, version: str, sha256: str) -> bool:
        marker = self._folder / version / MANIFEST
        return marker.exists() and marker.read_text() == sha256

    async def _lay_out(self, version: str, ref: BlobRef) -> None:
        path = await self._cache.get(ref, tries=_TRIES)
        manifest = read_manifest(await asyncio.to_thread(path.read_bytes), version)
        refs = {file.sha256: _reference(file.sha256, file.bytes, "application/octet-stream") for file in manifest.files}
        with self._cache.holding({ref.sha256, *refs}):
            for each in refs.values():
                await self._cache.get(each, tries=_TRIES)
            await asyncio.to_thread(self._copy, version, ref.sha256, manifest)

    def _copy(self, version: str, sha256: str, manifest: UpdateManifest) -> None:
        part = self._folder / f".{version}.part"
        shutil.rmtree(part, ignore_errors=True)
        for file in manifest.files:
            target = part / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._cache.path(file.sha256), target)
        (part / MANIFEST).write_text(sha256)
        for path in part.rglob("*"):
            if path.is_file():
                with path.open("rb") as file_:
                    os.fsync(file_.fileno())
        shutil.rmtree(self._folder / version, ignore_errors=True)
        part.replace(self._folder / version)

    def _switch(self, version: str, before: str | None) -> None:
        link = self._folder / f".{CURRENT}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        link.replace(self._folder / CURRENT)
        os.utime(self._folder / version)
        others = [path for path in self._folder.iterdir() if path.is_dir() and not path.is_symlink()]
        spare = [path for path in others if path.name not in (version, before)]
        for path in sorted(spare, key=lambda path: path.stat().st_mtime, reverse=True)[KEEP - 2 :]:
            shutil.rmtree(path, ignore_errors=True)


_TRIES = 3


def _reference(sha256: str, size: int, media_type: str) -> BlobRef:
    try:
        return BlobRef(sha256=sha256, bytes=size, media_type=media_type)
    except ValidationError as error:
        raise CommandFailed("manifest_sha256 is not a sha256") from error
