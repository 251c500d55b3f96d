"""Decode and exact bars of JSON values beside the same trades in Avro, each from a real topic, on one core.

``python -m bench.formats --json FILE``. Runs alternate, each in a process of its own, and the median of the ratios of
neighbours counts. A run that applied another number of trades, or closed another number of bars, than the tape holds
ends the bench without figures.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from bench.cases import run_case
from bench.pipeline import expect
from bench.report import Figure, commit, write
from bench.rig import WORKER_CORE, Rig, Tape, avro_values, fill_topic, servers
from jobs.produce.encoding import json_encoder

COMMAND = "python -m bench.formats"
FORMATS = {"confluent": avro_values, "json": json_encoder()}
"""By TAPEFLOW_VALUE_FORMAT."""


def rate_of(rig: Rig, tape: Tape, value_format: str) -> float:
    """Trades a second of one run."""
    with tempfile.TemporaryDirectory(prefix="bench-formats-") as folder:
        settings = rig.settings(
            tape.topic, value_format=value_format, recovery_dir=Path(folder), log_level="error"
        )  # fmt: skip
        answer = run_case("bars", settings, core=WORKER_CORE, recovery=False)
    expect("trades applied", answer["applied"], tape.trades)
    expect("closed bars", answer["final_bars"], tape.final_bars)
    return answer["rate"]


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in FORMATS}
    with servers() as rig:
        tapes = {
            name: fill_topic(rig, f"bench-{name}", options.trades, 500, encode=encode)
            for name, encode in FORMATS.items()
        }
        small = {name: fill_topic(rig, f"warm-{name}", 10_000, 500, encode=FORMATS[name]) for name in FORMATS}
        for name in FORMATS:
            rate_of(rig, small[name], name)  # kernels are compiled once per machine, which is no part of any figure
        for _ in range(options.rounds):
            for name in FORMATS:
                rates[name].append(rate_of(rig, tapes[name], name))
                print(f"{name:10} {rates[name][-1]:>12,.0f}/s, {tapes[name].bytes_each:.0f} bytes each", flush=True)
    now = commit()
    times = statistics.median(ours / avro for ours, avro in zip(rates["json"], rates["confluent"], strict=True))
    figures = [
        Figure(f"decode and bars of {name} values", statistics.median(rates[name]), "trades/s", None, COMMAND, now)
        for name in FORMATS
    ]
    write([*figures, Figure("JSON of the same in Avro", times, "times", None, COMMAND, now)], options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
