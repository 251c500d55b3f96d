"""Clients of both gateways, half of them on each at first, who stay through the whole drill and resume where they can.

They run in a thread of their own. What they count is what the drill is judged by: a gap is a delta that doesn't apply.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.integration.gateway.resuming_client import ResumingClient

__all__ = ["Crowd"]

SYMBOLS_EACH: Final = 4
CLOSE_S: Final = 30.0


class Crowd:
    """``urls`` of gateways; ``token`` lets in. ``clients`` follow SYMBOLS_EACH of ``symbols`` each."""

    def __init__(self, urls: Sequence[str], token: str, symbols: Sequence[str], clients: int) -> None:
        self.clients = [
            ResumingClient([symbols[(7 * number + each) % len(symbols)] for each in range(SYMBOLS_EACH)], token)
            for number in range(clients)
        ]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd", daemon=True)
        self._thread.start()
        orders = [list(urls), list(reversed(urls))]
        self._running = [
            asyncio.run_coroutine_threadsafe(client.run(orders[number % 2]), self._loop)
            for number, client in enumerate(self.clients)
        ]

    def close(self) -> None:
        """Raises what ended a client before."""
        early = [each for each in self._running if each.done()]
        asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result(CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for each in early:
            each.result()

    def counts(self) -> Counter[str]:
        return sum((client.counts for client in self.clients), Counter[str]())

    def is_told(self) -> bool:
        """Whether each has a state of each of its symbols."""
        return all(len(client.since) == SYMBOLS_EACH for client in self.clients)

    def hears_again(self) -> Callable[[], bool]:
        """What tells whether each client had a message since now."""
        before = [client.counts.total() for client in self.clients]
        return lambda: all(client.counts.total() > then for client, then in zip(self.clients, before, strict=True))

    def watch_losses(self) -> None:
        """Of who loses its gateway from now on ``away_s`` tells."""
        for client in self.clients:
            client.lost_s = client.away_s = 0.0

    def is_back(self) -> bool:
        """Whether each that lost its gateway has had a message of another."""
        return all(client.away_s or not client.lost_s for client in self.clients)

    def aways_s(self) -> list[float]:
        """From the loss to the first message of another gateway, of each that lost one."""
        return [client.away_s for client in self.clients if client.away_s]

    def is_level(self, sequences: Mapping[str, int]) -> bool:
        """Whether each holds the state of each symbol that has this sequence."""
        return all(sequences[symbol] == at for client in self.clients for symbol, at in client.since.items())


async def _end_others() -> None:
    others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
