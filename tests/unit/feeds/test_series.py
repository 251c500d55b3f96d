"""Symbols of a venue's own series, and of one that venues share."""

import pytest

from feeds.series import SHARED, series_of
from feeds.venues import VENUES
from kernels.symbols import is_symbol


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_a_symbol_of_its_own_is_one_and_leads_back(venue) -> None:
    series = series_of("venue", venue.exchange)
    for market in ("BTC/USDT", "1000000MOG/USDT-PERP", "BTC/USD-260327-100000-C"):
        symbol = series.symbol(market)
        assert symbol == f"{market}@{venue.exchange}"
        assert is_symbol(symbol)
        assert series.market(symbol) == market


def test_a_symbol_of_another_series_leads_nowhere() -> None:
    bitget = series_of("venue", "BITGET")
    assert bitget.market("BTC/USDT") is bitget.market("BTC/USDT@OKX") is None
    assert series_of("venue", "BYBIT").market("BTC/USDT@BYBIT-LINEAR") is None


def test_venues_share_symbols_by_default() -> None:
    assert series_of("symbol", "BITGET") is SHARED
    assert SHARED.symbol("BTC/USDT") == SHARED.market("BTC/USDT") == "BTC/USDT"
