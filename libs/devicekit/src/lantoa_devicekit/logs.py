"""JSON lines on standard error."""

import gzip
import logging
import sys
from collections import deque
from typing import Any

import structlog

_recent: deque[str] = deque(maxlen=5000)
MAX_BYTES = 4 * 1024 * 1024


def _keep(_: Any, __: str, line: Any) -> str:
    _recent.append(str(line))
    return str(line)


def recent_gzip() -> bytes:
    """The program's last log lines, oldest first, one a line, compressed; at most :data:`MAX_BYTES` of text."""
    lines, size = deque[str](), 0
    for line in reversed(_recent):
        size += len(line.encode()) + 1
        if size > MAX_BYTES:
            break
        lines.appendleft(line)
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def configure() -> None:
    """Send structlog and the standard library's warnings to standard error, one JSON object a line, and remember the
    last ones for :func:`recent_gzip`."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False), _keep],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
                _keep,
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
