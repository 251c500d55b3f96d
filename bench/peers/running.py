"""One run of a peer: its process on one core, what it says of its progress, what it cost, and whether it was right.

Each line is stamped here with the clock and the processor time of the process, so all peers are timed by one clock.
Rates are over the last 80 % and the last 50 % of the trades, so that start and compiling are left out; where no mark
stands there, over a little more. A run whose counts differ from the tape's raises WrongCount, and one that says no end
raises Unfinished.
"""

import json
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.peer import HERE, Peer
from bench.rig import OUT_OF_ORDER_MS, WORKER_CORE, Rig, Tape

__all__ = ["Mark", "PeerFailed", "Run", "Unfinished", "WrongCount", "check", "run_peer"]

SCHEMA = HERE.parents[1] / "schemas" / "avro" / "trade.avsc"
RUN_S = 300.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class PeerFailed(Exception):
    """A run that gives no figure."""


class WrongCount(PeerFailed):
    """More or fewer trades or bars came out than went in."""


class Unfinished(PeerFailed):
    """The peer ended, or was ended, before it said what came out."""


@dataclass(frozen=True)
class Mark:
    """``trades`` were in bars at ``at_s`` on this process's clock, for ``cpu_s`` of the peer's processor time."""

    trades: int
    at_s: float
    cpu_s: float


@dataclass(frozen=True)
class Run:
    """``marks`` in order; ``cpu_s``: of the whole process, start and compiling in; ``ended``: its last line."""

    marks: list[Mark]
    ended: dict[str, Any]
    cpu_s: float
    peak_rss_mb: float

    def rate(self, last: float) -> float:
        """Trades a second over the ``last`` share of them."""
        first = self._from(last)
        return (self.marks[-1].trades - first.trades) / (self.marks[-1].at_s - first.at_s)

    def cpu_us(self, last: float) -> float:
        """Microseconds of processor time a trade over the ``last`` share of them, which is seconds per million."""
        first = self._from(last)
        return (self.marks[-1].cpu_s - first.cpu_s) / (self.marks[-1].trades - first.trades) * 1e6

    def _from(self, last: float) -> Mark:
        """The mark before that share: earlier where a peer puts many trades into bars at once."""
        before = [mark for mark in self.marks if mark.trades <= self.marks[-1].trades * (1 - last) + 1]
        return before[-1] if before else self.marks[0]


def run_peer(peer: Peer, command: list[str], rig: Rig, tape: Tape, run_s: float = RUN_S) -> Run:
    """One run, checked. Raises WrongCount, Unfinished."""
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        environment = {
            **os.environ,
            "PEER_NAME": f"{peer.name}-{Path(folder).name}",
            "PEER_BOOTSTRAP": rig.bootstrap,
            "PEER_TOPIC": tape.topic,
            "PEER_TRADES": str(tape.trades),
            "PEER_SCHEMA": str(SCHEMA),
            "PEER_FOLDER": folder,
            "PEER_OUT_OF_ORDER_MS": str(OUT_OF_ORDER_MS),
        }
        run = follow(["taskset", "-c", str(WORKER_CORE), *command], environment, run_s)
    check(peer, tape, run)
    return run


def follow(command: list[str], environment: dict[str, str], run_s: float) -> Run:
    """Read the process's lines until it ends. Raises Unfinished."""
    marks: list[Mark] = []
    ended: dict[str, Any] = {}
    peak_rss_mb = 0.0
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True)
        assert process.stdout is not None
        late = threading.Timer(run_s, process.kill)
        late.start()
        try:
            for line in process.stdout:
                at_s, cpu_s = time.perf_counter(), cpu_seconds(process.pid)
                peak_rss_mb = max(peak_rss_mb, peak_memory_mb(process.pid))
                if line.startswith('{"trades"'):
                    marks.append(Mark(json.loads(line)["trades"], at_s, cpu_s))
                elif line.startswith("{"):
                    ended = json.loads(line)
        finally:
            process.stdout.close()
            # Not Popen.wait: this one tells the processor time too. Its peak of memory begins with that of the parent.
            _, status, used = os.wait4(process.pid, 0)
            late.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or not ended:
            complaints.seek(0)
            said = complaints.read().strip().splitlines()[-3:] or ["it said nothing"]
            raise Unfinished(f"ended with {process.returncode} after {len(marks)} marks: {' / '.join(said)[-400:]}")
    return Run(marks, ended, used.ru_utime + used.ru_stime, peak_rss_mb)


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def peak_memory_mb(process_id: int) -> float:
    """Resident memory at its peak; 0 when the process is just gone."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def check(peer: Peer, tape: Tape, run: Run) -> None:
    """Right or nothing. Raises WrongCount."""
    trades, bars = peer.wanted(tape)
    if not trades:
        raise WrongCount(f"{tape.trades:,} trades close no bar: take more")
    for found in run.ended["trades_in_bars"]:
        if found != trades:
            raise WrongCount(f"{found:,} trades in bars instead of {trades:,}")
    if bars is not None and run.ended["bars"] != bars:
        raise WrongCount(f"{run.ended['bars']:,} bars instead of {bars:,}")
    counted = run.marks[-1].trades if len(run.marks) > 1 else 0
    if counted != tape.trades:
        raise WrongCount(f"{counted:,} trades counted instead of {tape.trades:,}")
