"""How long a flow takes from its start to the first ticker in Redis, with compiled kernels and a state that is new.

``python -m bench.start --json FILE``. The topic holds a few trades, so what counts is the interpreter, imports, kernels
that are loaded, the questions to the broker and the first poll. Median of ROUNDS starts, each into an empty Redis,
after one that isn't counted: it compiles the sources, as installing a package does. The worker's processor time until
the ticker is told too, as other load hardly moves it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import redis

from bench.report import Figure, commit, write
from bench.rig import fill_topic, servers
from bench.scaling import processor_s
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
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compile_kernels()
    took, used, key = [], [], RedisKeys().price(symbol_names(1)[0])
    with servers() as rig, redis.Redis.from_url(rig.redis_url) as client:
        tape = fill_topic(rig, "bench-start", TRADES, SYMBOLS)
        for _ in range(1 + options.rounds):
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
                used.append(processor_s(flow.pids[0]))
                flow.kill()
    print(f"{min(took):.2f} to {max(took):.2f} s, {min(used):.2f} to {max(used):.2f} s of processor time")
    what, command = "flows.live, start to the first ticker, new state", "python -m bench.start"
    figures = [
        Figure(what, statistics.median(took), "s", None, command, commit()),
        Figure(f"{what}: processor time", statistics.median(used), "s", None, command, commit()),
    ]
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
