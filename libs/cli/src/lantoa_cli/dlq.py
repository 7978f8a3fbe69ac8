"""`lantoa dlq`: look at dead letters and put them back where they failed."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import nats
import typer
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from lantoa_cli.errors import Refused, run
from lantoa_cli.topology import _KEYS, _URL, Keys, Url
from lantoa_contracts.envelope import ACT_HEADERS
from lantoa_runtime.topology.keys import KeyRing

dlq = typer.Typer(no_args_is_help=True, help="Messages that a handler could not take.")
_STREAM = "DLQ"


async def _unsaid(_: Exception) -> None:
    pass


@contextlib.asynccontextmanager
async def connected(url: str, keys: KeyRing) -> AsyncIterator[JetStreamContext]:
    """JetStream as the provisioner may use it.

    Raises:
        Refused: there are no keys.
    """
    seed = keys.seed_file("topology")
    if not seed.exists():
        raise Refused(f"Không có khóa {seed}. Khởi động bằng: make up. Nếu ở thư mục khác, thêm --keys.")
    client = await nats.connect(
        url,
        nkeys_seed_str=seed.read_text(),
        max_reconnect_attempts=3,
        reconnect_time_wait=0.5,
        connect_timeout=2,
        error_cb=_unsaid,  # What cannot be mended is raised, and said in one sentence.
    )
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def letters(js: JetStreamContext) -> list[RawStreamMsg]:
    """Every dead letter, oldest first."""
    state = (await js.stream_info(_STREAM)).state
    found = []
    for seq in range(max(1, state.first_seq), state.last_seq + 1):
        with contextlib.suppress(NotFoundError):
            found.append(await js.get_msg(_STREAM, seq))
    return found


async def redrive(js: JetStreamContext, letter: RawStreamMsg) -> None:
    """Publish a dead letter on its origin's subject again and take it out of the stream.

    It goes to every consumer of that subject; those that handled it know it by its event id. The new message carries no
    ``Nats-Msg-Id``, or the stream would drop it as a repeat.
    """
    kept = (*ACT_HEADERS, "ce-")
    headers = {name: value for name, value in (letter.headers or {}).items() if name.startswith(kept)}
    await js.publish((letter.headers or {})["Lt-Origin-Subject"], letter.data or b"", headers=headers)
    await js.delete_msg(_STREAM, letter.seq or 0)


@dlq.command("list")
def list_(url: Url = _URL, keys: Keys = _KEYS) -> None:
    """One line a dead letter."""

    async def work() -> None:
        async with connected(url, KeyRing(keys)) as js:
            for letter in await letters(js):
                headers = letter.headers or {}
                where, times = headers.get("Lt-Durable"), headers.get("Lt-Deliveries")
                typer.echo(
                    f"{letter.seq:>6} {headers.get('Lt-At', '')[:19]} {where} x{times} {headers.get('Lt-Error')}"
                )

    run(work())


@dlq.command()
def show(seq: Annotated[int, typer.Argument()], url: Url = _URL, keys: Keys = _KEYS) -> None:
    """Headers and body of one dead letter."""

    async def work() -> None:
        async with connected(url, KeyRing(keys)) as js:
            letter = await js.get_msg(_STREAM, seq)
            for name, value in sorted((letter.headers or {}).items()):
                typer.echo(f"{name}: {value}")
            typer.echo((letter.data or b"").decode(errors="replace"))

    run(work())


@dlq.command("redrive")
def redrive_(
    seqs: Annotated[list[int] | None, typer.Argument(help="Which; all without.")] = None,
    url: Url = _URL,
    keys: Keys = _KEYS,
) -> None:
    """Put dead letters back where they failed."""

    async def work() -> int:
        async with connected(url, KeyRing(keys)) as js:
            chosen = [letter for letter in await letters(js) if not seqs or letter.seq in seqs]
            for letter in chosen:
                await redrive(js, letter)
            return len(chosen)

    typer.echo(f"{run(work())} redriven")
