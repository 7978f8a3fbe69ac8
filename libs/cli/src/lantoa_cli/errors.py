"""What can go wrong for the operator, and the sentence in which a command says so."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import aiohttp
import typer
from nats.errors import Error as NatsError
from nats.js.errors import APIError

T = TypeVar("T")


class Refused(Exception):
    """A service refused the operator: the message is its own words, ``problem`` its answer (RFC 9457), if any."""

    def __init__(self, message: str, problem: Any = None) -> None:
        super().__init__(message)
        self.problem = problem if isinstance(problem, Mapping) else None


def fail(sentence: str) -> typer.Exit:
    """The end of a command that could not do it, after it has said why."""
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    return typer.Exit(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do what a command does.

    Raises:
        typer.Exit: it could not be done, and the command has said why.
    """
    try:
        return asyncio.run(work)
    except (Refused, aiohttp.ClientError, NatsError, OSError) as error:
        raise fail(words(error)) from error


def words(error: Exception) -> str:
    """What to tell of an error: a service's own words and where they point to, or what could not be reached."""
    match error:
        case Refused(problem=Mapping() as problem):
            return "\n".join(_told(problem))
        case Refused():
            return str(error)
        case aiohttp.InvalidURL():
            return f"Địa chỉ không đúng: {error.url}. Ví dụ: https://lantoa.example.vn"
        case aiohttp.ClientConnectorError():
            return f"Không kết nối được tới {error.host}:{error.port}. Nền tảng có đang chạy không? Xem: lantoa status"
        case aiohttp.ClientError():
            return f"Kết nối bị ngắt giữa chừng ({type(error).__name__}). Xin thử lại."
        case APIError():
            return f"NATS không làm được việc này: {error.description}."
        case NatsError():
            return f"Không kết nối được tới NATS ({error}). Nền tảng có đang chạy không? Xem: lantoa status"
        case OSError(filename=str() as name, strerror=str() as why):
            return f"Không dùng được tệp {name}: {why}."
        case TimeoutError():
            return "Chờ quá lâu mà không có trả lời. Xin thử lại."
        case _:
            return str(error)


def _told(problem: Mapping[str, Any]) -> list[str]:
    title = problem.get("title", "")
    wrong = [one for one in problem.get("errors", []) if one["message"] != title]
    return [f"{title}. {problem.get('detail', '')}".strip(), *(f"{one['pointer']}: {one['message']}" for one in wrong)]
