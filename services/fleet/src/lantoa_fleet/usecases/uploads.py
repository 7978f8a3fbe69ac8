"""What devices send back as files: a picture of their screen, their log."""

import asyncio
import hashlib
import io
from collections.abc import Mapping

import structlog

from lantoa_contracts.policy import DEVICE_READ
from lantoa_fleet import telemetry
from lantoa_fleet.domain import commands as rules
from lantoa_fleet.usecases.listing import Roster
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Collection, Document
from lantoa_signing.documents import KeySet, SignatureRefused, SigningKey

log = structlog.get_logger()

_MOST_PIXELS = 40_000_000
_FORMATS = ("PNG", "JPEG", "WEBP")


def picture(data: bytes) -> bytes:
    """A screenshot drawn anew as WebP: nothing of what was sent is kept but its pixels.

    Raises:
        Invalid: it is no PNG, JPEG or WebP, or has more than 40 million pixels.
    """
    from PIL import Image  # Only here: it costs memory that most replicas never need.

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise Invalid("fleet.upload-refused")
            out = io.BytesIO()
            opened.convert("RGB").save(out, "WEBP", quality=85, method=2)
            return out.getvalue()
    except Invalid:
        raise
    except Exception as error:  # Pillow raises whatever its many parsers stumble over.
        raise Invalid("fleet.upload-refused") from error


class Uploads:
    """Each signed address takes one file, once."""

    def __init__(self, commands: Collection, blobs: Blobs, key: SigningKey, roster: Roster, clock: Clock) -> None:
        self._commands = commands
        self._blobs = blobs
        self._keys = KeySet({key.kid: key.public})
        self._roster = roster
        self._clock = clock

    async def put(self, cmd_id: str, query: Mapping[str, str], data: bytes) -> None:
        """Store what a device answers a command with. The same file again is no error: the answer may have been lost.

        Raises:
            Forbidden: the address is forged, expired or for another command.
            Conflict: another file is there already.
            Invalid: not what was asked for.
            AppError: too large.
        """
        try:
            await self._put(cmd_id, query, data)
        except AppError as error:
            if not error.retryable:
                telemetry.UPLOADS.labels("refused").inc()
            raise

    async def _put(self, cmd_id: str, query: Mapping[str, str], data: bytes) -> None:
        command = await self._opened(cmd_id, query)
        if len(data) > rules.BIGGEST_UPLOAD:
            raise AppError("body-too-large", 413)
        sent = hashlib.sha256(data).hexdigest()
        if "upload" in command:
            if command["upload"]["sent"] != sent:
                raise Conflict("fleet.upload-done")
            telemetry.UPLOADS.labels("repeated").inc()
            return
        if command["name"] == "screenshot":
            data, media_type = await asyncio.to_thread(picture, data), "image/webp"
        else:
            media_type = rules.log_type(data)
        blob = await self._blobs.put(data, media_type)
        upload = {**blob.model_dump(), "sent": sent, "at": self._clock.now()}
        guard = {"_id": cmd_id, "upload": {"$exists": False}}
        if not (await self._commands.update_one(guard, {"$set": {"upload": upload}})).matched:
            raise Conflict("fleet.upload-done")
        telemetry.UPLOADS.labels("stored").inc()

    async def _opened(self, cmd_id: str, query: Mapping[str, str]) -> Document:
        try:
            device_id = rules.check_upload(self._keys, cmd_id, query, self._clock.now().timestamp())
        except SignatureRefused as refused:
            log.info("upload refused", reason=str(refused))
            raise Forbidden("fleet.upload-address") from refused
        command = await self._commands.find_one({"_id": cmd_id, "device_id": device_id})
        if command is None or command["name"] not in rules.UPLOADS:
            raise Forbidden("fleet.upload-address")
        return command

    async def get(self, caller: Caller, cmd_id: str) -> Document:
        """Hash and type of what a device sent, for staff of its unit.

        Raises:
            NotFound: nothing was sent, or not for this caller.
        """
        command = await self._commands.find_one({"_id": cmd_id})
        rows = (await self._roster.fresh()).rows
        row = rows.get(command["device_id"]) if command else None
        if command is None or row is None or "upload" not in command or not caller.may(DEVICE_READ, row.path):
            raise NotFound("upload")
        upload: Document = command["upload"]
        return upload
