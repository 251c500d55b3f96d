"""Keeps the list of a venue's markets fresh, for those who follow all of them or what is watched.

Live runs start one for a venue where the list matters. Until it is there nothing can be followed by it, so a list that
isn't given is told and asked for again, for as long as the feed lives.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from jobs.ingest.history import NotTold, longer

__all__ = ["keep_listed"]


async def keep_listed(
    ask: Callable[[], Awaitable[Sequence[str]]],
    name: str,
    every_s: float,
    pause_s: float,
    take: Callable[[Sequence[str]], None],
) -> None:
    """Until cancelled: ``take`` gets the symbols that the venue called ``name`` trades, now and again after
    ``every_s``. ``ask``: History.listing."""
    failures = 0
    while True:
        try:
            symbols = await ask()
        except NotTold as why:
            failures += 1
            wait_s = min(every_s, longer(pause_s, 4 + failures))
            structlog.get_logger().warning("feed_listing_failed", venue=name, error=str(why))
        else:
            failures, wait_s = 0, every_s
            take(symbols)
        await asyncio.sleep(wait_s)
