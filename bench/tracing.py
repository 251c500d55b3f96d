"""What traces cost a flow: 1 in 1,000 records begins one, beside the same flow with traces off, in alternating rounds.

``python -m bench.tracing --json FILE``. Both read the same topic, whose records carry a context 1 in 1,000 times; a
collector on the last core takes the spans. What counts is the median over the rounds of the ratio of each pair, the
first of a pair being the other one each time. A run that spans nothing ends the bench without figures.
"""

import argparse
import os
import statistics
import sys
from typing import Any

from bench.pipeline import Case, check_bars, check_live, expect, measure
from bench.report import Figure, commit, write
from bench.rig import SERVER_CORE, fill_topic, servers
from tests.servers.otlp import Collector

ONE_IN = 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.tracing", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=3_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    os.sched_setaffinity(0, {SERVER_CORE})  # the collector is a thread of this process
    collector, figures = Collector(), []
    on: dict[str, Any] = {"trace_url": collector.url}
    with servers() as rig:
        tape = fill_topic(rig, "bench-traced", options.trades, options.symbols, traced_one_in=ONE_IN)
        for name, check in (("bars", check_bars), ("live", check_live)):
            recovery = name == "live"
            pair = [Case(name, "", name, None, check, settings, recovery) for settings in ({}, on)]
            for case in pair:
                measure(case, rig, tape)  # kernels are compiled once per machine
            ratios = []
            for number in range(options.rounds):
                collector.spans.clear()
                rates = {}
                for at in (0, 1) if number % 2 else (1, 0):
                    rates[at] = measure(pair[at], rig, tape)["rate"]
                if not collector.named(f"process {tape.topic}"):
                    expect("spans", 0, 1)
                ratios.append(rates[1] / rates[0])
                print(f"round {number + 1} {name:6} off {rates[0]:>12,.0f}/s, on {rates[1]:>12,.0f}/s, "
                      f"{ratios[-1]:.3f}, {len(collector.spans)} spans", flush=True)  # fmt: skip
            what = f"flows with 1 in {ONE_IN:,} records traced, {name}"
            print(f"{name}: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
            figures.append(Figure(what, statistics.median(ratios), "of off", None, "python -m bench.tracing", commit()))
    collector.close()
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
