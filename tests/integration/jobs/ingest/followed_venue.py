"""A venue that trades and ``tapeflow ingest`` that follows it, in a thread beside the system that a test looks at."""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.integration.jobs.ingest.live_world import Ingester, eventually
from tests.servers.kafka import make_topic
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

__all__ = ["FollowedVenue"]

TRADES = 20_000
LOST = 100
"""More trades than a venue's REST remembers."""


class FollowedVenue:
    """Until ``end``. ``port``: of the ingester's metrics; ``ago_s``: how long before now the script begins.

    ``dropping``: when it is set, the socket loses LOST trades, once. ``settings``: more of the ingester's.
    """

    def __init__(
        self, bootstrap: str, folder: Path, name: str, symbols: Sequence[str], *, port: int, ago_s: int,
        has_quotes: bool = False, **settings: str,
    ) -> None:  # fmt: skip
        self.port, self.dropping = port, False
        self._bootstrap, self._folder, self._name, self._symbols = bootstrap, folder, name, tuple(symbols)
        self._ago_s, self._has_quotes = ago_s, has_quotes
        self._settings = {"METRICS_PORT": str(port), **settings}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    async def _run(self) -> None:
        start_ms = time.time_ns() // 1_000_000 - self._ago_s * 1000
        script = make_script(7, self._symbols, TRADES, start_ms, ids_follow=False)
        has_dropped = False
        async with ScriptedVenue(self._name, script) as venue:
            ingester = Ingester(self._bootstrap, self._folder, venue, f"{self._name}:{','.join(self._symbols)}")
            ingester.settings |= self._settings
            if self._has_quotes:
                ingester.quotes_topic = make_topic(self._bootstrap, f"{ingester.topic}-quotes")
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                while not await asyncio.to_thread(self._ended.wait, 0.2):
                    if self.dropping and not has_dropped:
                        await venue.trade(LOST, lost=True)
                        has_dropped = True
                    await venue.trade(5)
            finally:
                ingester.kill()
