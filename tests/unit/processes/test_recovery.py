"""The recovery folder: made whole, known by what it is of, one worker per identity; and a defect of the engine."""

import resource
import signal
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main
from structlog.testing import capture_logs

from processes.recovery import LAYOUT, check_writable, drop_superseded, drop_unfinished, only_one, state_folder
from runtime.settings.whole import Settings, load_settings
from schemas.errors import StateIncompatible, StorageFailed
from schemas.shards import shard_key


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(recovery_dir=tmp_path, recovery_partitions=3)


def folder_of(settings: Settings, flow: str = "live", process: int = 0) -> Path:
    return state_folder(settings, flow, process, init_db_dir)


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("part-*.sqlite3"))


def test_a_folder_is_made_once_and_says_what_it_is_of(settings: Settings) -> None:
    folder = folder_of(settings)
    assert parts(folder) == [f"part-{part}.sqlite3" for part in range(3)]
    described = msgspec.json.decode((folder / "state.json").read_bytes())
    assert described == {"layout": LAYOUT, "flow": "live", "topic": "trades", "partitions": 3}
    assert folder_of(settings) == folder


def test_other_processes_bring_an_empty_folder(settings: Settings) -> None:
    folder = folder_of(settings, process=2)
    assert folder.is_dir()
    assert parts(folder) == []
    assert folder != folder_of(settings, process=1)


def test_a_crash_while_it_is_made_is_made_good(settings: Settings) -> None:
    def crash(folder: Path, count: int) -> None:
        init_db_dir(folder, count - 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state_folder(settings, "live", 0, crash)
    assert len(parts(folder_of(settings))) == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("flow", "history", "flow history, not live"), ("topic", "quotes", "topic quotes"), ("layout", 99, "layout 99")],
)
def test_state_of_something_else_is_refused(settings: Settings, name: str, value: object, said: str) -> None:
    path = folder_of(settings) / "state.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), name: value}))
    with pytest.raises(StateIncompatible, match=rf"{said}.*move the folder away.*rebuilt from Kafka") as error:
        folder_of(settings)
    assert error.value.exit_code == 2


def test_state_that_somebody_else_made_is_refused_and_left_alone(settings: Settings) -> None:
    folder = settings.recovery_dir / "live"
    folder.mkdir()
    init_db_dir(folder, 1)
    with pytest.raises(StateIncompatible, match="didn't make"):
        folder_of(settings)
    assert parts(folder) == ["part-0.sqlite3"]


