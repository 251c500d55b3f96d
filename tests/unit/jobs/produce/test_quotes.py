"""Made-up quotes: around the trades of the same market, and read back by the flow in every format."""

import numpy as np
import pytest

from connectors.synthetic import SyntheticMarket, symbol_names
from core.quotes.rows import FIELD_OF_TRADE
from flows.quotes_reading import decode_quotes, quotes_decoder, quotes_settings
from jobs.produce.quotes import market_quotes, quotes_encoder, written_quotes
from runtime.settings.whole import load_settings
from schemas.columns import RawBatch, TradeBatch
from schemas.errors import SettingError
from schemas.quotes import QuoteBatch

START_US = 1_760_313_600_000_000


def market(count: int = 50) -> TradeBatch:
    return SyntheticMarket(symbol_names(5), seed=3, start_us=START_US).take(count, 1_000_000)


def raw_batch(values: list[bytes]) -> RawBatch:
    ends = np.cumsum([len(value) for value in values])
    offsets = np.arange(len(values), dtype=np.int64)
    stamps = np.full(len(values), START_US // 1000 + 5_000, np.int64)
    return RawBatch("quotes", 0, b"".join(values), ends, offsets, stamps, [b"k"] * len(values))


def read_back(values: list[bytes], **changed: object) -> QuoteBatch:
    settings = quotes_settings(load_settings(**changed))
    return decode_quotes(settings, quotes_decoder(settings))(raw_batch(values))


def test_they_stand_around_the_trades() -> None:
    trades = market()
    quotes = market_quotes(trades, np.random.default_rng(1))
    prices, bids, asks = trades.rows["price_lo"], quotes.rows["bid_lo"], quotes.rows["ask_lo"]
    assert ((bids == prices) | (asks == prices)).all()
    assert (bids < asks).all()
    assert (quotes.rows["event_time_us"] == trades.rows["event_time_us"]).all()
    assert quotes.rows["bid_size_lo"].min() > 0


@pytest.mark.parametrize(
    ("form", "names"),
    [("confluent", {}), ("avro", {}), ("json", {}), ("json", {"bid": "b", "ask_size": "A", "symbol": "s"})],
)
def test_the_flow_reads_what_was_written(form: str, names: dict[str, str]) -> None:
    settings = quotes_settings(load_settings(quotes_format=form, quotes_field_map=names))
    quotes = market_quotes(market(), np.random.default_rng(1))
    read = read_back(written_quotes(settings)(quotes), quotes_format=form, quotes_field_map=names)
    assert not read.rejects
    for name in ("event_time_us", *(f"{each}_lo" for each in FIELD_OF_TRADE.values()), "symbol_len"):
        assert (read.rows[name] == quotes.rows[name]).all(), name
    at, length = int(read.rows["symbol_at"][0]), int(read.rows["symbol_len"][0])
    first = int(quotes.rows["symbol_at"][0])
    assert read.text[at : at + length] == quotes.text[first : first + length]


def test_an_encoder_takes_trades() -> None:
    values = quotes_encoder(quotes_settings(load_settings()), 1)(market(3))
    assert len(read_back(values).rows) == 3


def test_what_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(SettingError, match="the shipped Avro schema has our field names"):
        written_quotes(quotes_settings(load_settings(quotes_field_map={"bid": "b"})))
