"""dead-letters list, show and requeue on a real broker: chosen by reason and place, put back and counted once."""

import json
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_driver import Client
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from connectors.kafka.requeued import Marker
from flows.reading import markers_of
from jobs.produce.kafka_writer import ensure_topic
from runtime.settings.whole import Settings, load_settings
from schemas.rejects import Reason, Reject
from sinks.kafka.sink import DeadLetterSink
from tapeflow.cli import main
from tests.integration.flows.market_feeding import KEEP, environment, run_history
from tests.servers.kafka import make_topic

TRADE = b'{"symbol":"AAPL","price":1.5,"qty":2,"event_time":1741564800000000}'


def reject(
    offset: int, value: bytes | None = TRADE, reason: Reason = Reason.MISSING_FIELD, partition: int = 1
) -> Reject:
    return Reject(reason, "no field size", TOPIC, partition, offset, 1_741_564_800_000, b"AAPL", value)


TOPIC = f"letters-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def letters(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Five letters, one of them twice as after a crash, on the dead-letter topic of a fresh source topic; its name."""
    global TOPIC  # noqa: PLW0603 - one name per test, which reject() puts into headers
    TOPIC = f"letters-{uuid.uuid4().hex[:8]}"
    ensure_topic(kafka_bootstrap, TOPIC, 2)
    sink = DeadLetterSink(kafka_bootstrap, TOPIC + ".dead-letter", 2, flow="history")
    junk = reject(13, b"\x00\xff", Reason.CORRUPT, partition=0)
    sink.write([reject(10), reject(11), junk, reject(12), reject(11), reject(14, None, Reason.EMPTY_VALUE)])
    sink.producer.flush()
    for name, value in {
        "KAFKA_BOOTSTRAP": kafka_bootstrap, "KAFKA_TOPIC": TOPIC, "VALUE_FORMAT": "json",
        "FIELD_MAP": json.dumps({"size": "qty"}),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TAPEFLOW_{name}", value)
    return TOPIC


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert main(["dead-letters", *words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def source_records(bootstrap: str, topic: str) -> list[tuple[int, bytes, bytes, dict[str, bytes]]]:
    """(partition, key, value, headers) of every committed record."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    found, ended = [], 0
    while ended < 2:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ended += 1
        else:
            found.append((message.partition(), message.key(), message.value(), dict(message.headers() or ())))
    consumer.close()
    return found


def test_letters_are_listed_by_reason_and_shown_whole(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "list")
    assert found["counts"] == {"missing-field": 3, "corrupt": 1, "empty-value": 1}
    assert len(found["letters"]) == 5  # type: ignore[arg-type]
    assert said(capsys, "list", "--reason", "corrupt")["counts"] == {"corrupt": 1}
    assert said(capsys, "list", "--offset", "1:12,0:13")["counts"] == {"missing-field": 1, "corrupt": 1}
    assert said(capsys, "list", "--to", '{"0": 2}')["counts"] == {"missing-field": 2}
    assert said(capsys, "list", "--from", "2100-01-01")["counts"] == {}
    assert main(["dead-letters", "list"]) == 0
    assert "5 letters: 3 missing-field" in capsys.readouterr().out

    assert said(capsys, "list", "--offset", f" 1:12 , {letters}/0/13,")["counts"] == {"missing-field": 1, "corrupt": 1}

    one = said(capsys, "show", " 1:11")
    assert (one["value"], one["now"], one["flow"]) == (TRADE.decode(), "would be taken", "history")
    junk = said(capsys, "show", "0:13")
    assert junk["value"] == "0x00ff"
    assert junk["now"] != "would be taken"
    assert main(["dead-letters", "show", "0:13"]) == 0


def test_requeue_puts_back_once_what_would_be_taken_now(
    letters: str, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEFLOW_FIELD_MAP", "")
    assert said(capsys, "requeue", "--dry-run")["put_back"] == 0, "nothing is mended yet"
    monkeypatch.setenv("TAPEFLOW_FIELD_MAP", json.dumps({"size": "qty"}))
    plan = said(capsys, "requeue", "--dry-run")
    assert (plan["put_back"], plan["already"]) == (3, 0)
    assert sum(plan["refused"].values()) == 2  # type: ignore[attr-defined]
    assert source_records(kafka_bootstrap, letters) == []

    assert said(capsys, "requeue", "--offset", "1:10")["put_back"] == 1
    done = said(capsys, "requeue")
    assert (done["put_back"], done["already"]) == (2, 1)
    assert said(capsys, "requeue")["put_back"] == 0
    found = source_records(kafka_bootstrap, letters)
    assert [(partition, key, value) for partition, key, value, _ in found] == [(1, b"AAPL", TRADE)] * 3
    assert sorted(headers["tapeflow-origin"] for *_, headers in found) == [
        f"{letters}/1/{offset}".encode() for offset in (10, 11, 12)
    ]
    listed = said(capsys, "list")["letters"]
    assert [each["put_back"] for each in listed].count(True) == 3  # type: ignore[attr-defined]
    assert said(capsys, "requeue", "--force")["put_back"] == 2


def test_a_requeue_that_died_midway_leaves_nothing_and_is_shut_out(
    letters: str, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{letters}.dead-letter"
    dying = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": f"tapeflow-requeue-{name}"})
    dying.init_transactions(20)
    dying.begin_transaction()
    dying.produce(letters, TRADE, b"AAPL", partition=1)
    dying.flush(20)
    assert said(capsys, "requeue")["put_back"] == 3
    with pytest.raises(KafkaException):
        dying.commit_transaction(20)
    assert len(source_records(kafka_bootstrap, letters)) == 3


def test_what_can_not_be_done_is_one_line(
    letters: str, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, line in (
        (["list", "--reason", "ugly"], "ugly is no reason"),
        (["list", "--from", "soon"], "is no position"),
        (["list", "--offset", "abc"], "'abc' is no place of a record (--offset): say PARTITION:OFFSET"),
        (["list", "--offset", ","], "'' is no place of a record (--offset)"),
        (["requeue", "--offset", "1;12"], "'1;12' is no place of a record"),
        (["show", "first"], "'first' is no place of a record (record)"),
        (["show", "0:99"], "no letter of record 0:99"),
        (["list", "--topic", "nowhere"], "topic nowhere.dead-letter does not exist"),
    ):
        capsys.readouterr()
        assert main(["dead-letters", *words]) == 2
        assert line in capsys.readouterr().err
    sink = DeadLetterSink(kafka_bootstrap, f"{letters}.dead-letter", 2, flow="history")
    sink.write([reject(20, partition=7)])
    sink.producer.flush()
    assert main(["dead-letters", "requeue", "--offset", "7:20"]) == 2
    assert "has no partition 7 any more" in capsys.readouterr().err


START_US = 1_767_571_200_000_000
"""A Monday, midnight UTC: every interval starts here."""


@pytest.fixture
def refused(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The history flow has read six trades, and refused the second one as too large; gives its folder."""
    variables = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path)
    more = {"DEAD_LETTERS_FROM": "history", "VALUE_FORMAT": "json", "TIME_UNIT": "us", "VALUE_BYTES_MAX": "300"}
    for name, value in {**variables, **{f"TAPEFLOW_{name}": value for name, value in more.items()}}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert main(["migrate"]) == 0
    make_topic(kafka_bootstrap, settings.kafka_topic, 1, KEEP)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for second, size in ((0, 1), (10, 100), (20, 1), (200, 1), (600, 1), (4_000, 1)):
        time_us = START_US + second * 1_000_000
        trade = {"symbol": "AAPL", "price": 10, "size": size, "event_time": time_us, "note": "x" * 3 * size}
        producer.produce(settings.kafka_topic, json.dumps(trade), b"AAPL", 0, timestamp=time_us // 1000)
    assert producer.flush(30) == 0
    run_history(settings, 6, tmp_path / "history.log")
    return tmp_path


def volume(settings: Settings, interval: str) -> tuple[Decimal, int]:
    """Of the first bar, by ClickHouse: its volume and its trades."""
    client = Client.from_url(settings.clickhouse_dsn)
    rows = client.execute(
        f"SELECT volume, trade_count FROM {settings.clickhouse_database}.bars_final "
        f"WHERE interval = '{interval}' AND toUnixTimestamp64Micro(start) = {START_US}"
    )
    client.disconnect()
    [(found, count)] = rows
    return found, count


def copies(settings: Settings) -> list[tuple[int]]:
    """Offsets of the trade that was refused, as ClickHouse has it."""
    client = Client.from_url(settings.clickhouse_dsn)
    rows: list[tuple[int]] = client.execute(
        f"SELECT kafka_offset FROM {settings.clickhouse_database}.trades_unique WHERE size = 100"
    )
    client.disconnect()
    return rows


def account(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, int]:
    capsys.readouterr()
    assert main(["replay", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    return {name: found[name] for name in ("read", "applied", "late", "rejected")}


@pytest.mark.thorough
def test_a_trade_that_was_put_back_counts_once_however_often_the_log_is_read(
    refused: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings()
    assert volume(settings, "1m") == (2, 2)
    monkeypatch.setenv("TAPEFLOW_VALUE_BYTES_MAX", "1000")
    mended = load_settings()
    assert said(capsys, "requeue")["put_back"] == 1
    run_history(mended, 1, refused / "history.log")
    assert volume(mended, "1m") == (2, 2), "it is late for its bar"
    assert copies(mended) == [(6,)]
    assert main(["verify"]) == 0

    assert account(capsys, "--to", '{"0": 6}') == {"read": 6, "applied": 5, "late": 0, "rejected": 1}
    assert volume(mended, "1m") == (2, 2), "the copy isn't in that range"
    assert account(capsys) == {"read": 7, "applied": 5, "late": 1, "rejected": 1}
    assert [volume(mended, interval) for interval in ("1m", "1h")] == [(102, 3), (104, 5)]
    assert main(["verify"]) == 0
    assert main(["replay", "--dry-run", "--diff"]) == 0
    capsys.readouterr()
    assert main(["quality", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["partitions"]["0"]["rejected"] == {"requeued": 1}

    (refused / "recovery" / "history").rename(refused / "before")
    run_history(mended, 7, refused / "history.log")
    assert copies(mended) == [(6,)], "the rebuild took the record that stands there for the other one as well"
    assert [volume(mended, interval) for interval in ("1m", "1h")] == [(102, 3), (104, 5)]
    assert main(["verify"]) == 0
    assert said(capsys, "list")["counts"] == {"too-large": 1}, "a record that was put back makes no letter"
    again = said(capsys, "requeue")
    assert (again["put_back"], again["already"]) == (0, 1)


def test_markers_of_a_requeue_that_goes_on_are_not_waited_for(letters: str, kafka_bootstrap: str) -> None:
    settings = load_settings()
    assert markers_of(settings) == {}
    assert main(["dead-letters", "requeue", "--offset", "1:10"]) == 0
    name = f"{letters}.dead-letter"
    other = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": f"tapeflow-requeue-{name}"})
    other.init_transactions(20)
    other.begin_transaction()
    unwritten = Marker(letters, 1, 11, 1_741_564_800_000)
    other.produce(f"{name}.requeued", unwritten.value(), unwritten.origin)
    assert other.flush(20) == 0
    began_s = time.monotonic()
    assert set(markers_of(settings)) == {f"{letters}/1/10"}
    assert time.monotonic() - began_s < 10
    other.abort_transaction(20)
    assert set(markers_of(settings)) == {f"{letters}/1/10"}
    assert markers_of(settings.model_copy(update={"dead_letters_from": "none"})) == {}


def test_a_desks_letters_are_judged_as_its_flow_would(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = b'{"symbol":"EUR/USD","exposure":5}'
    sink = DeadLetterSink(load_settings().kafka_bootstrap, letters + ".dead-letter", 2, flow="analytics")
    sink.write([reject(20, state, Reason.FUTURE_TIME), reject(21, b'{"symbol":"EUR/USD"}')])
    sink.producer.flush()
    desk = ("--kind", "exposure", "--topic", letters)
    assert said(capsys, "show", "1:20", *desk)["now"] == "would be taken"
    assert said(capsys, "show", "1:21", *desk)["now"] == "missing-field"
    done = said(capsys, "requeue", "--offset", "1:20,1:21", *desk)
    assert (done["put_back"], done["refused"]) == (1, {"missing-field": 1})
    assert said(capsys, "requeue", "--offset", "1:20", *desk)["already"] == 1
    assert [record[2] for record in source_records(load_settings().kafka_bootstrap, letters)] == [state]