def test_rubbish_is_refused(settings: Settings) -> None:
    folder = folder_of(settings)
    (folder / "part-1.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StateIncompatible, match="can't be read"):
        folder_of(settings)
    (folder / "state.json").write_text("{")
    with pytest.raises(StateIncompatible, match="can't be read"):
        folder_of(settings)


def test_a_folder_that_cannot_be_made_names_the_setting(settings: Settings) -> None:
    (settings.recovery_dir / "live").write_text("a file")
    with pytest.raises(StateIncompatible, match="TAPEFLOW_RECOVERY_DIR"):
        folder_of(settings)
    with pytest.raises(StateIncompatible, match="TAPEFLOW_RECOVERY_DIR"), only_one(settings, "live", 0):
        pass


def test_two_workers_of_one_identity_exclude_each_other(settings: Settings) -> None:
    with (
        only_one(settings, "live", 0),
        only_one(settings, "live", 1),
        only_one(settings, "history", 0),
        pytest.raises(StateIncompatible, match="process 1 of this flow is running already"),
        only_one(settings, "live", 1),
    ):
        pass
    with only_one(settings, "live", 0):
        pass


def test_who_takes_over_waits_for_the_folder_until_it_is_stopped(settings: Settings) -> None:
    stop, taken = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with only_one(settings, "live", 0, stop):
            taken.set()

    waiting = threading.Thread(target=wait_for_it)
    with only_one(settings, "live", 0):
        waiting.start()
        assert not taken.wait(0.15)
    waiting.join(10)
    assert taken.is_set()
    stop.set()
    with (
        only_one(settings, "live", 0),
        pytest.raises(StateIncompatible, match="running already"),
        only_one(settings, "live", 0, stop),
    ):
        pass


class Source(FixedPartitionedSource[int, int]):
    """The numbers 0..9. ``script``: what each turn does: n items, 0 for none, -1 for a crash."""

    def __init__(self, script: list[int]) -> None:
        self._script = script

    def list_parts(self) -> list[str]:
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "SourcePart":
        return SourcePart(self._script, resume_state or 0)


class SourcePart(StatefulSourcePartition[int, int]):
    def __init__(self, script: list[int], at: int) -> None:
        self._script, self._at = script, at

    def next_batch(self) -> list[int]:
        if not self._script:
            raise StopIteration
        count = self._script.pop(0)
        self._at += count
        return list(range(self._at - count, self._at))

    def snapshot(self) -> int:
        return self._at


class Counter(StatefulBatchLogic[int, int, int]):
    def __init__(self, state: int | None) -> None:
        self.total = state or 0

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        self.total += len(values)
        return [self.total], self.RETAIN

    def snapshot(self) -> int:
        return self.total


class Sink(FixedPartitionedSink[int, None]):
    """Fails at its snapshot, as a sink does whose server went away for good; ``seen`` gets every item."""

    def __init__(self, seen: list[int], fails: bool) -> None:
        self.seen, self.fails = seen, fails

    def list_parts(self) -> list[str]:
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "SinkPart":
        return SinkPart(self)


class SinkPart(StatefulSinkPartition[int, None]):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write_batch(self, values: list[int]) -> None:
        self._sink.seen.extend(values)

    def snapshot(self) -> None:
        if self._sink.fails:
            raise OSError("killed")


def execute(folder: Path, script: list[int], *, fails: bool) -> list[int]:
    """One run of the counting flow; what it wrote."""
    seen: list[int] = []
    flow = Dataflow("count")
    keyed = op.key_on("key", op.input("read", flow, Source(script)), lambda _: "0")
    op.output("write", op.stateful_batch("count", keyed, Counter), Sink(seen, fails))
    arguments: dict[str, Any] = {"epoch_interval": timedelta(0), "recovery_config": RecoveryConfig(str(folder))}
    if not fails:
        run_main(flow, **arguments)
    else:
        with pytest.raises(BytewaxRuntimeError):
            run_main(flow, **arguments)
    return seen


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "as the engine is"])
def test_a_quiet_key_does_not_keep_the_state_of_a_run_that_crashed(tmp_path: Path, protected: bool) -> None:
    """Three items are applied and the run dies before their epoch is done; the next run finds nothing to read in that
    epoch, reads the items in the next one, and dies again. Counted must be three, in the end."""
    init_db_dir(tmp_path, 1)
    assert execute(tmp_path, [3], fails=True) == [3]
    if protected:
        assert drop_unfinished(tmp_path) > 0
    assert execute(tmp_path, [0, 3], fails=True) == [3]
    if protected:
        drop_unfinished(tmp_path)
    counted = execute(tmp_path, [3], fails=False)
    assert counted == ([3] if protected else [6]), "the engine may have mended it: see docs/adr/0012"


def test_what_is_done_is_kept(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 2)
    assert execute(tmp_path, [2], fails=False) == [2]
    assert drop_unfinished(tmp_path) == 0
    assert execute(tmp_path, [2], fails=False) == [4]
    with sqlite3.connect(tmp_path / "part-0.sqlite3") as part:
        assert part.execute("SELECT 1 FROM sqlite_master WHERE name = 'snaps'").fetchall()


def rows(folder: Path) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    for path in sorted(folder.glob("part-*.sqlite3")):
        with closing(sqlite3.connect(path)) as part:
            found += part.execute("SELECT step_id, state_key, snap_epoch FROM snaps")
    return sorted(found)


def put(path: Path, step: str, key: str, epoch: int) -> None:
    with closing(sqlite3.connect(path)) as part, part:
        part.execute("INSERT INTO snaps (step_id, state_key, snap_epoch) VALUES (?, ?, ?)", (step, key, epoch))


