"""Waiting in an event loop until something holds, for tests whose server, client and clock share that loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["eventually"]


async def eventually(holds: Callable[[], Any], within_s: float = 30.0) -> Any:
    """What ``holds`` gives as soon as it is true; a coroutine of it is awaited. Fails after ``within_s``."""
    deadline = time.monotonic() + within_s
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.005)
