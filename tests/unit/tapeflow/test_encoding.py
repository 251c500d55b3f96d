"""Values as they stand on the topic, read back by the oracle's own decoder."""

import json
from decimal import Decimal

import pytest

from schemas.columns import TradeBatch
from tapeflow.encoding import encode_json, encoder_of
from tapeflow.oracle import OracleTrade
from tapeflow.oracle_records import OracleReader
from tapeflow.settings import Settings
from tapeflow.synthetic import SyntheticMarket, symbol_names


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
    value = json.loads(encode_json(batch)[0])
    assert value["bid"] is None
    assert value["ask"] is not None
