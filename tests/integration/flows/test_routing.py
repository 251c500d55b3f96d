"""A cluster shares the work: each partition is read, counted and written by one worker, and no batch crosses."""

import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from clickhouse_driver import Client
from prometheus_client.parser import text_string_to_metric_families

import processes.workers
from jobs.clickhouse_bars import read_bars
from oracle.comparison import StoredBar
from oracle.truth import OracleBar
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from sinks.clickhouse.migrations import migrate
from tests.chaos.world import free_ports_in_a_row
from tests.integration.flows.market_feeding import environment, feed, tape, truth

pytestmark = pytest.mark.thorough

PARTITIONS = 8
SYMBOLS = [f"S{number}" for number in range(24)]
DEADLINE_S = 120
PLAIN = "CAST(substr(state_key, 1, 5) AS INTEGER)"


@pytest.fixture
def crossed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of notes on what left a process; workers take notes from here on."""
    notes = tmp_path / "crossed"
    start = processes.workers.start_worker
    monkeypatch.setenv("CROSSED", str(notes))
    monkeypatch.setattr(
        processes.workers,
        "start_worker",
        lambda module, *others, **more: start(
            ["tests.integration.flows.counting_worker", *module[1:]], *others, **more
        ),
    )
    return notes


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    return load_settings(epoch_ms=300, idle_close_ms=600_000, redis_url=redis_url)


class Run:
    """Workers of a flow that are asked over their metrics."""

    def __init__(self, flow: str, settings: Settings, workers: int, folder: Path) -> None:
        self.workers = workers
        self.log = folder / f"{flow}.log"
        self.settings = settings.model_copy(update={"metrics_port": free_ports_in_a_row(workers)})
        with self.log.open("ab") as log:
            self.process = FlowProcess(flow, self.settings, workers, log=log)
            self.process.start()

    def until_read(self, records: int) -> None:
        """Since the state was new; the counters would begin anew with each process."""

        def read() -> float:
            samples = self.process.metrics().items()
            return sum(
                value
                for (name, labels), value in samples
                if name == "tapeflow_account_records" and ("outcome", "read") in labels
            )

        self._until(lambda: read() >= records, f"{records} records")

    def partitions(self) -> list[tuple[int, int]]:
        """Of each worker: partitions that it reads, and that it has the state of."""
        return [(self._sample(number, "source"), self._sample(number, "state")) for number in range(self.workers)]

    def _sample(self, worker: int, part: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.metrics_port + worker}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
        wanted = {"flow": self.process.name, "worker": str(worker), "part": part}
        [value] = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "tapeflow_worker_partitions" and sample.labels == wanted
        ]
        return int(value)

    def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not done():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.log.read_text()[-3000:]}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str, Settings, int], Run]]:
    runs: list[Run] = []

    def begin(flow: str, settings: Settings, workers: int) -> Run:
        runs.append(Run(flow, settings, workers, tmp_path))
        return runs[-1]

    yield begin
    for each in runs:
        each.process.kill()


def same(bar: OracleBar) -> StoredBar:
    return StoredBar(
        (
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume, bar.vwap, bar.trade_count,
            bar.buy_volume, bar.stddev, bar.revision, bar.version,
        )
    )  # fmt: skip


def test_history_is_shared_evenly_and_nothing_crosses_also_after_a_kill(
    settings: Settings, crossed: Path, run: Callable[[str, Settings, int], Run]
) -> None:
    trades = tape(3000, 60, late_every=50, symbols=SYMBOLS, partitions=PARTITIONS)
    feed(settings, trades[:1000], PARTITIONS)
    first = run("history", settings, 3)
    first.until_read(1000)
    assert first.partitions() == [(3, 3), (3, 3), (2, 2)]
    feed(settings, trades[1000:2000])
    first.process.kill()
    second = run("history", settings, 2)
    second.until_read(2000)
    assert second.partitions() == [(4, 4), (4, 4)]
    assert second.process.stop(30) == 0, second.log.read_text()[-3000:]
    feed(settings, trades[2000:])
    third = run("history", settings, 4)
    third.until_read(3000)
    assert third.partitions() == [(2, 2)] * 4
    assert third.process.stop(30) == 0, third.log.read_text()[-3000:]
    assert not crossed.exists(), crossed.read_text()
    client = Client.from_url(settings.clickhouse_dsn)
    stored = read_bars(client, settings.clickhouse_database)
    client.disconnect()
    expected = {key: same(bar) for key, bar in truth(settings).items() if bar.final}
    assert len(expected) > 1000
    assert stored == expected


@pytest.mark.parametrize("flow", ["history", "live"])
def test_notes_are_taken_where_batches_do_cross(
    flow: str,
    settings: Settings,
    crossed: Path,
    run: Callable[[str, Settings, int], Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed(settings, tape(400, 10, symbols=SYMBOLS, partitions=PARTITIONS), PARTITIONS)
    for plain in ("", "1"):
        monkeypatch.setenv("PLAIN_KEYS", plain)
        folder = settings.recovery_dir / f"keys{plain}"
        one = run(flow, settings.model_copy(update={"recovery_dir": folder}), 2)
        one.until_read(400)
        assert one.process.stop(30) == 0, one.log.read_text()[-3000:]
        assert crossed.exists() == bool(plain)


def test_state_of_the_first_layout_is_opened_by_a_cluster(
    settings: Settings, crossed: Path, run: Callable[[str, Settings, int], Run]
) -> None:
    """The state of a run, put back under the names of the first layout, goes on where it was."""
    trades = tape(800, 30, symbols=SYMBOLS, partitions=PARTITIONS)
    feed(settings, trades[:400], PARTITIONS)
    before = run("history", settings, 1)
    before.until_read(400)
    assert before.process.stop(30) == 0
    to_first_layout(settings.recovery_dir / "history")
    feed(settings, trades[400:])
    for workers in (3, 2):
        after = run("history", settings, workers)
        after.until_read(800)
        assert after.process.stop(30) == 0
    assert before.log.read_text().count("recovery_state_migrated") == 1
    assert not crossed.exists()
    client = Client.from_url(settings.clickhouse_dsn)
    stored = read_bars(client, settings.clickhouse_database)
    client.disconnect()
    assert stored == {key: same(bar) for key, bar in truth(settings).items() if bar.final}


def to_first_layout(folder: Path) -> None:
    for path in folder.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(path)) as part, part:
            for step in ("history.read_trades", "history.apply_trades"):
                part.execute(f"UPDATE snaps SET state_key = {PLAIN} WHERE step_id = ?", (step,))
    description = folder / "state.json"
    description.write_text(description.read_text().replace('"layout":2', '"layout":1'))
