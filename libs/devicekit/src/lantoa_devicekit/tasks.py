"""Cancelling what does not always want to be cancelled."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def cancellable(call: Awaitable[T]) -> T:
    """What ``call`` gives, or the cancellation that it swallowed.

    nats-py waits with ``asyncio.wait_for``, which in Python 3.11 returns the result and forgets the cancellation when
    both fall together, and its flush drops one outright: a loop around it would then run for ever.
    """
    try:
        return await call
    finally:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
