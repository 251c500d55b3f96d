"""Every source and sink part of ours: its error is raised where it was met, and closing it afterwards raises nothing.

The engine closes parts while it unwinds from an error, in a destructor: a second error there aborts the process without
a word. So each class of parts, or of sinks whose parts share one, stands in PARTS with a way to break it, and a class
that is missing there fails.
"""

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytewax.inputs import StatefulSourcePartition, StatelessSourcePartition
from bytewax.outputs import StatefulSinkPartition, StatelessSinkPartition
from confluent_kafka import KafkaError, KafkaException

import connectors
import flows
import sinks
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicFacts
from connectors.kafka.reader import KafkaReader
from connectors.kafka.source import KafkaPart
from schemas.alert_rules import AlertRule, Firing
from schemas.columns import BAR, TICKER, BarBatch, TickerBatch
from schemas.desk import DeskAlert, DeskEntry
from schemas.errors import StorageFailed, WriteFailed
from schemas.quotes import QUOTE_STATE, QuoteStates
from sinks.alerts import AlertSink, AlertUpdate
from sinks.clickhouse.native_block import Block, bar_block
from sinks.clickhouse.sink import Buffer, Inserter, _Part
from sinks.desk_alerts import DeskAlertSink
from sinks.kafka.armed_log import ArmedLog
from sinks.kafka.rekey import KeyedRecords, _RekeyPart
from sinks.kafka.sink import BarsTopicSink, CheckedProducer, _KafkaPart, _KafkaSink
from sinks.redis.channels import ChannelSink, ChannelWriter
from sinks.redis.price_alerts import AlertPublisher
from sinks.redis.quotes import QuotesSink, QuotesWriter
from sinks.redis.sink import LiveUpdate, RedisSink, RedisWriter
from sinks.shared import SharedSink, _SharedPart
from sinks.spool import BarSpoolSink, _SpoolPart
from tests.unit.connectors.kafka.fake_poll import FakePoll

KINDS = (StatefulSinkPartition, StatelessSinkPartition, StatefulSourcePartition, StatelessSourcePartition)
BARS = BarBatch(("AAPL",), np.zeros(3, BAR))
RULE = AlertRule("a", "anna", "A", "above", "1")
NOWHERE = "127.0.0.1:1"
Step = Callable[[], object]
Broken = tuple[Sequence[Any], Step, type[BaseException]]
"""Parts that share what is broken, a call that meets the trouble, what it raises."""


def refuse(*_: object, **__: object) -> None:
    raise WriteFailed("the server refused it")


def redis_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(RedisWriter, "write", refuse)
    patch.setattr(RedisWriter, "close", refuse)
    sink = RedisSink(f"redis://{NOWHERE}", 2)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]

    def meet() -> None:
        none = TickerBatch((), (), np.zeros(0, TICKER))
        parts[0].write_batch([LiveUpdate(0, none, BARS, BARS)])
        parts[0].snapshot()

    return parts, meet, WriteFailed


def quotes_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(QuotesWriter, "write", refuse)
    patch.setattr(QuotesWriter, "close", refuse)
    sink = QuotesSink(f"redis://{NOWHERE}", 2)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]

    def meet() -> None:
        parts[0].write_batch([QuoteStates(0, ("A",), ("",), np.zeros(1, QUOTE_STATE))])
        parts[0].snapshot()

    return parts, meet, WriteFailed


def clickhouse_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(Inserter, "insert", refuse)
    patch.setattr(Inserter, "close", refuse)
    inserters = [Inserter(f"clickhouse://{NOWHERE}", "market", "bars") for _ in range(2)]

    def encode(batches: list[BarBatch]) -> Block:
        return bar_block(batches)

    buffer = Buffer(inserters, encode, len, 1000)
    parts = [_Part(buffer), _Part(buffer)]

    def meet() -> None:
        parts[0].write_batch([BARS])
        parts[1].write_batch([BARS])
        parts[0].snapshot()

    return parts, meet, WriteFailed


def channel_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(ChannelWriter, "write", refuse)
    patch.setattr(ChannelWriter, "close", refuse)
    sink = ChannelSink(f"redis://{NOWHERE}", "routing-decisions", 2)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]

    def meet() -> None:
        parts[0].write_batch([[DeskEntry("", "routing-metrics", "routing-decision", b"{}", 0)]])
        parts[0].snapshot()

    return parts, meet, WriteFailed


