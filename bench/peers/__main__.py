"""tapeflow beside what else could do its work, measured in the same minutes: ``make bench-peers``.

``python -m bench.peers [PEER …] [--trades N] [--rounds N] [--json FILE]``; without names, all of them. The exit code is
1 when a peer's counts were wrong; one that this machine can't build is only said. bench/peers/README.md tells more.
"""

import argparse
import sys

from bench.peers.flow_peers import PEERS
from bench.peers.flows import compare_flows
from bench.report import write
from tests.servers.needs import require, two_cores

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    names = [each.name for each in PEERS]
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(names)}")
    parser.add_argument("--trades", type=int, default=5_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="file to add the figures to")
    options = parser.parse_args()
    if unknown := set(options.peers) - set(names):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}")
    require("bench", "taskset", two_cores)
    command = " ".join(["python -m bench.peers", *sys.argv[1:]])
    chosen = [each for each in PEERS if not options.peers or each.name in options.peers]
    figures, right = compare_flows(chosen, options.trades, options.symbols, options.rounds, command)
    write(figures, options.json)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
