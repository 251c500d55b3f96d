"""From settings to rules and options; one decoding for every flow, refused records with their origin."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from flows.reading import decode_trades, partition_key, read_options, rejected, resolver_of, rules_of
from jobs.produce.encoding import encoder_of
from runtime.settings.whole import Settings, load_settings
from schemas.avro import WriterSchema, load_schema, schema_text
from schemas.columns import PLACE, RawBatch, TradeBatch
from schemas.errors import Unreachable
from schemas.intervals import INTERVALS
from schemas.rejects import Reason
from schemas.shards import shard_key
from tests.property.trade_batches import MONDAY_US, to_batch
from tests.servers.registry import RegistryServer
from tests.unit.core.bars.test_shard import at


class Keys:
    def __getitem__(self, index: int) -> bytes | None:
        return b"key-%d" % index


def raw(values: list[bytes]) -> RawBatch:
    ends = np.cumsum([len(value) for value in values])
    stamps = np.full(len(values), MONDAY_US // 1000)
    return RawBatch("trades", 2, b"".join(values), ends, np.arange(5, 5 + len(values)), stamps, Keys())


def decoded(settings: Settings, values: list[bytes]) -> TradeBatch:
    return decode_trades(settings)(raw(values))


def test_rules_are_the_settings_in_microseconds() -> None:
    rules = rules_of(
        load_settings(out_of_order_ms=7, lateness_ms=8, lateness_ms_by_interval={"1D": 9}, dedupe=True, source_epoch=4)
    )
    assert rules.out_of_order_us == 7_000
    assert dict(zip([each.name for each in INTERVALS], rules.lateness_us, strict=True))["1D"] == 9_000
    assert set(rules.lateness_us) == {8_000, 9_000}
    assert (rules.dedupe, rules.source_epoch, rules.sequence(3)) == (True, 4, (4 << 44) + 3)


@pytest.mark.parametrize(
    ("words", "previous_close", "exceptions"),
    [
        ("first-trade", False, ()),
        ("", False, ()),
        ("previous-close", True, ()),
        ("okx=previous-close,BITGET=previous-close,KRAKEN=first-trade", False, ("BITGET", "OKX")),
        ("previous-close,bitget=previous-close,binance=first-trade", True, ("BINANCE",)),
    ],
)
def test_at_what_bars_open(words: str, previous_close: bool, exceptions: tuple[str, ...]) -> None:
    rules = rules_of(load_settings(candle_open=words))
    assert (rules.previous_close, rules.exceptions) == (previous_close, exceptions)


def test_options_carry_the_topic_and_the_start() -> None:
    options = read_options(load_settings(kafka_topic="t", kafka_start='{"0": 42}', kafka_bootstrap="k:1"))
    assert (options.topic, options.bootstrap, options.start.offsets) == ("t", "k:1", {0: 42})


@pytest.mark.parametrize("value_format", ["confluent", "avro", "json"])
def test_every_format_gives_the_same_trades_and_keeps_what_it_refuses(value_format: str) -> None:
    settings = load_settings(value_format=value_format)
    good = encoder_of(settings)(to_batch([at(0, 1, "12.5"), at(1, 2, "0")]))
    batch = decoded(settings, [good[0], b"\xff" * 9, good[1]])
    assert (batch.read, len(batch), batch.next_offset) == (3, 1, 8)
    assert batch.rows["event_time_us"].tolist() == [MONDAY_US + 1_000_000]
    [(key, refused)] = rejected(batch)
    assert key == partition_key(batch) == shard_key(2)
    assert [(each.offset, each.key, each.partition) for each in refused] == [(6, b"key-1", 2), (7, b"key-2", 2)]
    assert refused[1].reason is Reason.PRICE_NOT_POSITIVE
    assert refused[1].value == good[1]


def test_what_was_put_back_is_counted_as_refused_and_makes_no_letter() -> None:
    settings = load_settings()
    values = [*encoder_of(settings)(to_batch([at(0, 1), at(1, 2), at(2, 3)])), b"\xff" * 9]
    places = np.array([(6, MONDAY_US // 1000), (8, MONDAY_US // 1000)], PLACE)
    batch = decode_trades(settings, None, {2: places})(raw(values))
    assert (batch.read, batch.rows["offset"].tolist()) == (4, [5, 7])
    assert [(each.offset, each.reason.label) for each in batch.rejects] == [(6, "requeued"), (8, "requeued")]
    assert batch.rejects[0].detail == "put back on the topic as another record: see the marker"
    assert rejected(batch) == []
    elsewhere = decode_trades(settings, None, {1: places})(raw(values))
    assert len(elsewhere) == 3, "another partition's records were put back"
    [(_, letters)] = rejected(elsewhere)
    assert [each.offset for each in letters] == [8]


def test_nothing_refused_is_nothing_sent() -> None:
    settings = load_settings()
    assert rejected(decoded(settings, encoder_of(settings)(to_batch([at(0, 1)])))) == []


def test_a_registry_that_is_down_is_waited_for_until_the_flow_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.0)
    stop = threading.Event()
    with RegistryServer() as server, ThreadPoolExecutor(1) as pool:
        schema_id = server.add("trades-value", {"schema": schema_text("Trade")})
        resolve = resolver_of(load_settings(schema_registry_url=server.url), stop)
        assert resolve is not None
        server.down, asked = True, len(server.requests)
        waiting = pool.submit(resolve, schema_id)
        while len(server.requests) < asked + 2:
            assert not waiting.done()
        server.down = False
        assert waiting.result(10) == WriterSchema(load_schema("Trade"))
        server.down, asked = True, len(server.requests)
        stop.set()
        with pytest.raises(Unreachable, match="stopped while the server was down"):
            resolve(schema_id + 1)
        assert len(server.requests) == asked + 1, "the client tried again by itself, which a stop can't end"
