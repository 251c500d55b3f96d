"""``tapeflow run`` when a worker dies or is stopped: what is said, by whom, and the exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings, load_settings
from tests.chaos.world import accounts_of, free_ports_in_a_row, until
from tests.integration.flows.market_feeding import KEEP, feed, tape
from tests.servers.kafka import make_topic

RECORDS = 200
COMMAND = "import sys; from tapeflow.cli import main; sys.exit(main())"


@pytest.fixture
def settings(kafka_bootstrap: str, redis_url: str, tmp_path: Path) -> Settings:
    topic = make_topic(kafka_bootstrap, f"deaths-{tmp_path.name}-{os.getpid()}", 2, KEEP)
    settings = load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=topic,
        redis_url=redis_url,
        recovery_dir=tmp_path / "recovery",
        dead_letters_from="none",
        metrics_port=free_ports_in_a_row(2),
        log_format="console",
    )
    feed(settings, tape(RECORDS, 10), 2)
    return settings


@contextmanager
def running(settings: Settings, processes: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """``tapeflow run live`` once it has read everything."""
    command = [sys.executable, "-c", COMMAND, "run", "live", "--processes", str(processes)]
    with log.open("wb") as file:
        run = subprocess.Popen(command, env=worker_environment(settings), stdout=file, stderr=file)
    metrics = FlowProcess("live", settings, processes).metrics  # only asks the ports
    try:
        until(
            lambda: run.poll() is not None or sum(each["read"] for each in accounts_of(metrics()).values()) == RECORDS,
            60,
            "the records to be read",
        )
        assert run.poll() is None, log.read_text()
        yield run
    finally:
        run.kill()
        run.wait()


def workers_of(pid: int) -> list[int]:
    """Its children, which are the workers, in their order."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_dead_worker_is_named_with_its_signal(
    settings: Settings, tmp_path: Path, processes: int, number: signal.Signals
) -> None:
    log = tmp_path / "run.log"
    with running(settings, processes, log) as run:
        workers = workers_of(run.pid)
        assert len(workers) == processes
        os.kill(workers[-1], number)
        assert run.wait(10) == 128 + number
    said = log.read_text()
    last = said.splitlines()[-1]
    assert last.startswith(f"tapeflow: worker {processes - 1} of live (pid {workers[-1]}) died of {number.name}"), said
    for foreign in ("PanicException", "Traceback", "another process"):
        assert foreign not in said


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_a_signal_to_the_run_drains_it_and_nothing_is_left_behind(
    settings: Settings, tmp_path: Path, processes: int
) -> None:
    log = tmp_path / "run.log"
    with running(settings, processes, log) as run:
        workers = workers_of(run.pid)
        run.send_signal(signal.SIGTERM)
        assert run.wait(10) == 0, log.read_text()
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert "tapeflow: " not in log.read_text()


@pytest.mark.thorough
def test_a_killed_run_takes_its_worker_along_and_starts_again_at_once(settings: Settings, tmp_path: Path) -> None:
    with running(settings, 1, tmp_path / "first.log") as run:
        run.kill()
        run.wait()
        with running(settings, 1, tmp_path / "second.log") as again:
            again.send_signal(signal.SIGTERM)
            assert again.wait(10) == 0
