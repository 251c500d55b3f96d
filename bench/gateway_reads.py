"""What one read of a stream costs a gateway process: processor time, the client library's XREAD beside our own.

``python -m bench.gateway_reads --json FILE [--reads 3000] [--rounds 3]``. Against a real Redis, one entry a read, as it
comes when little waits. The entries are there before, so nobody waits for one; both ways take turns.
"""

import argparse
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import uvloop

from bench.gateway_fanout import store
from bench.report import Figure, commit, write
from gateway.stores.redis_cluster import pairs_of
from gateway.stores.redis_pool import open_redis
from gateway.stores.redis_streams import StreamReads

Read = Callable[[dict[str, str]], Awaitable[Any]]
NAME = "bench:reads"
BLOCK_MS = 250


async def cost_us(read: Read, reads: int) -> float:
    """Microseconds of processor time a read."""
    after, began_s = "0-0", time.process_time()
    for _ in range(reads):
        ((_name, entries),) = pairs_of(await read({NAME: after}))
        after = entries[0][0].decode()
    return (time.process_time() - began_s) / reads * 1e6


async def measure(url: str, reads: int, rounds: int) -> dict[str, float]:
    client = open_redis(url, 5_000)
    own = StreamReads(client)
    ways: dict[str, Read] = {
        "by the client library": lambda after: client.xread(cast("Any", after), 1, BLOCK_MS),
        "ours": lambda after: own.read(after, 1, BLOCK_MS),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, read in ways.items():
            best[way] = min(best[way], await cost_us(read, reads))
    own.close()
    await client.aclose(close_connection_pool=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--reads", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=2_000, help="of an entry")
    given = parser.parse_args()
    with store() as client:
        for _ in range(given.reads):
            client.xadd(NAME, {"ts": 1767225600123, "batch": b"x" * given.bytes, "moved": b"{}"})
        url = f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}/0"
        costs = uvloop.run(measure(url, given.reads, given.rounds))
    command = f"python -m bench.gateway_reads {' '.join(sys.argv[1:])}".strip()
    figures = [
        Figure(f"a read of a stream, {way}: CPU", cost, "us", None, command, commit()) for way, cost in costs.items()
    ]
    write(figures, given.json)


if __name__ == "__main__":
    main()
