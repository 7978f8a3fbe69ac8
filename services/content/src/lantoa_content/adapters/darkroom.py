"""Pictures that people send, made anew by a process for each (`adapters.webp`)."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass, field
from typing import Any

from lantoa_content.domain.picture import may_be
from lantoa_content.usecases.pictures import Developed
from lantoa_runtime.errors import AppError, Unavailable

_WORKER = "lantoa_content.adapters.webp"
_REFUSED = {
    "kind": ("content.picture-kind", 415),
    "size": ("content.picture-size", 422),
    "broken": ("content.picture-broken", 422),
}


@dataclass(frozen=True, slots=True)
class Darkroom:
    """One picture at a time, each within `seconds`."""

    seconds: float = 60.0
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def develop(self, data: bytes) -> Developed:
        """See `adapters.webp.webp`.

        Raises:
            AppError: `content.picture-kind`, `content.picture-size`, `content.picture-broken`; also where the decoder
                was stopped because it took too much.
            Unavailable: the process could not be started or had no time; try again.
        """
        if not may_be(data):
            raise AppError(*_REFUSED["kind"])
        async with self.gate:
            try:
                process = await asyncio.create_subprocess_exec(sys.executable, "-m", _WORKER, stdin=PIPE, stdout=PIPE)
            except OSError as error:
                raise Unavailable("pictures") from error
            try:
                async with asyncio.timeout(self.seconds):
                    answer, _ = await process.communicate(data)
            except TimeoutError as error:
                raise Unavailable("pictures") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        head, _, made = answer.partition(b"\n")
        told: dict[str, Any] = json.loads(head) if process.returncode == 0 else {"refused": "broken"}
        if "refused" in told:
            raise AppError(*_REFUSED[told["refused"]])
        return Developed(made, told["width"], told["height"])
