"""Workers of one run that end in every way there is: which of them is shown, and what the run's exit code is."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from processes import workers
from processes.workers import Workers, exit_code

PLAY = """
import os, signal, sys, time
words = int(sys.argv[sys.argv.index("--last-words") + 1])
os.dup2(words, 2)
os.close(words)
number = sys.argv[sys.argv.index("--process-id") + 1] if "--process-id" in sys.argv else "0"
exec(os.environ["PLAY_" + number])
"""
START = workers.start_worker
PEER = 'os.write(2, b"pyo3_runtime.PanicException\\ntapeflow: another process ended\\n"); sys.exit(3)'


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes workers of programs; gives the exit code and what stands in the log."""
    (tmp_path / "play.py").write_text(PLAY)

    def start(module: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | None, **more: Any) -> Any:
        return START(["play", *module[1:]], {**environment, "PYTHONPATH": str(tmp_path)}, log, **more)

    monkeypatch.setattr(workers, "start_worker", start)

    def run(*programs: str, kill: signal.Signals | None = None) -> tuple[int, str]:
        log = tmp_path / "run.log"
        environment = {**os.environ, **{f"PLAY_{number}": each for number, each in enumerate(programs)}}
        with log.open("wb") as file:
            run = Workers("live", len(programs), environment, file)
            run.start()
        if kill:
            os.kill(run.pids[0], kill)
        deadline = time.monotonic() + 20
        while run.poll() is None and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        return run.end_after_failure(), log.read_text()

    return run


def test_a_signal_is_said_as_a_shell_says_it() -> None:
    assert [exit_code(code) for code in (0, 1, 2, -signal.SIGKILL)] == [0, 1, 2, 137]


def test_a_line_is_shown_once_and_the_engines_backtrace_is_not(play: Any) -> None:
    told = 'os.write(2, b"backtrace\\n"); os.write(2, b"tapeflow: refused\\n"); sys.exit(2)'
    assert play(told) == (2, "tapeflow: refused\n")
    assert play(told, told) == (2, "tapeflow: refused\n")


def test_nothing_is_said_of_a_good_end(play: Any) -> None:
    assert play("pass", "pass") == (0, "")


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_death_says_the_worker_the_signal_and_what_native_code_wrote(play: Any, number: signal.Signals) -> None:
    code, said = play(f'os.write(2, b"panicked at src\\n"); os.kill(os.getpid(), {int(number)})', PEER)
    assert code == 128 + number
    first, last = said.splitlines()
    assert first == "panicked at src"
    assert last.startswith("tapeflow: worker 0 of live (pid ")
    assert f"died of {number.name}" in last
    assert "PanicException" not in said


def test_who_met_the_trouble_is_shown_and_not_who_lost_a_peer(play: Any) -> None:
    later = 'time.sleep(0.3); os.write(2, b"tapeflow: no right\\n"); sys.exit(2)'
    assert play(PEER, later) == (2, "tapeflow: no right\n")


def test_a_survivor_that_hangs_is_ended_soon_and_without_a_word(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SURVIVORS_S", 0.3)
    hangs = "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    began = time.monotonic()
    refused = 'time.sleep(0.3); os.write(2, b"tapeflow: full\\n"); sys.exit(2)'
    assert play(refused, hangs) == (2, "tapeflow: full\n")
    assert time.monotonic() - began < 10


def test_a_worker_killed_from_outside_says_so(play: Any) -> None:
    code, said = play("time.sleep(60)", kill=signal.SIGKILL)
    assert code == 137
    assert "died of SIGKILL: killed from outside" in said


SUPERVISED = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started with
from processes import supervisor
from processes import workers
START = workers.start_worker
workers.start_worker = lambda module, environment, log, **more: START(
    ["play", *module[1:]], {**environment, "PYTHONPATH": sys.argv[1]}, log, **more
)
sys.exit(supervisor.watch(workers.Workers("live", 1, os.environ)))
"""


def supervised(folder: Path, program: str) -> "subprocess.Popen[str]":
    (folder / "play.py").write_text(PLAY)
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(folder)],
        env={**os.environ, "PLAY_0": program},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ready(child: "subprocess.Popen[str]") -> int:
    """Pid of the worker, which has armed its signals."""
    assert child.stdout is not None
    return int(child.stdout.readline())


STOPS = (
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.signal(signal.SIGINT, lambda *_: sys.exit(0));"
    "print(os.getpid(), flush=True); time.sleep(60)"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_supervisor_passes_a_stop_on(tmp_path: Path, number: signal.Signals) -> None:
    child = supervised(tmp_path, STOPS)
    ready(child)
    child.send_signal(number)
    _, said = child.communicate(timeout=20)
    assert (child.returncode, said) == (0, "")


def test_a_killed_supervisor_takes_its_worker_along(tmp_path: Path) -> None:
    child = supervised(tmp_path, STOPS)
    stat = Path(f"/proc/{ready(child)}/stat")
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 10
    while (state := state_of(stat)) not in "ZX" and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert state in "ZX"


def state_of(stat: Path) -> str:
    """One letter; X when the process is gone."""
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def test_a_killed_worker_is_told_of_by_the_supervisor(tmp_path: Path) -> None:
    child = supervised(tmp_path, STOPS)
    os.kill(ready(child), signal.SIGKILL)
    _, said = child.communicate(timeout=20)
    assert child.returncode == 137
    assert said.count("\n") == 1
    assert "worker 0 of live" in said
