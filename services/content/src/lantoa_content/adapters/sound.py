"""Sound is made in a process of its own: what it loads for that is more than all the rest of the service.

The process is this module, started when there is something to do and gone after a while without. Over its stdin and
stdout go a line of JSON and then the bytes that it announces, there and back, one sound after the other.
"""

import asyncio
import contextlib
import json
import select
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from typing import Any

from lantoa_content.adapters.audio import AudioFailed, AudioRendition, make_audio
from lantoa_runtime.errors import Unavailable

IDLE_SECONDS = 120.0
_LONGEST_LINE = 4096


@dataclass
class SoundWorker:
    """Gives `make_audio` to a process; one sound at a time. ``timeout`` in seconds for each."""

    timeout: float
    idle: float = IDLE_SECONDS
    _process: Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def make(self, pcm: bytes, sample_rate: int) -> AudioRendition:
        """See :func:`lantoa_content.adapters.audio.make_audio`.

        Raises:
            AudioFailed: the sound cannot be brought to its level.
            Unavailable: the process was killed, could not be started or took too long; try again.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self.timeout):
                    answer = await self._ask(pcm, sample_rate) or await self._ask(pcm, sample_rate)
            except (OSError, TimeoutError) as error:
                await self.close()
                raise Unavailable("sound") from error
            except BaseException:
                await self.close()  # Half a request was sent or half an answer read: the next must not meet the rest.
                raise
        if answer is None:
            raise Unavailable("sound")
        told, data = answer
        if "failed" in told:
            raise AudioFailed(told["failed"])
        return AudioRendition(data=data, seconds=told["seconds"], lufs=told["lufs"])

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, pcm: bytes, sample_rate: int) -> tuple[dict[str, Any], bytes] | None:
        """The process's answer; ``None`` when it ended meanwhile, as it does after a time without work."""
        if self._process is None or self._process.returncode is not None:
            command = (sys.executable, "-m", __spec__.name, str(self.idle))
            self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        send, receive = self._process.stdin, self._process.stdout
        if send is None or receive is None:
            raise OSError("the process has no pipes")
        try:
            send.write(_line({"sample_rate": sample_rate, "bytes": len(pcm)}) + pcm)
            await send.drain()
            told = json.loads(await receive.readuntil())
            return told, await receive.readexactly(told["bytes"])
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return None


def _line(about: dict[str, Any]) -> bytes:
    return json.dumps(about).encode() + b"\n"


def main() -> None:
    """Answer until stdin ends, or nothing was asked for as many seconds as the first argument says."""
    idle = float(sys.argv[1])
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while select.select([asked], [], [], idle)[0]:
        line = asked.readline(_LONGEST_LINE)
        if not line:
            return
        about = json.loads(line)
        try:
            made = make_audio(asked.read(about["bytes"]), about["sample_rate"])
        except AudioFailed as error:
            answers.write(_line({"failed": error.params["reason"], "bytes": 0}))
        else:
            answers.write(_line({"seconds": made.seconds, "lufs": made.lufs, "bytes": len(made.data)}) + made.data)
        answers.flush()


if __name__ == "__main__":
    main()
