"""What a client gets that was away from /ws/prices for some minutes: the deltas that it missed, or whole states.

``python -m bench.gateway_resume --url ws://127.0.0.1:8080 --away 1 --away 10 BTC/USDT`` asks a running gateway. For
each ``--away`` a client follows the symbols, leaves, and comes back with the sequences that it held. Every delta must
apply to the sequence held, and no snapshot may go back; else the exit code is 1.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from websockets.asyncio.client import connect

FOLLOW_S = 5.0


class Away:
    """One client. ``held``: the newest sequence by symbol; ``got`` counts messages of the return by type."""

    def __init__(self, url: str, symbols: list[str]) -> None:
        self.url, self.symbols = url.rstrip("/") + "/ws/prices", symbols
        self.held: dict[str, int] = {}
        self.got = {"snapshot": 0, "delta": 0, "wrong": 0}

    async def follow(self) -> float:
        """For FOLLOW_S; gives the milliseconds until every symbol had a message."""
        self.got = dict.fromkeys(self.got, 0)
        unseen, caught_up_ms, begun = set(self.symbols), 0.0, time.monotonic()
        async with connect(self.url, max_size=None, proxy=None) as socket:
            words: dict[str, Any] = {"type": "subscribe", "symbols": self.symbols}
            await socket.send(json.dumps({**words, "since": self.held} if self.held else words))
            while (left := begun + FOLLOW_S - time.monotonic()) > 0:
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), left))
                except TimeoutError:
                    break
                if message["type"] not in ("snapshot", "delta"):
                    continue
                self.take(message)
                if message["symbol"] in unseen:
                    unseen.discard(message["symbol"])
                    caught_up_ms = (time.monotonic() - begun) * 1000
        return caught_up_ms

    def take(self, message: dict[str, Any]) -> None:
        held = self.held.get(message["symbol"], -1)
        applies = message["previous"] == held if message["type"] == "delta" else message["sequence"] >= held
        self.got[message["type"] if applies else "wrong"] += 1
        self.held[message["symbol"]] = message["sequence"]


async def measure(url: str, symbols: list[str], minutes: float) -> bool:
    client = Away(url, symbols)
    await client.follow()
    await asyncio.sleep(minutes * 60)
    caught_up_ms = await client.follow()
    got = client.got
    print(
        f"away {minutes:g} min: {got['snapshot']} snapshots and {got['delta']:,} deltas of {len(symbols)} symbols "
        f"within {FOLLOW_S:g} s, all there after {caught_up_ms:.0f} ms, {got['wrong']} wrong",
        flush=True,
    )
    return not got["wrong"]


async def measure_all(options: argparse.Namespace) -> bool:
    return all(await asyncio.gather(*(measure(options.url, options.symbols, each) for each in options.away or (1, 10))))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway_resume", description=__doc__)
    parser.add_argument("symbols", nargs="+")
    parser.add_argument("--url", default="ws://127.0.0.1:8080")
    parser.add_argument(
        "--away", type=float, action="append", help="minutes; may be given again; 1 and 10 unless given"
    )
    return 0 if asyncio.run(measure_all(parser.parse_args())) else 1


if __name__ == "__main__":
    sys.exit(main())
