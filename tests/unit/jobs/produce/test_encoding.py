"""Values as they stand on the topic, read back by the oracle's own decoder and by the flows' with the same settings."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from connectors.synthetic import SyntheticMarket, symbol_names
from flows.reading import decode_trades
from jobs.produce.encoding import encoder_of, json_encoder
from oracle.records import OracleReader
from oracle.truth import OracleTrade
from runtime.settings.whole import Settings
from schemas.columns import RawBatch, TradeBatch
from schemas.errors import SettingError
from tests.servers.registry import RegistryServer

FLAT = {"size": "qty", "event_time": "T", "price": "100%"}
NESTED = {"price": "data.p", "size": 'data.q "é"', "symbol": "s", "event_time": "data.at.ms", "ask": "best.ask"}
SWAPPED = {"bid": "ask", "ask": "bid"}


def tape() -> TradeBatch:
    return SyntheticMarket(symbol_names(5), start_us=10**15).take(200, 1_000_000)


@pytest.mark.parametrize("value_format", ["confluent", "avro", "json"])
def test_oracle_reads_back_what_was_written(value_format: str) -> None:
    batch = tape()
    values = encoder_of(Settings(value_format=value_format))(batch)  # type: ignore[arg-type]  # one of the three
    reader = OracleReader(value_format=value_format)
    assert len(values) == len(batch)
    for row, value in zip(batch.rows, values, strict=True):
        trade = reader.read(0, 1, -1, value)
        assert isinstance(trade, OracleTrade)
        assert trade.event_time_us == row["event_time_us"]
        assert trade.price == Decimal(int(row["price_lo"])).scaleb(-10)
        assert trade.bid == Decimal(int(row["bid_lo"])).scaleb(-10)
        assert trade.side == ("BUY", "SELL")[row["side"]]
        assert trade.id_number == row["trade_id_number"]
        assert trade.exchange == "SYNTH"


def test_json_leaves_absent_quotes_null() -> None:
    batch = tape()
    batch.rows["has_bid"] = 0
    value = json.loads(json_encoder()(batch)[0])
    assert value["bid"] is None
    assert value["ask"] is not None


class NoKeys:
    def __getitem__(self, index: int) -> None:
        return None


def read_back(settings: Settings, batch: TradeBatch) -> TradeBatch:
    """Through the encoder and the decoder of the same settings; the oracle must agree."""
    values = encoder_of(settings)(batch)
    count = len(values)
    stamps = np.full(count, int(batch.rows["event_time_us"].max()) // 1000)
    ends = np.cumsum([len(value) for value in values])
    found = decode_trades(settings)(RawBatch("t", 0, b"".join(values), ends, np.arange(count), stamps, NoKeys()))
    assert found.rejects == []
    if not settings.schema_registry_url:
        reader = OracleReader(
            value_format=settings.value_format, field_map=settings.field_map, time_unit=settings.time_unit
        )
        for row, value in zip(found.rows, values, strict=True):
            trade = reader.read(0, int(row["offset"]), -1, value)
            assert isinstance(trade, OracleTrade)
            assert trade.event_time_us == row["event_time_us"]
    return found


def assert_same_trades(found: TradeBatch, wanted: TradeBatch) -> None:
    for name in ("event_time_us", "side", "has_bid", "has_ask", "trade_id_number"):
        assert found.rows[name].tolist() == wanted.rows[name].tolist(), name
    for name in ("price", "size", "bid", "ask"):
        for limb in ("hi", "lo"):
            assert found.rows[f"{name}_{limb}"].tolist() == wanted.rows[f"{name}_{limb}"].tolist(), name
    for name in ("symbol", "trade_id", "exchange"):
        assert texts(found, name) == texts(wanted, name)


def texts(batch: TradeBatch, name: str) -> list[bytes]:
    ats, lengths = batch.rows[f"{name}_at"].tolist(), batch.rows[f"{name}_len"].tolist()
    return [batch.text[at : at + length] for at, length in zip(ats, lengths, strict=True)]


@pytest.mark.parametrize("time_unit", ["auto", "s", "ms", "us", "ns"])
@pytest.mark.parametrize("field_map", [{}, FLAT, NESTED, SWAPPED])
def test_json_is_read_back_with_the_settings_it_was_written_with(field_map: dict[str, str], time_unit: Any) -> None:
    batch = tape()
    batch.rows["event_time_us"][:5] = [0, 7, 10**14 - 1, 10**14, 10**12 + 500]
    batch.rows["has_bid"][3] = 0
    for side in ("hi", "lo"):
        batch.rows[f"bid_{side}"][3] = 0
    assert_same_trades(read_back(Settings(value_format="json", field_map=field_map, time_unit=time_unit), batch), batch)


def test_json_is_written_under_their_names_in_their_unit() -> None:
    batch = tape()
    batch.rows["event_time_us"][:2] = [1_700_000_000_123_000, 1_700_000_000_123_456]
    first, second, *_ = json_encoder({"size": "q.qty", "event_time": "q.T"}, "ms")(batch)
    assert b'"T":1700000000123}' in first
    assert b'"T":1700000000123.456}' in second
    assert set(json.loads(first)) == {"symbol", "price", "q", "side", "trade_id", "exchange", "bid", "ask"}


@pytest.mark.parametrize("time_unit", ["auto", "ms"])
def test_avro_under_a_registry_has_their_names(time_unit: Any) -> None:
    names = {"size": "qty", "event_time": "T", "bid": "b"}
    with RegistryServer() as registry:
        settings = Settings(schema_registry_url=registry.url, field_map=names, time_unit=time_unit)
        batch = tape()
        assert_same_trades(read_back(settings, batch), batch)
        [schema] = registry.schemas.values()
        written = [field["name"] for field in json.loads(schema["schema"])["fields"]]
        assert written == ["symbol", "price", "qty", "side", "trade_id", "T", "exchange", "b", "ask"]
        with pytest.raises(SettingError, match=r"data\.p is no name"):
            encoder_of(settings.model_copy(update={"field_map": {"price": "data.p"}}))


@pytest.mark.parametrize("value_format", ["confluent", "avro"])
def test_avro_of_the_shipped_schema_refuses_other_names(value_format: Any) -> None:
    with pytest.raises(SettingError, match="field_map would refuse every record"):
        encoder_of(Settings(value_format=value_format, field_map={"size": "qty"}))
    encoder_of(Settings(value_format=value_format, field_map={"size": "size"}))


@pytest.mark.parametrize("value_format", ["confluent", "json"])
def test_a_field_without_a_name_of_its_own_is_one_line(value_format: Any) -> None:
    with pytest.raises(SettingError, match="another field is read from price") as caught:
        encoder_of(Settings(value_format=value_format, field_map={"size": "price"}))
    assert "\n" not in str(caught.value)
