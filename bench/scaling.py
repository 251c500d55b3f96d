"""What a trade costs in processor time when a flow runs as one process and as several, the broker told apart.

``python -m bench.scaling --json FILE``. Each run reads the same topic from its start into empty stores. On a machine
with few cores the processes share them with the servers, so speed by the clock says little; what counts is the
processor time that each process spent on a million trades, and the time that the broker spent on serving them. Time is
taken from the first records in state to the last, from the kernel's account of each process. A run that read one
trade too few or too many, or in which partitions aren't shared evenly, ends the bench without figures.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, Rig, Tape, fill_topic, servers
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from runtime.settings.whole import Settings

DATABASE = "bench_scaling"
COMMAND = "python -m bench.scaling"
DEADLINE_S = 300.0
LOOK_S = 0.05
METRICS_PORT = 29_564
BROKER = b"kafka.Kafka"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Spent:
    """Seconds of one run per million trades: by the clock, of each worker's processor, of the broker's."""

    clock: float
    workers: list[float] = field(default_factory=list)
    broker: float = 0.0


def processor_s(pid: int) -> float:
    """User and system time of a process, as /proc/PID/stat has them behind its name."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def broker_pid() -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if BROKER in path.read_bytes():
                return int(path.parent.name)
        except OSError:
            continue  # it ended meanwhile
    raise SystemExit("no figures: the broker isn't on this machine")


def samples(flow: FlowProcess, name: str, **labels: str) -> float:
    """Added up over all workers and all samples with these labels."""
    found = flow.metrics().items()
    return sum(value for (each, theirs), value in found if each == name and set(labels.items()) <= set(theirs))


def run(name: str, processes: int, settings: Settings, tape: Tape) -> Spent:
    flow, deadline = FlowProcess(name, settings, processes), time.monotonic() + DEADLINE_S
    flow.start()
    try:
        broker, begun, read, before = broker_pid(), 0.0, 0.0, dict[int, float]()
        first = 0.0
        while read < tape.trades:
            time.sleep(LOOK_S)
            read = samples(flow, "tapeflow_account_records", outcome="read")
            if read and not before:
                first, begun = read, time.monotonic()
                before = {pid: processor_s(pid) for pid in (*flow.pids, broker)}
            if time.monotonic() > deadline or flow.poll() is not None:
                raise SystemExit(f"no figures: {name} with {processes} processes stopped at {read:,.0f} trades")
        millions = (read - first) / 1e6
        after = {pid: processor_s(pid) - spent for pid, spent in before.items()}
        clock = time.monotonic() - begun
        if read != tape.trades or samples(flow, "tapeflow_worker_partitions", part="state") != PARTITIONS:
            raise SystemExit(f"wrong result, no figures: {read:,.0f} trades of {tape.trades:,}")
        return Spent(clock / millions, [after[pid] / millions for pid in flow.pids], after[broker] / millions)
    finally:
        flow.stop()


def measure(name: str, processes: int, rig: Rig, tape: Tape) -> Spent:
    rig.fresh_tables(DATABASE)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall()
    client.close()
    with tempfile.TemporaryDirectory(prefix="bench-scaling-") as folder:
        settings = rig.settings(
            tape.topic, clickhouse_database=DATABASE, recovery_dir=Path(folder), log_level="error",
            metrics_port=METRICS_PORT, write_trades=False,
        )  # fmt: skip
        return run(name, processes, settings, tape)


def figures_of(name: str, processes: int, runs: list[Spent]) -> list[Figure]:
    def middle(values: list[float]) -> float:
        return statistics.median(values)

    what = f"flows.{name}, {processes} process{'es' if processes > 1 else ''}"
    made = [
        ("CPU s per million trades, all workers", middle([sum(each.workers) for each in runs])),
        ("the busiest worker's", middle([max(each.workers) for each in runs])),
        ("the least busy worker's", middle([min(each.workers) for each in runs])),
        ("the broker's", middle([each.broker for each in runs])),
        ("s per million trades by the clock", middle([each.clock for each in runs])),
    ]
    return [Figure(f"{what}: {words}", value, "s", None, COMMAND, commit()) for words, value in made]


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=6_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    compile_kernels()
    runs: dict[tuple[str, int], list[Spent]] = {}
    with servers(core=None) as rig:
        tape = fill_topic(rig, "bench-scaling", options.trades, options.symbols)
        for number in range(options.rounds):
            for name in ("live", "history"):
                for processes in options.processes:
                    spent = measure(name, processes, rig, tape)
                    runs.setdefault((name, processes), []).append(spent)
                    print(f"round {number + 1} {name} {processes}: workers "
                          f"{', '.join(f'{each:.2f}' for each in spent.workers)}, broker {spent.broker:.2f} CPU s and "
                          f"{spent.clock:.2f} s by the clock per million trades", flush=True)  # fmt: skip
    write([figure for (name, processes), each in runs.items() for figure in figures_of(name, processes, each)],
          options.json)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
