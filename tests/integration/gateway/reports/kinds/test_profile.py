"""The report ``volume-profile`` equals the oracle to the last digit, on any trades; widths and areas by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.kinds.profile import value_area, width_of
from oracle.reports import OracleRange, profile_of
from oracle.truth import OracleTrade
from tests.integration.gateway.reports.made_market import (
    FEW,
    IDS,
    SIZES,
    STEPS,
    put_trades,
    symbol_of,
    told,
    trades_of,
)
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of

FIELDS = (
    *("priceLow", "priceHigh", "volume", "buyVolume", "sellVolume", "quoteVolume", "tradeCount"),
    *("pointOfControl", "valueArea"),
)
NEAR = st.decimals("90", "110", places=2) | st.decimals("0.0000000001", "0.00001", places=10)
TRADES = st.lists(
    st.tuples(STEPS, NEAR, SIZES, st.sampled_from(["BUY", "SELL", "UNKNOWN"]), IDS), min_size=1, max_size=40
)


def check_profile(market: Market, trades: list[OracleTrade], buckets: int) -> None:
    symbol = trades[0].symbol
    rows = told(rows_of(market, ask_of(kind="volume-profile", symbols=(symbol,), buckets=buckets)))
    assert 0 < len(rows) <= buckets
    assert [OracleRange(*(row[name] for name in FIELDS)) for row in rows] == profile_of(trades, buckets)


def test_profiles_are_the_oracles(market: Market) -> None:
    @FEW
    @given(TRADES, st.sampled_from([1, 2, 7, 50]))
    def check(made: list, buckets: int) -> None:
        trades = trades_of(symbol_of("PROFILE"), made)
        put_trades(market, trades)
        check_profile(market, trades, buckets)

    check()


def test_a_symbol_without_trades_in_the_range_has_no_rows(market: Market) -> None:
    assert rows_of(market, ask_of(kind="volume-profile", symbols=("NOBODY",))) == []


@pytest.mark.parametrize(
    ("low", "high", "buckets", "width"),
    [
        (1, 1, 1, 1),
        (1, 10, 10, 1),
        (0, 10, 10, 2),
        (1, 99, 10, 10),
        (99, 101, 2, 2),
        (999, 1000, 1, 2000),
        (0, 49, 1, 50),
    ],
)
def test_widths_are_round(low: int, high: int, buckets: int, width: int) -> None:
    assert width_of(low, high, buckets) == width


@pytest.mark.parametrize(
    ("volumes", "control", "area"),
    [
        ([5], 0, [0]),
        ([1, 5, 2, 2], 1, [1, 2]),
        ([2, 5, 2], 1, [1, 2]),
        ([9, 0, 9], 0, [0, 1, 2]),
        ([3, 3, 4], 2, [1, 2]),
    ],
)
def test_the_value_area_grows_towards_more_volume(volumes: list[int], control: int, area: list[int]) -> None:
    found, places = value_area(volumes)
    assert (found, list(places)) == (control, area)