def desk_alert_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(Inserter, "insert", refuse)
    patch.setattr(Inserter, "close", refuse)
    sink = DeskAlertSink(f"clickhouse://{NOWHERE}", "market", f"redis://{NOWHERE}", 2)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]

    def meet() -> None:
        parts[0].write_batch([[DeskAlert("id", "open", 0, "error", "lp", "", "", "")]])
        parts[0].snapshot()

    return parts, meet, WriteFailed


def kafka_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    sink = BarsTopicSink.__new__(BarsTopicSink)
    _KafkaSink.__init__(sink, 2, CheckedProducer(NOWHERE, "bars"))
    patch.setattr(CheckedProducer, "flush", refuse)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]
    return parts, parts[0].snapshot, WriteFailed


def rekey_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(_RekeyPart, "_ready", refuse)
    part = _RekeyPart.__new__(_RekeyPart)

    class Offsets:
        def close(self) -> None:
            raise KafkaException(KafkaError(KafkaError._STATE))

    part._offsets = Offsets()
    return [part], lambda: part.write_batch([KeyedRecords(0, [], [], [], [], 0)]), WriteFailed


def spool_parts(folder: Path, _patch: pytest.MonkeyPatch) -> Broken:
    sink = BarSpoolSink(folder, 2)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]
    parts[0].write_batch([BARS])
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed by the part
    parts[0]._rows._file.raw.close()
    parts[0]._rows._file = full
    return parts, lambda: parts[0].write_batch([BARS]), StorageFailed


def source_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    options = KafkaReadOptions(bootstrap=NOWHERE, topic="trades")
    patch.setattr(FakePoll, "drain", refuse)
    patch.setattr(FakePoll, "pause", refuse)
    patch.setattr(FakePoll, "close", refuse)
    facts = TopicFacts("trades", "id", 2)
    reader = KafkaReader(options, facts, lambda *_: FakePoll())

    def part(partition: int) -> KafkaPart[Any]:
        return KafkaPart(
            reader, facts, partition, 0, None, 10, decode=lambda raw: raw, empty=lambda *_: None,
            stop=threading.Event(), start="earliest",
        )  # fmt: skip

    parts = [part(0), part(1)]
    return parts, parts[0].next_batch, WriteFailed


def alert_parts(_folder: Path, patch: pytest.MonkeyPatch) -> Broken:
    patch.setattr(AlertPublisher, "publish", refuse)
    patch.setattr(AlertPublisher, "close", refuse)
    patch.setattr(Inserter, "insert", refuse)
    patch.setattr(Inserter, "close", refuse)
    armed = ArmedLog.__new__(ArmedLog)
    armed._producer, armed._moves = CheckedProducer(NOWHERE, "armed"), {}
    inserter = Inserter(f"clickhouse://{NOWHERE}", "market", "price_alerts")
    sink = AlertSink(2, armed, AlertPublisher(f"redis://{NOWHERE}"), inserter)
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]

    def meet() -> None:
        parts[0].write_batch([AlertUpdate(0, fired=[Firing(0, 1, 0, 0, 1, 1, 1, 1, RULE, 1, 1)])])
        parts[0].snapshot()

    return parts, meet, WriteFailed


PARTS: dict[type, Callable[[Path, pytest.MonkeyPatch], Broken]] = {
    RedisSink: redis_parts,
    QuotesSink: quotes_parts,
    _Part: clickhouse_parts,
    AlertSink: alert_parts,
    DeskAlertSink: desk_alert_parts,
    ChannelSink: channel_parts,
    _KafkaPart: kafka_parts,
    _RekeyPart: rekey_parts,
    _SpoolPart: spool_parts,
    KafkaPart: source_parts,
}


def classes_of_parts() -> Iterator[type]:
    for package in (connectors, sinks, flows):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    waiting = [*KINDS, SharedSink]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if each.__module__.split(".")[0] in ("connectors", "sinks", "flows"):
                yield each


def closes(part: type) -> bool:
    """Whether the class has a ``close`` of its own; the engine's does nothing, and the shared one is its sink's."""
    if part is _SharedPart or issubclass(part, SharedSink):
        return part is not _SharedPart
    return all(part.close is not kind.close for kind in KINDS)  # type: ignore[attr-defined]


def test_every_class_that_closes_something_is_tried() -> None:
    assert {each.__name__ for each in set(classes_of_parts()) if closes(each)} <= {each.__name__ for each in PARTS}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_after_an_error_every_part_closes_without_another(
    part: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, meet, error = PARTS[part](tmp_path, monkeypatch)
    with pytest.raises(error):
        meet()
    began = time.monotonic()
    for each in [*parts, *parts[:1]]:
        each.close()
    assert time.monotonic() - began < 2
