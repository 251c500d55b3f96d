"""Replay against real servers: equal to live, repaired by late trades, cut at edges, resumed after kills, refused."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
from clickhouse_driver import Client
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from flows.replay_plan import Request, make_plan, save_plan
from jobs.clickhouse_bars import read_bars
from jobs.replay.run import Replay
from oracle.comparison import FIELDS
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import (
    FOR_EVER_MS,
    MINUTE_US,
    environment,
    feed,
    run_history,
    tape,
    truth,
)
from tests.property.trade_batches import MONDAY_US
from tests.servers.otlp import Collector

TRADES = 6_000
SEVEN = tuple(range(7))


@pytest.fixture
def world(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings of a topic with three hours of trades, one in 50 too late, and an empty database with our tables."""
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert main(["migrate"]) == 0
    feed(settings, tape(TRADES, 180, late_every=50))
    return settings


@pytest.fixture(scope="module")
def untouched(
    kafka_bootstrap: str, clickhouse_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Variables of such a world for all who change nothing of it."""
    database = f"untouched_{uuid.uuid4().hex[:8]}"
    names = environment(kafka_bootstrap, clickhouse_dsn, database, tmp_path_factory.mktemp("untouched"))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in names.items():
            patched.setenv(name, value)
        assert main(["migrate"]) == 0
        feed(load_settings(), tape(TRADES, 180, late_every=50))
    yield names
    with Client.from_url(clickhouse_dsn) as client:
        client.execute(f"DROP DATABASE {database}")


def stored(settings: Settings) -> dict[tuple[str, str, int], tuple[object, ...]]:
    client = Client.from_url(settings.clickhouse_dsn)
    bars = read_bars(client, settings.clickhouse_database)
    client.disconnect()
    return {key: bar.values for key, bar in bars.items()}


def final(settings: Settings, **changes: object) -> dict[tuple[str, str, int], tuple[object, ...]]:
    bars = truth(settings, **changes)
    return {key: tuple(getattr(bar, name) for name in FIELDS) for key, bar in bars.items() if bar.final}


def replayed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = main(["replay", "--json", *words])
    shown = capsys.readouterr()
    assert shown.out, shown.err
    return code, json.loads(shown.out)


def verified(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = main(["verify", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_replay_equals_live_and_repairs_what_came_too_late(
    world: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    collector: Collector,
) -> None:
    run_history(world, TRADES, tmp_path / "history.log")
    live = stored(world)
    assert live == final(world)

    code, same = replayed(capsys, "--dry-run", "--diff", "--no-late")
    assert (code, same["changes"]) == (0, [])
    assert same["diff"]["equal"] == len(live)  # type: ignore[index]
    assert stored(world) == live, "a dry run writes nothing"

    repaired = final(world, lateness_ms=FOR_EVER_MS)
    differing = {key for key in repaired if live.get(key) != repaired[key]}
    assert len(differing) > 20
    monkeypatch.setenv("TAPEFLOW_TRACE_URL", collector.url)
    monkeypatch.setenv("TAPEFLOW_TRACE_ONE_IN", "1")
    assert main(["replay"]) == 0
    assert stored(world) == repaired
    batches = collector.named(f"process {world.kafka_topic}")
    assert {each.service for each in batches} == {"tapeflow-replay"}
    assert {each.span for each in batches} == {each.parent for each in collector.named("apply")}
    monkeypatch.delenv("TAPEFLOW_TRACE_URL")
    code, checked = verified(capsys)
    assert (code, checked["differ"], checked["repaired"]) == (0, 0, len(differing))
    assert not any((tmp_path / "recovery").glob("replay-*")), "a replay that ended leaves nothing behind"


@pytest.mark.thorough
def test_a_diff_counts_what_a_repair_would_change_and_none_behind_it(
    world: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_history(world, TRADES, tmp_path / "history.log")
    live, repaired = stored(world), final(world, lateness_ms=FOR_EVER_MS)
    differing = {key for key in repaired if live.get(key) != repaired[key]}
    code, repair = replayed(capsys, "--dry-run", "--diff", "--processes", "2")
    assert code == 1
    assert repair["diff"]["changed"] + repair["diff"]["added"] == len(differing) > 20  # type: ignore[index]
    assert stored(world) == live, "a dry run writes nothing"
    assert main(["replay"]) == 0
    assert replayed(capsys, "--dry-run", "--diff")[0] == 0


@pytest.mark.thorough
def test_bars_that_open_at_the_close_before_them_are_the_oracles_in_every_flow(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_CANDLE_OPEN", "previous-close")
    following = load_settings()
    run_history(following, TRADES, tmp_path / "history.log")
    live = stored(world)
    assert live == final(following)
    assert live.keys() == (plain := final(world)).keys()
    assert sum(live[key][0] != plain[key][0] for key in live) > len(live) / 2
    assert replayed(capsys, "--dry-run", "--diff", "--no-late")[0] == 0
    assert main(["replay"]) == 0
    code, checked = verified(capsys)
    assert (code, checked["differ"]) == (0, 0)
    assert int(str(checked["repaired"])) > 20
    code, cut = verified(capsys, "--from", '{"0": 1000, "1": 1000}')
    assert (code, cut["differ"]) == (0, 0)
    monkeypatch.setenv("TAPEFLOW_CANDLE_OPEN", "first-trade")
    assert verified(capsys)[0] == 1


@pytest.mark.thorough
def test_a_range_writes_no_bar_that_its_edges_cut(world: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    whole = final(world, lateness_ms=FOR_EVER_MS)
    start = "2025-03-10T00:20:00"
    code, _ = replayed(capsys, "--from", start, "--to", "2025-03-10T01:00:00", "--intervals", "1m,15m,1h")
    assert code == 0
    first_us, end_us = MONDAY_US + 20 * MINUTE_US, MONDAY_US + 60 * MINUTE_US
    lengths = {"1m": 1, "15m": 15, "1h": 60}
    wanted = {
        key for key in whole
        if key[1] in lengths and first_us <= key[2] and key[2] + lengths[key[1]] * MINUTE_US <= end_us
    }  # fmt: skip
    found = stored(world)
    assert found.keys() == wanted
    assert {interval for _, interval, _ in found} == {"1m", "15m"}

    code, by_offset = replayed(capsys, "--from", '{"0": 1000, "1": 1000}', "--no-late")
    assert code == 0
    assert by_offset["cut"] > 0  # type: ignore[operator]
    plain = final(world)
    written = {key: values for key, values in stored(world).items() if key not in found}
    assert written
    assert all(plain[key] == values for key, values in written.items())


@pytest.mark.thorough
def test_a_killed_replay_goes_on_and_ends_with_the_same_bars(
    world: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEFLOW_BATCH_RECORDS_MAX", "50")
    monkeypatch.setenv("TAPEFLOW_EPOCH_MS", "100")
    settings = load_settings()
    path = tmp_path / "bars.parquet"
    asked = Replay(settings, Request("earliest", "latest", (), SEVEN, "", True))
    for _ in range(3):
        with (tmp_path / "killed.log").open("ab") as log:
            run = FlowProcess("replay", settings.model_copy(update={"recovery_dir": asked.folder}), log=log)
            run.start()
            deadline = time.monotonic() + 60
            while not list(asked.folder.glob("progress-*.json")) and run.poll() is None:
                assert time.monotonic() < deadline
            run.kill()
    again = Replay(settings, Request("earliest", "latest", (), SEVEN, "", True), processes=2)
    assert again.resumed
    account = again.run(lambda _done: None)
    assert account.read == account.applied + account.duplicate + account.late + account.rejected == TRADES
    whole = final(world, lateness_ms=FOR_EVER_MS)
    assert again.write(str(path)) == len(whole)
    frame = pl.read_parquet(path)
    assert {(row["symbol"], row["interval"], row["start_ms"] * 1000): row["close"] for row in frame.to_dicts()} == {
        key: values[3] for key, values in whole.items()
    }


@pytest.mark.thorough
def test_a_log_that_now_begins_with_a_late_trade_ruins_no_stored_bar(
    world: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_history(world, TRADES, tmp_path / "history.log")
    live = stored(world)
    # Late by 20 minutes, at half past the hour or so: the longer bars around it are cut.
    first = {
        partition: next(
            each.offset
            for each in tape(TRADES, 180, late_every=50)[TRADES * 3 // 5 :]
            if each.partition == partition and each.event_time_us < each.timestamp_ms * 1000 - 10 * MINUTE_US
        )
        for partition in (0, 1)
    }
    admin = AdminClient({"bootstrap.servers": world.kafka_bootstrap})
    places = [TopicPartition(world.kafka_topic, partition, offset) for partition, offset in first.items()]
    for future in admin.delete_records(places).values():
        future.result(30)
    code, account = replayed(capsys, "--no-late")
    assert code == 0
    assert account["cut"] > 0  # type: ignore[operator]
    assert account["bars"] > 0  # type: ignore[operator]
    assert stored(world) == live
    code, checked = verified(capsys)
    assert (code, checked["differ"]) == (0, 0)
    assert checked["compared"] > 0  # type: ignore[operator]


def test_symbols_intervals_and_other_tables(world: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    client = Client.from_url(world.clickhouse_dsn)
    database = world.clickhouse_database
    client.execute(
        f"CREATE TABLE {database}.again AS {database}.bars ENGINE = ReplacingMergeTree(version) "
        "PARTITION BY toYear(start) ORDER BY (symbol, interval, start)"
    )
    words = ["--symbols", "AAPL,ETH/USDT", "--intervals", "5m", "--into", "again"]
    assert replayed(capsys, *words)[0] == 0
    kinds = client.execute(f"SELECT DISTINCT symbol, interval FROM {database}.again ORDER BY symbol")
    client.disconnect()
    assert kinds == [("AAPL", "5m"), ("ETH/USDT", "5m")]
    assert replayed(capsys, *words, "--dry-run", "--diff")[0] == 0
    assert not stored(world)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "2025-03-10T01:00:00", "--to", "2025-03-10T00:00:00"], "not after its start"),
        (["--from", '{"0": 500}', "--to", '{"0": 400}'], "would be read from 500 to 400"),
        (["--from", '{"7": 0}'], "has no partition 7"),
        (["--to", '{"0": 99999999}'], "before 99999999"),
        (["--from", "2030-01-01"], "holds no record in that range"),
        (["--from", "soon"], "is no position"),
        (["--symbols", "TYPO,OTHER"], "holds no valid trade of OTHER, TYPO in that range (--symbols)"),
        (["--symbols", "TYPO", "--into", "bars.csv"], "holds no valid trade of TYPO in that range (--symbols)"),
        (["--into", "nowhere.bars"], "no table"),
        (["--into", "nowhere", "--dry-run", "--diff"], "no table"),
        (["--event-from", "soon"], "is no time (--event-from)"),
        (["--event-from", "2025-03-11", "--event-to", "2025-03-10"], "no bar ends by"),
        (["--into", "trades"], "can't hold bars"),
        (["--into", "a b"], "is no table and no file"),
        (["--into", "/nowhere/bars.parquet"], "no such folder"),
        (["--diff"], "add --dry-run"),
        (["--intervals", "10m"], "Invalid interval"),
        (["--processes", "99"], "99 processes"),
    ],
)
def test_what_can_not_be_done_is_one_line(
    untouched: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], said: str,
) -> None:  # fmt: skip
    for name, value in (untouched | {"TAPEFLOW_RECOVERY_DIR": str(tmp_path / "recovery")}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["replay", *words]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
    assert not any((tmp_path / "recovery").glob("replay-*/*")), "nothing was begun"
    assert not (tmp_path / "bars.csv").exists()


def test_expired_offsets_and_foreign_folders_are_one_line(
    world: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = AdminClient({"bootstrap.servers": world.kafka_bootstrap})
    for future in admin.delete_records([TopicPartition(world.kafka_topic, 0, 700)]).values():
        future.result(30)
    capsys.readouterr()
    assert main(["replay", "--from", '{"0": 500}']) == 2
    assert "offset 500 is gone, the topic now begins at 700" in capsys.readouterr().err
    assert replayed(capsys)[0] == 0, "earliest is what is left"
    plain = final(world, lateness_ms=FOR_EVER_MS)
    for key, values in stored(world).items():
        assert plain[key] == values, key

    request = Request("earliest", "latest", (), SEVEN, "", True)
    folder = world.recovery_dir / f"replay-{request.identity(world)}"
    folder.mkdir(parents=True)
    (folder / "part-0.sqlite3").touch()
    assert main(["replay", "--dry-run"]) == 2
    assert "no plan of a replay can be read" in capsys.readouterr().err
    plan = make_plan(request, world)
    save_plan(msgspec.structs.replace(plan, version=99), folder)
    assert main(["replay", "--dry-run"]) == 2
    assert "has version 99, not 1" in capsys.readouterr().err
