"""The way in for commands: this installation as its operator, or a gateway elsewhere with an access token."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lantoa_cli import demo
from lantoa_cli.errors import Refused
from lantoa_cli.layout import Layout, started_layout

Data = Annotated[Path, typer.Option("--data", envvar="LANTOA_DATA", help="Where this installation keeps its files.")]
Gateway = Annotated[
    str, typer.Option("--gateway", envvar="LANTOA_GATEWAY", help="Ask at this address instead, with an access token.")
]
Token = Annotated[str, typer.Option("--token", envvar="LANTOA_TOKEN", help="An access token for that gateway.")]
DATA = Path("data")


@dataclass(frozen=True)
class Door:
    """The services of this installation with the operator's rights, or those behind a gateway with a token's."""

    data: Path
    gateway: str = ""
    token: str = ""

    @property
    def layout(self) -> Layout:
        """This installation.

        Raises:
            Refused: it was never started.
        """
        return started_layout(self.data)

    async def call(self, service: str, method: str, path: str, body: Any = None, *, file: bytes | None = None) -> Any:
        """The JSON answer.

        Raises:
            Refused: the answer was an error, or there is no way in.
        """
        if not self.gateway:
            return await demo.operator(self.layout).call(service, method, path, body, file=file)
        from lantoa_cli.operator import send  # Loads the HTTP framework, which other commands do not need.

        with self._told():
            return await send(self._url(service, path), method, self._shown(), body, file)

    async def pieces(self, service: str, path: str) -> AsyncIterator[bytes]:
        """An answer as it comes.

        Raises:
            Refused: the answer was an error, or there is no way in.
        """
        if not self.gateway:
            answer = demo.operator(self.layout).pieces(service, path)
        else:
            from lantoa_cli.operator import pieces  # See above.

            answer = pieces(self._url(service, path), self._shown())
        with self._told():
            async for piece in answer:
                yield piece

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Nobody signs in by a token: what a gateway says to people who should is about the token here."""
        try:
            yield
        except Refused as refused:
            if self.gateway and (refused.problem or {}).get("code") == "sign-in-required":
                raise Refused(
                    "Mã truy cập không đúng hoặc đã hết hạn. Tạo mã mới ở bàn làm việc, mục Bảo mật."
                ) from refused
            raise

    def _url(self, service: str, path: str) -> str:
        return f"{self.gateway.rstrip('/')}/api/v1/{service}{path}"

    def _shown(self) -> dict[str, str]:
        if not self.token:
            raise Refused("Thiếu mã truy cập của cổng này: thêm --token, hoặc đặt vào biến LANTOA_TOKEN.")
        return {"Authorization": f"Bearer {self.token}"}
