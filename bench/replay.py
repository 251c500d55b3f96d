"""Speed of a replay against a bare consumer loop over the same records, for a short and a long range.

``python -m bench.replay --json FILE``. Each run is a process of its own on one core; replay and bare loop alternate,
and the median of their ratios counts. A run that read or closed another number of bars than the tape holds ends the
bench without figures. Processor time per record stands beside the wall clock's rate, as it is the same on a busy
machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.cases import Watch, bare, run, settings_given, watched
from bench.report import Figure, commit, write
from bench.rig import WORKER_CORE, Tape, fill_topic, servers
from flows.replay import build
from flows.replay_plan import Request, make_plan, save_plan
from flows.replay_progress import read_progress
from runtime.settings.whole import Settings, load_settings
from runtime.stopping import StopSignal

__all__ = ["main", "one_run"]


def replay(settings: Settings) -> dict[str, float]:
    """A dry run over the whole topic, its worker's part in this process."""
    plan = make_plan(Request("earliest", "latest", (), tuple(range(7)), "", True), settings)
    save_plan(plan, settings.recovery_dir)
    watch = CpuWatch()
    watched(watch)
    run(build(settings, StopSignal()), settings, "replay", recovery=True)
    parts = [read_progress(settings.recovery_dir, partition) for partition in plan.whole_from_us]
    assert all(part is not None and part.done for part in parts), "the replay didn't end"
    return watch.answer(bars=sum(part.bars for part in parts if part), cpu_us=watch.cpu_us())


class CpuWatch(Watch):
    """Counts the processor time since the first records too, of all threads."""

    def see(self, records: int) -> None:
        if not self.records:
            self.cpu_begun = time.process_time()
        super().see(records)

    def cpu_us(self) -> float:
        return (time.process_time() - self.cpu_begun) / self.records * 1e6


def bare_loop(settings: Settings, records: int) -> dict[str, float]:
    began = time.process_time()
    answer = bare(settings, {"records": records})
    return {**answer, "cpu_us": (time.process_time() - began) / records * 1e6}


def one_run() -> None:
    """The child: name of the case and its request as arguments, the answer as a line of JSON."""
    name, request = sys.argv[1], json.loads(sys.argv[2])
    os.sched_setaffinity(0, {WORKER_CORE})
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(**request["settings"], recovery_dir=folder)
        print(json.dumps(replay(settings) if name == "replay" else bare_loop(settings, request["records"])))


def measured(name: str, settings: Settings, tape: Tape) -> dict[str, float]:
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in settings_given(settings).items()}
    plain.pop("recovery_dir", None)
    request = json.dumps({"settings": plain, "records": tape.trades})
    command = [sys.executable, "-c", "from bench.replay import one_run; one_run()", name, request]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=900)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert answer["records"] == tape.trades, f"{name} read {answer['records']} of {tape.trades}"
    assert name == "bare" or answer["bars"] == tape.final_bars, f"{answer['bars']} bars, not {tape.final_bars}"
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.replay")
    parser.add_argument("--json")
    parser.add_argument("--trades", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures: list[Figure] = []

    def figure(name: str, value: float, unit: str, ratio: float | None = None) -> None:
        figures.append(Figure(name, value, unit, ratio, " ".join(["python -m bench.replay", *sys.argv[1:]]), commit()))

    with servers() as rig:
        for count in options.trades:
            tape = fill_topic(rig, f"replay-{count}", count, options.symbols)
            settings = rig.settings(tape.topic)
            rounds: list[tuple[dict[str, float], dict[str, float]]] = [
                (measured("bare", settings, tape), measured("replay", settings, tape)) for _ in range(options.rounds)
            ]
            rate = statistics.median(ours["rate"] for _, ours in rounds)
            ratio = statistics.median(ours["rate"] / loop["rate"] for loop, ours in rounds)
            figure(f"replay, {count} trades", rate, "trades/s", ratio)
            cpu = statistics.median(ours["cpu_us"] for _, ours in rounds)
            least = statistics.median(loop["cpu_us"] for loop, _ in rounds)
            figure(f"replay, {count} trades: processor time", cpu, "us/trade", least / cpu)
    write(figures, options.json)


if __name__ == "__main__":
    main()
