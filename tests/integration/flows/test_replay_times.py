"""A topic that was filled from a file: found by its days, whether its records carry the trades' times or their own."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clickhouse_driver import Client
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between, read_range
from flows.reading import read_options
from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import environment
from tests.servers.kafka import make_topic

DAYS = ("2024-03-04", "2024-03-05", "2024-03-06")
PER_DAY = 48
DAY_2 = ("2024-03-05", "2024-03-06")
Produce = Callable[..., str]


def day_us(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def produce(
    kafka_bootstrap: str, clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Produce:
    """Puts three days of trades, one each half hour, onto a new topic; gives what was said on standard error."""
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    rows = [
        f"{day_us(day) + index * 1_800_000_000},A,{100 + index},1,{number * PER_DAY + index}\n"
        for number, day in enumerate(DAYS)
        for index in range(PER_DAY)
    ]
    Path("days.csv").write_text("event_time_us,symbol,price,size,trade_id\n" + "".join(rows))

    def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
        capsys.readouterr()
        assert main(["produce", "days.csv", *words]) == 0
        return capsys.readouterr().err

    return run


def stamps_ms() -> list[int]:
    options = read_options(load_settings())
    ranges = ranges_between(options, Position("earliest"), Position("latest"))
    return [stamp for batch in read_range(options, ranges) for stamp in batch.timestamps_ms.tolist()]


def replayed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, int]]:
    capsys.readouterr()
    code = main(["replay", "--json", "--intervals", "1h", *words])
    return code, json.loads(capsys.readouterr().out or "{}")


def starts(table: str) -> list[datetime]:
    client = Client.from_url(load_settings().clickhouse_dsn)
    try:
        database = load_settings().clickhouse_database
        return [start for (start,) in client.execute(f"SELECT start FROM {database}.{table} FINAL ORDER BY start")]
    finally:
        client.disconnect()


def test_a_day_of_a_recording_is_replayed_into_a_table_that_is_made(
    produce: Produce, capsys: pytest.CaptureFixture[str]
) -> None:
    said = produce(capsys, "--partitions", "1")
    assert "older" not in said, "a topic of its own keeps everything"
    assert stamps_ms() == [(day_us(day) + index * 1_800_000_000) // 1000 for day in DAYS for index in range(PER_DAY)]
    code, done = replayed(capsys, "--from", DAY_2[0], "--to", DAY_2[1], "--into", "one_day")
    assert (code, done["bars"]) == (0, 24)
    found = starts("one_day")
    assert (len(found), found[0].isoformat(), found[-1].hour) == (24, f"{DAY_2[0]}T00:00:00+00:00", 23)
    assert replayed(capsys, "--from", DAY_2[0], "--to", DAY_2[1], "--dry-run", "--diff", "--into", "one_day")[0] == 0


def test_bars_are_chosen_by_event_time_where_records_are_stamped_when_sent(
    produce: Produce, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(capsys, "--partitions", "1", "--timestamps", "sent")
    assert min(stamps_ms()) > (time.time() - 600) * 1000
    assert main(["replay", "--from", DAY_2[0], "--to", DAY_2[1]]) == 2
    assert "--event-from and --event-to" in capsys.readouterr().err
    code, done = replayed(capsys, "--event-from", DAY_2[0], "--event-to", DAY_2[1])
    assert (code, done["bars"], done["read"]) == (0, 24, 3 * PER_DAY)
    assert [start.day for start in starts("bars")] == [5] * 24
    code, same = replayed(capsys, "--event-from", DAY_2[0], "--event-to", DAY_2[1], "--dry-run", "--diff")
    assert (code, same["bars"]) == (0, 24)
    # What closes within the offsets but isn't whole there is left out all the same.
    code, done = replayed(capsys, "--from", '{"0": 60}', "--event-to", DAY_2[1], "--into", "cut")
    assert code == 0
    assert starts("cut")[0].isoformat() > f"{DAY_2[0]}T05:30:00"


def test_what_a_topic_does_with_the_past_is_said(
    produce: Produce, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = load_settings().kafka_topic
    for name, config, said in (
        ("weeks", {"retention.ms": str(14 * 86_400_000)}, "deletes records older than 14 days"),
        ("append", {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}, "puts its own time on records"),
        ("ever", {"retention.ms": "-1"}, ""),
        ("compact", {"cleanup.policy": "compact", "retention.ms": "1000"}, ""),
    ):
        make_topic(kafka_bootstrap, f"{topic}-{name}", 1, config)
        shown = " ".join(produce(capsys, "--topic", f"{topic}-{name}").split())
        assert said in shown if said else "topic" not in shown, name
    make_topic(kafka_bootstrap, f"{topic}-young", 1, {"message.timestamp.before.max.ms": "1000"})
    assert main(["produce", "days.csv", "--topic", f"{topic}-young"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "refuses records older than" in line
    assert "--timestamps sent" in line


def test_a_topic_made_for_a_recording_keeps_it(
    produce: Produce, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(capsys, "--partitions", "2")
    resource = ConfigResource(ResourceType.TOPIC, load_settings().kafka_topic)
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    answer = admin.describe_configs([resource])[resource].result(10)
    assert answer["retention.ms"].value == "-1"


def test_a_trade_from_the_future_stays_one(produce: Produce, capsys: pytest.CaptureFixture[str]) -> None:
    ahead_us = int((time.time() + 86_400) * 1_000_000)
    with Path("days.csv").open("a") as file:
        file.write(f"{ahead_us},A,1,1,x\n")
    produce(capsys, "--partitions", "1")
    assert stamps_ms()[-1] <= time.time() * 1000
    code, done = replayed(capsys)
    assert (code, done["rejected"]) == (0, 1)
