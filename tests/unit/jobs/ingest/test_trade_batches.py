"""Numbers of venues reach the batch digit by digit, and what no topic takes is said."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from feeds.rows import Trade
from feeds.series import series_of
from jobs.ingest.trade_batches import TradeBatches
from kernels.decimal_text import from_pair

SCALE = 10**10
numbers = st.decimals(min_value=0, max_value=10**17, places=10).filter(lambda number: number > 0)


def trade(price: str, time: int | str = 1_700_000_000_000_000) -> Trade:
    return Trade("BTC/USDT", "BTCUSDT", Raw(price.encode()), Raw(b"1"), "SELL", "7", time)


@given(numbers, st.booleans())
def test_all_digits_arrive_as_a_number_or_as_text(number: Decimal, as_text: bool) -> None:
    price = f'"{number:f}"' if as_text else f"{number:f}"
    row = TradeBatches("KRAKEN").make([trade(price)]).rows[0]
    assert from_pair(int(row["price_hi"]), int(row["price_lo"])) == int(number * SCALE)


def test_a_series_of_a_venue_is_in_the_symbol_alone() -> None:
    batch = TradeBatches("KRAKEN", series_of("venue", "KRAKEN")).make([trade("1")])
    row = batch.rows[0]
    texts = [batch.text[row[f"{name}_at"] : row[f"{name}_at"] + row[f"{name}_len"]] for name in ("symbol", "exchange")]
    assert texts == [b"BTC/USDT@KRAKEN", b"KRAKEN"]


def test_texts_times_and_sides() -> None:
    batch = TradeBatches("KRAKEN").make([trade("1"), trade("2", "2023-09-25T07:49:37.708706Z")])
    row = batch.rows[1]
    texts = [
        batch.text[row[f"{name}_at"] : row[f"{name}_at"] + row[f"{name}_len"]]
        for name in ("symbol", "trade_id", "exchange")
    ]
    assert texts == [b"BTC/USDT", b"7", b"KRAKEN"]
    assert (int(row["side"]), int(row["event_time_us"])) == (1, 1_695_628_177_708_706)
    assert int(batch.rows[0]["event_time_us"]) == 1_700_000_000_000_000


def test_what_no_topic_takes_is_named_by_its_position() -> None:
    batch = TradeBatches("KRAKEN").make([trade("1"), trade('"cheap"'), trade("3"), trade("null")])
    assert len(batch) == 2
    assert [reject.offset for reject in batch.rejects] == [1, 3]


def test_nothing_makes_nothing() -> None:
    assert len(TradeBatches("KRAKEN").make([])) == 0
