"""One gateway process and two on one port: what a message to a WebSocket client costs all of them together.

``python -m bench.gateway_processes --json FILE [--seconds 4] [--rounds 2] [--clients 1000]``. The whole gateway runs as
its command does, on both cores; the client, the feeder and Redis have core 1 beside it. So two processes can't show
twice the messages here: what counts is the processor time of a message, as each process reads all of the stream.
"""

import argparse
import os
import statistics
import sys
import time

from bench.gateway_fanout import DISCOVERY_S, entry, gateway_settings, store
from bench.gateway_fanout_reader import FIRST_SEQUENCE, Reader, message, snapshot
from bench.gateway_rest import process
from bench.report import Figure, commit, write
from local.ports import free_port
from processes.gateway_processes import answers
from tests.servers.needs import require, two_cores
from tests.servers.redis import redis_binary

GATEWAY = "import sys; from tapeflow.cli import main; sys.exit(main(['gateway', '--processes', sys.argv[1]]))"
IN_FLIGHT = 8
CATCH_UP_S = 20.0


def measure(processes: int, clients: int, per_entry: int, seconds: float) -> tuple[float, float]:
    """(µs of processor time a message, messages/s) of one symbol that all clients follow."""
    port = free_port()
    with store() as redis:
        settings = gateway_settings(redis, port, gateway_out_per_s=10**9, log_level="error")
        command = ["taskset", "-c", "0,1", sys.executable, "-c", GATEWAY, str(processes)]

        def put(messages: list[bytes]) -> None:
            redis.xadd("md:deltas:0", entry(messages), maxlen=10_000)  # type: ignore[arg-type]

        with process(command, port, **settings.environment()) as served:
            while not answers(f"http://127.0.0.1:{port}/health"):
                time.sleep(0.1)
            redis.set("price:S0000", snapshot(0))
            redis.hset("symbol:S0000", "shard", "0")
            put([snapshot(0)])
            time.sleep(2 * DISCOVERY_S)  # a gateway looks for new shards once a second
            reader = Reader(port, clients)
            reader.subscribe(["S0000"])
            reader.watch()
            entries, sequence = 0, FIRST_SEQUENCE
            cpu_s, begun_s = served.cpu_s(), time.monotonic()
            while time.monotonic() < begun_s + seconds:
                put([message(0, sequence + 1 + index) for index in range(per_entry)])
                entries, sequence = entries + 1, sequence + per_entry
                reader.read_for(CATCH_UP_S, max(0, entries - IN_FLIGHT + 1) * per_entry * clients)
            reader.read_for(CATCH_UP_S, entries * per_entry * clients)
            cpu_s, wall_s = served.cpu_s() - cpu_s, time.monotonic() - begun_s
            if reader.messages != entries * per_entry * clients:
                raise SystemExit(
                    f"wrong result, no figures: {reader.messages:,} messages of {entries * per_entry * clients:,}"
                )
            reader.close()
            return cpu_s / reader.messages * 1e6, reader.messages / wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clients", type=int, default=1000)
    given = parser.parse_args()
    require("bench", "taskset", two_cores, redis_binary)
    os.sched_setaffinity(0, {1})
    command = (
        f"python -m bench.gateway_processes --seconds {given.seconds} --rounds {given.rounds} --clients {given.clients}"
    )
    figures = []
    for per_entry in (1, 4):
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for number in range(given.rounds):
            for processes in (1, 2) if number % 2 == 0 else (2, 1):
                found[processes].append(measure(processes, given.clients, per_entry, given.seconds))
        for processes, runs in found.items():
            name = f"{given.clients} clients, {per_entry} messages an entry, {processes} processes"
            cost, rate = statistics.median(cost for cost, _ in runs), statistics.median(rate for _, rate in runs)
            figures.append(Figure(f"{name}: CPU", cost, "us/msg", None, command, commit()))
            figures.append(Figure(f"{name}: rate", rate, "msg/s", None, command, commit()))
    write(figures, given.json)


if __name__ == "__main__":
    main()
