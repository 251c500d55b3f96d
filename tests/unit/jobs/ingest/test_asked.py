"""What is asked for on the command line."""

import pytest

from jobs.ingest.asked import asked_of, venue_named
from schemas.errors import SettingError


def test_symbols_by_venue_each_once() -> None:
    words = ["bitget:btc/usdt,ETH/USDT", "binance:BTC/USDT", "BITGET: ETH/USDT,A1/USDT"]
    assert asked_of(words) == {"bitget": ("BTC/USDT", "ETH/USDT", "A1/USDT"), "binance": ("BTC/USDT",)}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("bitget", "can't read 'bitget' (ingest): say VENUE:SYMBOL,SYMBOL"),
        ("bitget:,", "can't read 'bitget:,'"),
        ("nyse:A/B", "unknown venue nyse (ingest): take one of bitget, binance"),
        ("bitget:BTCUSDT", "BTCUSDT is no symbol such as BTC/USDT (bitget:BTCUSDT): symbols are"),
        ("binance:BTC/USDT-PERP", "see binance-futures"),
        ("kraken:BTC/USD-PERP", "no market of Kraken's spot"),
    ],
)
def test_what_cannot_be_meant_is_one_line(word: str, said: str) -> None:
    with pytest.raises(SettingError) as refused:
        asked_of([word])
    assert said in str(refused.value)


def test_a_venue_by_its_name() -> None:
    assert venue_named("okx", "x").exchange == "OKX"
