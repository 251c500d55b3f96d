"""tapeflow beside what else could do its work, measured in the same minutes: ``make bench-peers``.

``python -m bench.peers [PEER …] [--trades N] [--rounds N] [--seconds S] [--case CASE] [--json FILE]``; without names,
all of them. The exit code is 1 when a peer's counts were wrong; one that this machine can't build is only said.
bench/peers/README.md tells more.
"""

import argparse
import os
import sys

from bench.peers.fanout import CASES, compare_fanout
from bench.peers.fanout_servers import SERVERS
from bench.peers.flow_peers import PEERS
from bench.peers.flows import compare_flows
from bench.report import Figure, write
from tests.servers.needs import require, two_cores
from tests.servers.redis import redis_binary

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    flows, servers = [each.name for each in PEERS], [each.name for each in SERVERS[1:]]
    parser.add_argument("peers", nargs="*", metavar="PEER",
                        help=f"flows: {', '.join(flows)}; fan-out: {', '.join(servers)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trades", type=int, default=5_000_000, help="of flows")
    parser.add_argument("--symbols", type=int, default=500, help="of flows")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each case of the fan-out")
    parser.add_argument("--case", action="append", choices=[each.name for each in CASES], help="of the fan-out")
    parser.add_argument("--json", help="file to add the figures to")
    options = parser.parse_args()
    chosen = set(options.peers or [*flows, *servers])
    if unknown := chosen - {*flows, *servers}:
        parser.error(f"no peer is called {', '.join(sorted(unknown))}")
    require("bench", "taskset", two_cores, redis_binary)
    command = " ".join(["python -m bench.peers", *sys.argv[1:]])
    figures: list[Figure] = []
    right = True
    if engines := [each for each in PEERS if each.name in chosen]:
        figures, right = compare_flows(engines, options.trades, options.symbols, options.rounds, command)
    if chosen & set(servers):
        os.sched_setaffinity(0, {1})  # the client; servers have core 0
        wanted = [each for each in SERVERS if each.name in {SERVERS[0].name, *chosen}]
        figures += compare_fanout(wanted, options.case or [], options.rounds, options.seconds, command)
    write(figures, options.json)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
