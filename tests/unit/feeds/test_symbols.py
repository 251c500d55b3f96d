"""Symbols in one form."""

import pytest

from feeds.symbols import Parts, contract, cut, parts, renamed


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT"), ("btcusdt", "BTC/USDT"), ("BTCFDUSD", "BTC/FDUSD"), ("ETHBTC", "ETH/BTC"),
        ("EOSUSD", "EOS/USD"), ("1000PEPEUSDT", "1000PEPE/USDT"), ("BTCUSDT_210625", "BTC/USDT-210625"),
        ("USDT", "USDT"), ("SOMETHING", "SOMETHING"),
    ],
)  # fmt: skip
def test_a_name_is_cut_before_its_quote_currency(name: str, symbol: str) -> None:
    assert cut(name) == symbol


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC-USDT", "BTC/USDT"), ("UNI-USD-SWAP", "UNI/USD-PERP"), ("BTC-USD-220527", "BTC/USD-220527"),
        ("BTC-USD-220527-30000-C", "BTC/USD-220527-30000-C"), ("INDEX", "INDEX"), ("XBT-EUR", "BTC/EUR"),
    ],
)  # fmt: skip
def test_a_name_with_separators_is_renamed(name: str, symbol: str) -> None:
    assert renamed(name, "-", (("XBT", "BTC"),)) == symbol


def test_a_contract_has_its_words_behind_a_dash() -> None:
    assert contract("BTC/USDT", "PERP") == "BTC/USDT-PERP"


def test_a_symbol_is_taken_apart() -> None:
    assert parts("btc/usdt-perp") == Parts("BTC", "USDT", "PERP")
    assert parts("1000PEPE/USDT") == Parts("1000PEPE", "USDT", "")
    for wrong in ("BTCUSDT", "/USDT", "BTC/", "B C/USDT", "ÄTH/USDT"):
        with pytest.raises(ValueError, match="no symbol"):
            parts(wrong)
