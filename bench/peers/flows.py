"""Bars by tapeflow and by its peers from the same topic, on the same core, in alternating rounds.

The engine has core 0, the broker the last core. Each round runs tapeflow, a peer, tapeflow, the next peer and so on; a
ratio is to the mean of the two runs of tapeflow around the peer's. A peer that can't be built here is said in one line
and left out, one whose counts are wrong gives no figure.
"""

import statistics
from dataclasses import dataclass, field

from bench.peers.building import build_each
from bench.peers.flow_peers import OURS
from bench.peers.marks import MARKS
from bench.peers.peer import Peer
from bench.peers.running import PeerFailed, Run, run_peer
from bench.report import Figure, commit
from bench.rig import Rig, Tape, fill_topic, servers

__all__ = ["compare_flows"]

LAST = (0.8, 0.5)
"""Shares of the trades, counted from the end, over which rates are taken."""


@dataclass
class Measured:
    """A peer with its runs; ``times``: by LAST, how many times as fast tapeflow was around each run."""

    peer: Peer
    command: list[str]
    tape: Tape
    runs: list[Run] = field(default_factory=list)
    times: dict[float, list[float]] = field(default_factory=lambda: {last: [] for last in LAST})
    failed: str = ""


def tapes_of(rig: Rig, peers: list[Peer], trades: int, symbols: int) -> dict[float, Tape]:
    """A topic for each share of the trades that a peer can take."""
    return {
        share: fill_topic(rig, f"peers-{number}", max(int(trades * share) // MARKS, 1) * MARKS, symbols)
        for number, share in enumerate(sorted({OURS.share, *(peer.share for peer in peers)}))
    }


def run_ours(ours: Measured, rig: Rig, tape: Tape) -> Run:
    """Ends the bench where tapeflow itself is wrong: nothing could be compared."""
    try:
        return run_peer(OURS, ours.command, rig, tape)
    except PeerFailed as failure:
        raise SystemExit(f"tapeflow: no figures: {failure}") from failure


def measure(measured: list[Measured], ours: Measured, rig: Rig, rounds: int) -> None:
    """Fills in the runs. A peer that failed isn't tried again."""
    ours.runs.append(run_ours(ours, rig, ours.tape))
    for number in range(rounds):
        at = number % len(measured)
        for each in measured[at:] + measured[:at]:
            if each.failed:
                continue
            try:
                run = run_peer(each.peer, each.command, rig, each.tape)
            except PeerFailed as failure:
                each.failed = str(failure)
                print(f"{each.peer.name}: no figure: {failure}", flush=True)
                continue
            before = ours.runs[-1]
            ours.runs.append(run_ours(ours, rig, ours.tape))
            each.runs.append(run)
            for last in LAST:
                around = (before.rate(last) + ours.runs[-1].rate(last)) / 2
                each.times[last].append(around / run.rate(last))
            print(f"round {number + 1} {each.peer.name:14} {run.rate(0.8):>12,.0f}/s {run.rate(0.5):>12,.0f}/s  "
                  f"tapeflow {before.rate(0.8):,.0f}, {ours.runs[-1].rate(0.8):,.0f}", flush=True)  # fmt: skip


def table(ours: Measured, measured: list[Measured]) -> str:
    """The figures as Markdown."""
    rows = [
        "| engine | trades/s, last 80 % | last 50 % | tapeflow is … times as fast: last 80 %; 50 % | "
        "µs of CPU a trade: last 80 %; whole process | peak RSS | lines to write | runs of trades |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in (ours, *measured):
        if each.failed:
            rows.append(f"| {each.peer.what} | {each.failed} | | | | | {each.peer.lines} | |")
            continue
        eighty, fifty = (spread([run.rate(last) for run in each.runs]) for last in LAST)
        times = "1" if each is ours else "; ".join(f"{statistics.median(each.times[last]):.2f}" for last in LAST)
        cpu = statistics.median(run.cpu_us(0.8) for run in each.runs)
        whole = statistics.median(run.cpu_s for run in each.runs) / each.tape.trades * 1e6
        peak = max(run.peak_rss_mb for run in each.runs)
        rows.append(f"| {each.peer.what} | {eighty} | {fifty} | {times} | {cpu:.2f}; {whole:.2f} | {peak:,.0f} MB | "
                    f"{each.peer.lines} | {len(each.runs)} of {each.tape.trades:,} |")  # fmt: skip
    return "\n".join(rows)


def spread(values: list[float]) -> str:
    middle = f"{statistics.median(values):,.0f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.0f} to {max(values):,.0f})"


def figures_of(ours: Measured, measured: list[Measured], command: str) -> list[Figure]:
    now, made = commit(), []
    for each in (ours, *measured):
        if each.failed:
            continue
        name = each.peer.name
        for last in LAST:
            rate = statistics.median(run.rate(last) for run in each.runs)
            made.append(Figure(f"{name}: last {last:.0%}", rate, "trades/s", None, command, now))
            if each is not ours:
                times = statistics.median(each.times[last])
                made.append(Figure(f"tapeflow against {name}: last {last:.0%}", times, "times", None, command, now))
        cpu = statistics.median(run.cpu_us(0.8) for run in each.runs)
        made.append(Figure(f"{name}: CPU, last 80%", cpu, "us/trade", None, command, now))
        peak = max(run.peak_rss_mb for run in each.runs)
        made.append(Figure(f"{name}: peak memory", peak, "MB", None, command, now))
    return made


def compare_flows(peers: list[Peer], trades: int, symbols: int, rounds: int, command: str) -> tuple[list[Figure], bool]:
    """Measure and print the table; the figures, and whether every peer that could be built was right."""
    built = build_each(peers)
    with servers() as rig:
        tapes = tapes_of(rig, [peer for peer, _ in built], trades, symbols)
        ours = Measured(OURS, OURS.build(), tapes[OURS.share])
        run_ours(ours, rig, tapes[min(tapes)])  # kernels are compiled once per machine
        measured = [Measured(peer, made, tapes[peer.share]) for peer, made in built]
        measure(measured, ours, rig, rounds)
    print(f"\n{table(ours, measured)}")
    return figures_of(ours, measured, command), not any(each.failed for each in measured)
