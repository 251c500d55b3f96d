"""A desk on real topics for tests of the analytics flow: records sent, the flow run and killed, what came out of it."""

import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
from clickhouse_driver import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from redis import Redis

from jobs.produce.desk import DeskMarket, desk_encoder
from oracle.desk import OracleDecision
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from schemas.avro import shipped_schema
from schemas.desk import DeskKind
from tests.servers.kafka import make_topic

DEADLINE_S = 120
MINUTE_US = 60_000_000
KEEP = {"retention.ms": "-1"}


def desk_environment(
    bootstrap: str, redis_url: str, dsn: str, database: str, folder: Path, *kinds: DeskKind
) -> dict[str, str]:
    """Variables of a test's own topics, those of ``kinds``, of its database and folders."""
    name = uuid.uuid4().hex[:8]
    topics = {f"TAPEFLOW_{kind.upper()}_TOPIC": f"{kind}-{name}" for kind in kinds}
    return {
        **topics,
        "TAPEFLOW_ANALYTICS_KINDS": ",".join(kinds),
        "TAPEFLOW_KAFKA_BOOTSTRAP": bootstrap,
        "TAPEFLOW_REDIS_URL": redis_url,
        "TAPEFLOW_CLICKHOUSE_DSN": dsn,
        "TAPEFLOW_CLICKHOUSE_DATABASE": database,
        "TAPEFLOW_RECOVERY_DIR": str(folder / "recovery"),
        "TAPEFLOW_EPOCH_MS": "200",
        "TAPEFLOW_IDLE_CLOSE_MS": "500",
    }


class Desk:
    """Sends records of one kind to its topic, stamped half a second behind their own time."""

    def __init__(self, settings: Settings, kind: DeskKind, topic: str, partitions: int, seed: int = 1) -> None:
        make_topic(settings.kafka_bootstrap, topic, partitions, KEEP)
        self._topic, self._partitions = topic, partitions
        self._market = DeskMarket(kind, 8, seed)
        self._encoders = [desk_encoder(kind, "json"), desk_encoder(kind, "confluent")]
        self._producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
        self._sent = 0

    def send(self, count: int, start_us: int, span_us: int, late_us: int = 0) -> None:
        """Half of them as JSON, half as Avro; of every tenth the time is ``late_us`` before."""
        for record in self._market.take(count, start_us, span_us):
            self._sent += 1
            stamp_ms = record.fields["eventTime"] // 1000 + 500
            if late_us and self._sent % 10 == 0:
                record.fields["eventTime"] -= late_us
            value = self._encoders[self._sent % 2](record)
            partition = sum(record.key.encode()) % self._partitions
            self._producer.produce(self._topic, value, record.key, partition=partition, timestamp=stamp_ms)
        assert self._producer.flush(30) == 0

    def send_raw(self, value: bytes, stamp_ms: int) -> None:
        self._producer.produce(self._topic, value, b"x", partition=0, timestamp=stamp_ms)
        assert self._producer.flush(30) == 0


def read_decisions(settings: Settings, topic: str, partitions: int) -> list[OracleDecision]:
    """Every JSON or Avro record of the topic as the oracle has it, by stock libraries alone."""
    return [
        OracleDecision(
            partition, offset, stamp_ms, event_time_us(record), record["symbol"], record["side"],
            Decimal(record["volume"]), record["routingDecision"], record["lpSelected"],
            round(Decimal(record["executionTimeMs"]) * 1000), Decimal(record["spread"]), Decimal(record["slippage"]),
        )
        for partition, offset, stamp_ms, record in read_records(settings, topic, partitions)
    ]  # fmt: skip


def read_figures(settings: Settings, topic: str, partitions: int) -> list[OracleLpRecord]:
    """Likewise of providers."""
    return [
        OracleLpRecord(
            partition, offset, stamp_ms, event_time_us(record), record["lpName"], record["status"],
            Decimal(record["avgSpread"]), Decimal(record["executionQuality"]),
            round(Decimal(record["latencyMs"]) * 1000), Decimal(record["quotesPerSecond"]),
            Decimal(record["rejectRate"]), Decimal(record["uptime"]),
        )
        for partition, offset, stamp_ms, record in read_records(settings, topic, partitions)
    ]  # fmt: skip


def read_states(settings: Settings, topic: str, partitions: int) -> list[OracleState]:
    """Likewise of exposure."""
    return [
        OracleState(
            partition, offset, stamp_ms, event_time_us(record), record["symbol"], record["lpName"], record["book"],
            Decimal(record["exposure"]), Decimal(record["exposureLimit"]),
        )
        for partition, offset, stamp_ms, record in read_records(settings, topic, partitions)
    ]  # fmt: skip


def read_records(settings: Settings, topic: str, partitions: int) -> Iterator[tuple[int, int, int, dict[str, Any]]]:

    consumer = Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": "oracle"})
    places = [TopicPartition(topic, partition, 0) for partition in range(partitions)]
    left = sum(consumer.get_watermark_offsets(place)[1] for place in places)
    consumer.assign(places)
    while left:
        message = consumer.poll(10)
        assert message is not None
        assert message.error() is None
        left -= 1
        value = message.value()
        if value[:1] == b"\0":
            writer = shipped_schema(int.from_bytes(value[1:5], "big"))
            assert writer is not None
            record = fastavro.schemaless_reader(io.BytesIO(value[5:]), writer.schema, None)
        elif value[:1] == b"{":
            record = json.loads(value, parse_float=Decimal)
        else:
            continue
        yield message.partition(), message.offset(), message.timestamp()[1], record
    consumer.close()


def event_time_us(record: dict[str, Any]) -> int:
    time_ = record["eventTime"]
    return round(time_.timestamp() * 1_000_000) if hasattr(time_, "timestamp") else int(Decimal(time_) * 1000)


class Running:
    """The flow as a process, which may be killed and started again."""

    def __init__(self, settings: Settings, log: Path, name: str) -> None:
        self._settings, self._log, self._name = settings, log, name
        self._moment = threading.Event()
        self.start()

    def start(self) -> None:
        self._file = self._log.open("ab")
        self.flow = FlowProcess(self._name, self._settings, log=self._file)
        self.flow.start()

    def kill(self) -> None:
        self.flow.kill()
        self._file.close()

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.flow.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            self._moment.wait(0.05)


@contextmanager
def running(settings: Settings, log: Path, name: str = "analytics") -> Iterator[Running]:
    run = Running(settings, log, name)
    try:
        yield run
        assert run.flow.stop(30) == 0, log.read_text()
    finally:
        run.kill()


def rows_of(settings: Settings, query: str) -> list[Any]:
    client = Client.from_url(settings.clickhouse_dsn)
    try:
        found: list[Any] = client.execute(query.replace("{db}", settings.clickhouse_database))
        return found
    finally:
        client.disconnect()


def messages_of(settings: Settings, channel: str, kind: str) -> list[dict[str, Any]]:
    """Data of the messages of a type, as they stand in the channel's stream."""
    with Redis.from_url(settings.redis_url) as redis:
        entries: Any = redis.xrange(f"md:channel:{channel}")
    return [
        json.loads(fields[b"data"], parse_float=Decimal)
        for _, fields in entries
        if fields[b"type"] == kind.encode()
    ]  # fmt: skip


def alerts_of(settings: Settings) -> list[dict[str, Any]]:
    """Data of the alerts in the stream of events."""
    with Redis.from_url(settings.redis_url) as redis:
        entries: Any = redis.xrange("md:events")
    return [json.loads(fields[b"data"]) for _, fields in entries if fields[b"type"] == b"alert"]
