"""What a delta costs a gateway process that has few followers of many symbols: processor time of decoding and applying.

``python -m bench.gateway_unfollowed --json FILE [--symbols 2000] [--followed 10]``. In one process, without sockets:
the bytes of stream entries go through the decoder and the hub, which is what each of N processes on one port pays for
the whole market. Beside it stands the same with every symbol followed. The histories are full, so old messages go.
"""

import argparse
import random
import sys
import time

from bench.report import Figure, commit, write
from core.fanout.client import Client, HubLimits
from core.fanout.dialect import Subscribe, Variant
from core.fanout.hub import Hub
from core.fanout.messages import decode_batch, decode_ticker
from gateway.ws.dialects.prices import PricesDialect

HISTORY_BYTES = 20_000_000
PER_ENTRY = 250
ENTRIES = 1_600
FLUSH_ENTRIES = 4  # between two flushes


def entries(symbols: int) -> list[bytes]:
    """Snapshots of all symbols, then entries of deltas of random ones, as the flow writes them."""
    chosen = random.Random(7)
    names = [f"S{number:05d}" for number in range(symbols)]
    sequences = dict.fromkeys(names, 1)
    made = [b"[" + b",".join(snapshot(name, 1) for name in names) + b"]"]
    for _ in range(ENTRIES):
        parts = []
        for name in chosen.sample(names, PER_ENTRY):
            previous = sequences[name]
            sequences[name] += 5
            parts.append(
                b'{"type":"delta","symbol":"%s","price":189.31,"bid":189.3,"ask":189.32,"volume":12345.678,'
                b'"change":1.2334,"changePercent":0.6578,"timestamp":1700000000000,"sequence":%d,"previous":%d}'
                % (name.encode(), previous + 5, previous)
            )
        made.append(b"[" + b",".join(parts) + b"]")
    return made


def snapshot(name: str, sequence: int) -> bytes:
    return (
        b'{"type":"snapshot","symbol":"%s","price":189.31,"bid":189.3,"ask":189.32,"volume":12345.678,"open":180.1,'
        b'"high":190.2,"low":179.9,"timestamp":1700000000000,"sequence":%d,"exchange":"X"}' % (name.encode(), sequence)
    )


def cost_us(stream: list[bytes], followed: int) -> float:
    """Microseconds of processor time a delta, for one client that follows the first ``followed`` symbols."""
    hub = Hub(HubLimits(history_bytes=HISTORY_BYTES, out_per_s=10**9))
    client = Client("c", Variant("prices", PricesDialect(), b"".join), 0, hub.limits)
    hub.connect(client, 0)
    rooms = tuple(("ticker", f"S{number:05d}") for number in range(followed))
    hub.command(client, Subscribe(rooms), 0)
    hub.apply(0, decode_batch(stream[0]), 0)
    while loads := hub.take_loads(0):
        for load in loads:
            hub.loaded_ticker(load, decode_ticker(snapshot(load.key[1], 1)), 0, 0)
    began_s = time.process_time()
    for number, batch in enumerate(stream[1:]):
        hub.apply(0, decode_batch(batch), 0)
        if number % FLUSH_ENTRIES == 0:
            hub.flush(number)
            client.out.clear()
    return (time.process_time() - began_s) / (ENTRIES * PER_ENTRY) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--symbols", type=int, default=2000)
    parser.add_argument("--followed", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    stream = entries(given.symbols)
    command = f"python -m bench.gateway_unfollowed {' '.join(sys.argv[1:])}".strip()
    figures = []
    for followed in (given.followed, given.symbols):
        best_us = min(cost_us(stream, followed) for _ in range(given.rounds))
        name = f"a delta, {followed} of {given.symbols} symbols followed: CPU"
        figures.append(Figure(name, best_us, "us", None, command, commit()))
    write(figures, given.json)


if __name__ == "__main__":
    main()
