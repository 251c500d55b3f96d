"""Every way to write a trades topic, through running flows on real servers: the same bars come out of each.

The registry's topic changes its writer schema in the middle, with prices as string, double, long and decimal under
names of its own; one record there has an id that nobody knows.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from clickhouse_driver import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from jobs.clickhouse_bars import read_bars
from jobs.verify import oracle_rules
from oracle.comparison import FIELDS
from oracle.truth import OracleTrade, recompute
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from schemas.avro import BAR_SCHEMA_ID, load_schema, schema_text
from tapeflow.cli import main
from tests.integration.flows.market_feeding import (
    DEADLINE_S,
    MINUTE_US,
    PARTITIONS,
    environment,
    run_history,
)
from tests.property.trade_batches import MONDAY_US
from tests.servers.kafka import make_topic
from tests.servers.registry import RegistryServer
from tests.unit.connectors.batches import avro_value, framed

Bars = dict[tuple[str, str, int], tuple[object, ...]]
COUNT = 400
NAMES = {"symbol": "sym", "price": "px", "size": "qty", "event_time": "ts"}
SYMBOLS = ("BTC/USDT", "币安人生USDT", "S" * 64, "M&M=F 'x")


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def start(
    kafka_bootstrap: str,
    redis_url: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Settings]:
    """Settings of a topic and a database of the test's own, with tables; takes more settings by name."""

    def started(**more: str) -> Settings:
        names = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path)
        names |= {"TAPEFLOW_REDIS_URL": redis_url, "TAPEFLOW_DEAD_LETTERS_FROM": "history"}
        for name, value in (names | {f"TAPEFLOW_{name.upper()}": value for name, value in more.items()}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        assert main(["migrate"]) == 0
        settings = load_settings()
        # The records are stamped long ago: by its default the broker would soon drop them.
        make_topic(kafka_bootstrap, settings.kafka_topic, PARTITIONS, {"retention.ms": "-1"})
        return settings

    return started


def trades() -> list[OracleTrade]:
    """Whole prices, which every type can say, over ten minutes; a symbol stays in one partition."""
    offsets = [0] * PARTITIONS
    made = []
    for index in range(COUNT):
        which = index % len(SYMBOLS)
        partition = which % PARTITIONS
        time_us = MONDAY_US + index * 10 * MINUTE_US // COUNT // 1000 * 1000
        made.append(
            OracleTrade(
                partition, offsets[partition], time_us // 1000, time_us, SYMBOLS[which],
                Decimal(100 + index * 7 % 13), Decimal(1 + index % 5),
            )
        )  # fmt: skip
        offsets[partition] += 1
    return made


def feed(settings: Settings, tape: Sequence[OracleTrade], values: Sequence[bytes]) -> None:
    """Puts them where they say they are, stamped with their own times."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "linger.ms": 5, "enable.idempotence": True})
    for trade, value in zip(tape, values, strict=True):
        producer.produce(
            settings.kafka_topic, value, trade.symbol, partition=trade.partition, timestamp=trade.timestamp_ms
        )
    assert producer.flush(30) == 0


def expected(settings: Settings, tape: Sequence[OracleTrade]) -> Bars:
    bars = recompute(tape, oracle_rules(settings)).bars.values()
    return {
        (bar.symbol, bar.interval, bar.start_us): tuple(getattr(bar, name) for name in FIELDS)
        for bar in bars
        if bar.final
    }


def stored(settings: Settings) -> Bars:
    client = Client.from_url(settings.clickhouse_dsn)
    bars = read_bars(client, settings.clickhouse_database)
    client.disconnect()
    return {key: bar.values for key, bar in bars.items()}


def venue_schema(price: object, *more: object) -> dict[str, Any]:
    """A venue's own record: other names, its own type of price, no side, no id."""
    fields = [
        *more,
        {"name": "ts", "type": "long"},
        {"name": "px", "type": price},
        {"name": "qty", "type": "double"},
        {"name": "sym", "type": "string"},
    ]
    return {"type": "record", "name": "Print", "namespace": "venue", "fields": fields}


VENUE_SCHEMAS = (
    venue_schema("string"),
    venue_schema("double", {"name": "note", "type": ["null", "string"], "default": None}),
    venue_schema("long"),
    venue_schema({"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4}),
)
PRICES: tuple[Callable[[Decimal], object], ...] = (str, float, int, lambda price: price)


@pytest.mark.thorough
def test_writer_schemas_of_a_registry_change_in_mid_topic(
    start: Callable[..., Settings], registry: RegistryServer, tmp_path: Path
) -> None:
    bars_topic = f"bars-{uuid.uuid4().hex[:8]}"
    settings = start(
        schema_registry_url=registry.url, field_map=json.dumps(NAMES), time_unit="ms", bars_topic=bars_topic
    )
    ids = [registry.add("venue", {"schema": json.dumps(schema)}) for schema in VENUE_SCHEMAS]
    registry.add(f"{bars_topic}-value", {"schema": schema_text("Trade")})  # so that no id is ours by chance
    tape = trades()
    values = []
    for index, trade in enumerate(tape):
        which = index * len(ids) // COUNT
        record = {
            "ts": trade.event_time_us // 1000, "px": PRICES[which](trade.price), "qty": float(trade.size),
            "sym": trade.symbol, "note": "x",
        }  # fmt: skip
        values.append(framed(ids[which], avro_value(VENUE_SCHEMAS[which], record)))
    strange = 150
    values[strange] = framed(4711, values[strange][5:])
    feed(settings, tape, values)
    tape.pop(strange)

    run_history(settings, COUNT, tmp_path / "history.log")
    assert stored(settings) == expected(settings, tape)
    assert main(["verify"]) == 0
    [letter] = records(settings, settings.dead_letter_topic, 1)
    assert letter.value() == values[strange]
    assert dict(letter.headers())["reason"] == b"unknown-schema"

    final = expected(settings, tape)
    with running_live(settings, tmp_path / "live.log"):
        bars = {letter.key(): letter.value() for letter in records(settings, bars_topic, len(final))}
    assert len(bars) == len(final)
    for key, value in bars.items():
        schema_id = int.from_bytes(value[1:5], "big")
        assert registry.schemas[schema_id]["schema"] == schema_text("Bar")
        assert schema_id in registry.subjects[f"{bars_topic}-value"]
        assert schema_id != BAR_SCHEMA_ID
        bar: Any = fastavro.schemaless_reader(BytesIO(value[5:]), load_schema("Bar"), None)
        start_us = int(bar["start"].timestamp() * 1_000_000)
        assert key == f"{bar['symbol']}|{bar['interval']}|{start_us // 1000}".encode()
        assert tuple(bar[name] for name in FIELDS) == final[bar["symbol"], bar["interval"], start_us]


def take_away(registry: RegistryServer, how: str) -> Callable[[], object]:
    """Gives what brings it back."""
    if how == "down":
        registry.down = True
        return lambda: setattr(registry, "down", False)
    if how == "answers 404 to everything":
        registry.web = 404
        return lambda: setattr(registry, "web", 0)
    schemas, subjects = registry.schemas, registry.subjects
    registry.schemas, registry.subjects = {}, {}
    return lambda: registry.__dict__.update(schemas=schemas, subjects=subjects)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("down", marks=pytest.mark.thorough),
        pytest.param("answers 404 to everything", marks=pytest.mark.thorough),
        "restored without its schemas",
    ],
)
def test_a_registry_that_goes_away_is_waited_for(
    start: Callable[..., Settings], registry: RegistryServer, tmp_path: Path, how: str
) -> None:
    settings = start(schema_registry_url=registry.url)
    schema = load_schema("Trade")
    known = registry.add("trades-value", {"schema": json.dumps(schema)})
    tape = trades()
    values = [framed(known, avro_value(schema, plain_record(trade))) for trade in tape]
    log = tmp_path / "history.log"
    with log.open("ab") as file:
        flow = FlowProcess("history", settings, log=file)
        flow.start()
        try:
            # Asked before anything is built, and again by the decoder when it is.
            await_true(lambda: sum("/schemas/types" in each for each in registry.requests) == 2, flow)
            bring_back = take_away(registry, how)
            feed(settings, tape, values)
            await_true(lambda: "server_awaited" in log.read_text(), flow)
            assert main(["verify"]) == 2, "the oracle can't judge a record either"
            bring_back()
            final = expected(settings, tape)
            await_true(lambda: stored(settings) == final, flow)
            assert flow.stop(30) == 0
        finally:
            flow.kill()


def plain_record(trade: OracleTrade) -> dict[str, Any]:
    return {
        "symbol": trade.symbol, "price": trade.price, "size": trade.size, "event_time": trade.event_time_us,
        "side": "UNKNOWN", "trade_id": "", "exchange": "", "bid": None, "ask": None,
    }  # fmt: skip


def test_plain_avro_has_no_frame(start: Callable[..., Settings], tmp_path: Path) -> None:
    settings = start(value_format="avro")
    tape = trades()
    feed(settings, tape, [avro_value(load_schema("Trade"), plain_record(trade)) for trade in tape])
    run_history(settings, COUNT, tmp_path / "history.log")
    assert stored(settings) == expected(settings, tape)


def test_json_with_names_of_its_own_and_prices_as_text_or_number(
    start: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = start(value_format="json", field_map=json.dumps(NAMES), time_unit="ms")
    tape = trades()
    values = [
        json.dumps(
            {
                "sym": trade.symbol, "px": str(trade.price) if index % 2 else int(trade.price),
                "qty": float(trade.size), "ts": trade.event_time_us // 1000, "more": {"a": [1]},
            }
        ).encode()
        for index, trade in enumerate(tape)
    ]  # fmt: skip
    feed(settings, tape, values)
    run_history(settings, COUNT, tmp_path / "history.log")
    assert stored(settings) == expected(settings, tape)
    assert main(["verify"]) == 0


class running_live:  # noqa: N801 - reads as a statement
    """The live flow while the block runs; stopped as an operator would."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._file = log.open("ab")
        self._flow = FlowProcess("live", settings, log=self._file)

    def __enter__(self) -> None:
        self._flow.start()

    def __exit__(self, *_: object) -> None:
        try:
            assert self._flow.stop(30) == 0
        finally:
            self._flow.kill()
            self._file.close()


def test_several_trades_in_one_record(start: Callable[..., Settings], tmp_path: Path) -> None:
    names = {"symbol": "data[].s", "price": "data[].p", "size": "data[].q", "event_time": "data[].t"}
    settings = start(value_format="json", field_map=json.dumps(names), time_unit="us", dead_letters_from="history")
    tape, sent, values = trades(), [], []
    for partition in range(PARTITIONS):
        of_one = [trade for trade in tape if trade.partition == partition]
        for offset, first in enumerate(range(0, len(of_one), 3)):
            together = [trade._replace(offset=offset) for trade in of_one[first : first + 3]]
            items = [{"s": t.symbol, "p": str(t.price), "q": str(t.size), "t": t.event_time_us} for t in together]
            if (partition, offset) == (1, 7):
                items[1]["p"] = "none"
            values.append((together, json.dumps({"channel": "trades", "data": items}).encode()))
            sent += together if (partition, offset) != (1, 7) else []
    empty = (values[0][0], b'{"data":[]}')
    values.insert(1, empty)
    sent = [trade._replace(offset=trade.offset + (trade.partition == 0 and trade.offset > 0)) for trade in sent]
    feed(settings, [together[-1] for together, _ in values], [value for _, value in values])

    run_history(settings, len(sent) + 1, tmp_path / "history.log")
    assert stored(settings) == expected(settings, sent)
    assert main(["verify"]) == 0
    [letter] = records(settings, settings.dead_letter_topic, 1)
    assert dict(letter.headers())["reason"] == b"bad-value"
    assert letter.value() == next(value for _, value in values if b"none" in value)
    client = Client.from_url(settings.clickhouse_dsn)
    found = client.execute(
        f"SELECT kafka_partition, kafka_offset, kafka_index, symbol FROM {settings.clickhouse_database}.trades_unique"
        " ORDER BY 1, 2, 3"
    )
    client.disconnect()
    places = [(trade.partition, trade.offset) for trade in sent]
    assert found == [
        (trade.partition, trade.offset, places[:at].count(places[at]), trade.symbol) for at, trade in enumerate(sent)
    ]


def records(settings: Settings, topic: str, count: int) -> list[Any]:
    """The first ``count`` records of a topic, once they are there."""
    deadline = time.monotonic() + DEADLINE_S
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})
    while not (there := admin.list_topics(timeout=10).topics.get(topic)):
        assert time.monotonic() < deadline
    consumer = Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": "any"})
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in there.partitions])
        found: list[Any] = []
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count}"
            messages = consumer.consume(count, 0.5)
            assert not [message.error() for message in messages if message.error()]
            found += messages
        return found
    finally:
        consumer.close()


def await_true(condition: Callable[[], bool], flow: FlowProcess) -> None:
    deadline = time.monotonic() + DEADLINE_S
    moment = threading.Event()
    while not condition():
        assert flow.poll() is None, "the flow ended"
        assert time.monotonic() < deadline
        moment.wait(0.05)
