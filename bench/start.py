"""How long a flow takes from its start to the first ticker in Redis, with compiled kernels and a state that is new.

``python -m bench.start --json FILE``. The topic holds a few trades, so what counts is the interpreter, imports, kernels
that are loaded, the questions to the broker and the first poll. Median of ROUNDS starts, each into an empty Redis.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import redis

from bench.report import Figure, commit, write
from bench.rig import fill_topic, servers
from connectors.synthetic import symbol_names
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from schemas.names import RedisKeys

TRADES, SYMBOLS = 1_000, 10
WITHIN_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    compile_kernels()
    took, key = [], RedisKeys().price(symbol_names(1)[0])
    with servers() as rig, redis.Redis.from_url(rig.redis_url) as client:
        tape = fill_topic(rig, "bench-start", TRADES, SYMBOLS)
        for _ in range(options.rounds):
            client.flushall()
            with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
                flow = FlowProcess("live", rig.settings(tape.topic, recovery_dir=Path(folder), log_level="error"))
                began = time.monotonic()
                flow.start()
                while not client.exists(key):
                    if time.monotonic() - began > WITHIN_S:
                        raise SystemExit(f"no figures: no output for {WITHIN_S:g} s")
                    time.sleep(0.005)
                took.append(time.monotonic() - began)
                flow.kill()
    print(f"{min(took):.2f} to {max(took):.2f} s")
    what = "flows.live, start to the first ticker, new state"
    write([Figure(what, statistics.median(took), "s", None, "python -m bench.start", commit())], options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
