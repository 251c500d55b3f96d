"""Every failing start and every permanent refusal of a running flow: exit 2, in one line that names it, within 10 s.

Each case is tried with one partition and one process, and with several of both. The runs of all cases go side by side
on shared servers when the first result is asked for; the tests only look at what came out.
"""

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from clickhouse_driver import Client

from processes.runner import FlowProcess, worker_environment
from sinks.clickhouse.migrations import migrate
from tests.chaos.world import accounts_of, until
from tests.integration.flows.market_feeding import KEEP
from tests.integration.flows.refusal_cases import CASES, Case
from tests.integration.flows.refusal_run import (
    AGAIN,
    LOGINS,
    RECORDS,
    SHAPES,
    WORD,
    Run,
    Servers,
    add_bad_records,
    add_records,
    grant,
)
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker, make_topic
from tests.servers.redis import RedisServer
from tests.servers.registry import RegistryServer

pytestmark = pytest.mark.thorough

WITHIN_S = 10
COMMAND = "import sys; from tapeflow.cli import main; sys.exit(main())"


class Outcome(NamedTuple):
    code: int
    said: list[str]
    seconds: float
    log: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "first").mkdir()
    (folder / "second").mkdir()
    with (
        KafkaBroker(folder, users=dict.fromkeys(LOGINS, WORD)) as kafka,
        RedisServer(folder / "first", "--databases", str(2 * AGAIN)) as primary,
        RedisServer(folder / "second", "--replicaof", "127.0.0.1", str(primary.port)) as replica,
        ClickHouseServer(folder) as clickhouse,
        RegistryServer() as web,
    ):
        web.web = 404
        grant(kafka)
        for partitions in {shape.partitions for shape in SHAPES.values()}:
            for name in ("trades", "bad"):
                make_topic(kafka.bootstrap, f"{name}-{partitions}", partitions, KEEP)
            add_records(kafka, f"trades-{partitions}", partitions)
            add_bad_records(kafka, f"bad-{partitions}", partitions)
        make_topic(kafka.bootstrap, "hidden", 1, KEEP)
        yield Servers(kafka, primary, replica, clickhouse, web, folder)


def play(case: Case, run: Run) -> Outcome:
    """One case in one shape. A run that the machine had no time for, beside its neighbours, is tried once more."""
    outcome = played(case, run)
    return outcome if outcome.seconds < WITHIN_S else played(case, run.again())


def played(case: Case, run: Run) -> Outcome:
    run.folder.mkdir()
    kafka, partitions, topic = run.servers.kafka, run.shape.partitions, ""
    log = run.folder / "flow.log"
    if case.flow == "history":
        with Client.from_url(run.servers.clickhouse.dsn) as client:
            migrate(client, f"case_{run.number}")
    if case.breaks:
        run.changes["kafka_topic"] = topic = f"own-{run.number}"
        make_topic(kafka.bootstrap, topic, partitions, KEEP)
        add_records(kafka, topic, partitions)
    try:
        return watched(case, run, topic, log)
    finally:
        run.unmount()


def watched(case: Case, run: Run, topic: str, log: Path) -> Outcome:
    case.prepare(run)
    with log.open("wb") as file:
        flow = FlowProcess(case.flow, run.settings, run.shape.processes, log=file)
        flow.start()
    began = time.monotonic()
    try:
        if case.breaks:
            until(lambda: read_by(flow) == RECORDS or flow.poll() is not None, 60, "the flow to read")
            case.breaks(run)
            began = time.monotonic()
            add_records(run.servers.kafka, topic, run.shape.partitions, minutes=60)
        until(lambda: flow.poll() is not None, 40, f"an end of {log}")
        code = flow.end_after_failure()
        seconds = time.monotonic() - began
    finally:
        flow.kill()
    text = log.read_text()
    return Outcome(code, [line for line in text.splitlines() if line.startswith("tapeflow: ")], seconds, text)


def read_by(flow: FlowProcess) -> int:
    return sum(each["read"] for each in accounts_of(flow.metrics()).values())


@functools.cache
def can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True)
        return mounted.returncode == 0 and subprocess.run(["umount", folder], check=False).returncode == 0


PLAYED = [(name, shape) for name, case in CASES.items() for shape in case.shapes]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, servers: Servers) -> Iterator[dict[tuple[str, str], Future[Outcome]]]:
    """Of the chosen cases, which run two at a time."""
    wanted = {
        item.callspec.id for item in request.session.items if item.path == request.path and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(2) as pool:
        yield {
            (name, shape): pool.submit(
                play, CASES[name], Run(servers, CASES[name].flow, SHAPES[shape], servers.folder / str(number), number)
            )
            for number, (name, shape) in enumerate(PLAYED, 1)
            if f"{name}-{shape}" in wanted
        }


@pytest.mark.parametrize(("name", "shape"), PLAYED, ids=[f"{name}-{shape}" for name, shape in PLAYED])
def test_a_refusal_is_one_line_and_exit_code_2_within_10_seconds(
    outcomes: dict[tuple[str, str], Future[Outcome]], name: str, shape: str
) -> None:
    if "recovery folder" in name and not can_mount():
        pytest.skip("needs the right to mount a small file system")
    outcome = outcomes[name, shape].result(120)
    assert outcome.code == 2, outcome.log
    assert len(outcome.said) == 1, outcome.log
    for words in CASES[name].says:
        assert words in outcome.said[0]
    for foreign in ("Traceback", "panicked", "PanicException"):
        assert foreign not in outcome.log
    assert outcome.seconds < WITHIN_S, outcome.log


def test_a_full_disk_ends_a_replay_in_one_line(servers: Servers, tmp_path: Path) -> None:
    """Its spools and its progress lie in the recovery folder too."""
    if not can_mount():
        pytest.skip("needs the right to mount a small file system")
    run = Run(servers, "replay", SHAPES["several"], tmp_path, 0)
    run.mount("size=700k")
    try:
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, "replay", "--into", str(tmp_path / "bars.csv")],
            env=worker_environment(run.settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        run.unmount()
    said = [line for line in ended.stderr.splitlines() if line.startswith("tapeflow: ")]
    assert ended.returncode == 2, ended.stderr
    assert len(said) == 1, ended.stderr
    assert "full" in said[0] or "No space left" in said[0]
    assert "Traceback" not in ended.stderr