def test_state_of_the_first_layout_gets_todays_names(settings: Settings) -> None:
    folder = folder_of(settings)
    with closing(sqlite3.connect(folder / "part-0.sqlite3")) as part, part:
        part.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 9)")
    for key in ("3", "12"):
        put(folder / "part-1.sqlite3", "live.read_trades", key, 5)
        put(folder / "part-2.sqlite3", "live.apply_trades", key, 5)
    put(folder / "part-0.sqlite3", "live.write_redis", "00003", 5)
    path = folder / "state.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), "layout": 1}))
    put(folder / "part-0.sqlite3", "live.apply_trades", shard_key(4), 5)  # as a crash in the middle leaves it
    with capture_logs() as logs:
        folder_of(settings)
    assert rows(folder) == [
        ("live.apply_trades", "00003#00860", 5),
        ("live.apply_trades", shard_key(4), 5),
        ("live.apply_trades", shard_key(12), 5),
        ("live.read_trades", "00003", 5),
        ("live.read_trades", "00012", 5),
        ("live.write_redis", "00003", 5),
    ]
    assert [line["event"] for line in logs] == ["recovery_state_migrated"]
    assert msgspec.json.decode(path.read_bytes())["layout"] == LAYOUT
    assert folder_of(settings) == folder


def test_of_a_key_in_two_files_the_newest_snapshot_is_kept(settings: Settings) -> None:
    folder = folder_of(settings)
    for part, epoch in ((0, 5), (1, 7), (2, 6)):
        put(folder / f"part-{part}.sqlite3", "live.apply_trades", "00000#01009", epoch)
    put(folder / "part-0.sqlite3", "live.apply_trades", "00001#00820", 2)
    assert drop_superseded(folder) == 2
    assert rows(folder) == [("live.apply_trades", "00000#01009", 7), ("live.apply_trades", "00001#00820", 2)]


def test_a_folder_that_takes_no_more_is_told_by_trying(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(StorageFailed, match="the disk of the recovery folder is full"):
        check_writable(tmp_path, free_bytes=4096)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        check_writable(tmp_path / "file")


def test_a_full_disk_is_told_from_damaged_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processes.recovery.PROBE_BYTES", 4096)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limit[1]))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(
            StorageFailed, match=r"recovery folder can't be written: File too large \(.*raise the limit"
        ):
            check_writable(tmp_path)
    finally:
        signal.signal(signal.SIGXFSZ, before)
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


EPOCHS, STATE_BYTES = 1_000, 40_000
JOURNAL_BYTES = 4 << 20


class Heavy(Counter):
    def snapshot(self) -> Any:
        return bytes([self.total % 256]) * STATE_BYTES


def test_the_folder_stays_small_over_many_epochs(tmp_path: Path) -> None:
    """A file's journal ends at 4 MiB and one snapshot, its state at a few snapshots; the engine then reuses both."""
    init_db_dir(tmp_path, 1)
    sizes: dict[str, int] = {}

    class Watched(SinkPart):
        def write_batch(self, values: list[int]) -> None:
            for path in tmp_path.iterdir():
                sizes[path.name] = max(path.stat().st_size, sizes.get(path.name, 0))

    class Watching(Sink):
        def build_part(self, step_id: str, for_part: str, resume_state: None) -> SinkPart:
            return Watched(self)

    flow = Dataflow("heavy")
    keyed = op.key_on("key", op.input("read", flow, Source([1] * EPOCHS)), lambda _: "0")
    op.output("write", op.stateful_batch("count", keyed, Heavy), Watching([], fails=False))
    run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(tmp_path)))
    assert EPOCHS * STATE_BYTES > 8 * JOURNAL_BYTES, "so much was written"
    assert sizes["part-0.sqlite3-wal"] < JOURNAL_BYTES + 8 * STATE_BYTES
    assert sizes["part-0.sqlite3"] < 8 * STATE_BYTES


def test_the_state_of_quotes_is_that_of_their_topic(tmp_path: Path) -> None:
    settings = load_settings(recovery_dir=tmp_path, kafka_topic="t", quotes_topic="q")
    state_folder(settings, "quotes", 0, init_db_dir)
    state_folder(settings.model_copy(update={"kafka_topic": "other"}), "quotes", 0, init_db_dir)
    with pytest.raises(StateIncompatible, match="q"):
        state_folder(settings.model_copy(update={"quotes_topic": "other"}), "quotes", 0, init_db_dir)
