"""The report ``exposure-history`` equals the oracle's, in windows of every length, and has a bound."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from gateway.reports.words import TooMuch
from oracle.desk_exposure import OracleExposureRules, OracleState, recompute_exposure
from oracle.desk_reports import exposure_of
from schemas.intervals import INTERVALS
from tests.integration.gateway.desk_market import clear_desk, put_states
from tests.integration.gateway.reports.made_market import FEW, symbol_of, told
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.property.desk_records import START_US
from tests.property.desk_states import exposure_state, exposure_states
from tests.unit.gateway.reports.asks import ask_of

SCOPES = ("total", "symbol", "lp", "book")


@pytest.mark.parametrize("interval", ["1m", "15m", "1D", "1W"])
def test_exposure_is_the_oracles(market: Market, interval: str) -> None:
    length = next(each for each in INTERVALS if each.name == interval)

    @FEW
    @given(exposure_states())
    def check(states: list[OracleState]) -> None:
        clear_desk(market.dsn, market.database)
        put_states(market.dsn, market.database, states)
        minutes = recompute_exposure(states, OracleExposureRules()).minutes
        wanted = exposure_of(minutes, length.length_us, length.origin_us)
        rows = told(rows_of(market, ask_of(kind="exposure-history", interval=interval)))
        places = [(row["scope"], int(row["time"]) * 1000, row["name"]) for row in rows]
        assert places == sorted(wanted, key=lambda key: (SCOPES.index(key[0]), *key[1:]))
        for place, row in zip(places, rows, strict=True):
            assert {name: row[name] for name in wanted[place]} == wanted[place]
            held = [row["warningSeconds"], row["criticalSeconds"]]
            if interval == "1m":
                of = minutes[place[1]].held_us
                assert held == [Decimal(of.get(level, 0)) / 1_000_000 for level in ("warning", "critical")]
            else:
                assert held == [None, None]

    check()
    clear_desk(market.dsn, market.database)


def test_symbols_ranges_pages_and_the_bound(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_desk(market.dsn, market.database)
    states = [
        exposure_state(2 * at + number, at * 60_000_000, symbol=symbol)
        for at in range(7)
        for number, symbol in enumerate(("EUR/USD", "GBP/USD"))
    ]
    put_states(market.dsn, market.database, states)

    def places(**asked: Any) -> list[tuple[str, int, str]]:
        rows = rows_of(market, ask_of(kind="exposure-history", **asked))
        return [(row.scope, row.time, row.name) for row in rows]

    everything = places()
    assert len(everything) == 7 * 5
    assert {place[2] for place in places(access=("GBP/*",)) if place[0] == "symbol"} == {"GBP/USD"}
    assert {place[0] for place in places(access=("X",))} == {"total", "lp", "book"}
    assert {place[::2] for place in places(symbols=("EUR/USD",))} == {("symbol", "EUR/USD")}
    first_us = START_US // 60_000_000 * 60_000_000
    ranged = places(low_us=first_us + 60_000_000, high_us=first_us + 120_000_000)
    assert {place[1] for place in ranged} == {first_us // 1000 + 60_000, first_us // 1000 + 120_000}
    monkeypatch.setattr("gateway.reports.kinds.exposure_history.PAGE_ROWS", 3)
    assert places() == everything
    with pytest.raises(TooMuch, match="exposure has more than the 20 rows of one report"):
        rows_of(market, ask_of(kind="exposure-history"), gateway_report_rows_max=20)
    clear_desk(market.dsn, market.database)


def test_symbols_are_valued_at_the_last_price(market: Market) -> None:
    clear_desk(market.dsn, market.database)
    symbol, first_ms = symbol_of("VALUED"), START_US // 60_000_000 * 60_000
    put_states(
        market.dsn, market.database,
        [exposure_state(at, at * 60_000_000, symbol=symbol, exposure=Decimal(at - 3)) for at in range(3)],
    )  # fmt: skip
    market.add_bars(symbol, [first_ms + 60_000], [1], close=Decimal("1.0000000001"))
    rows = told(rows_of(market, ask_of(kind="exposure-history")))
    valued = [(row["price"], row["marketValue"]) for row in rows if row["scope"] == "symbol"]
    price = Decimal("1.0000000001")
    assert valued == [(None, None), (price, -2 * price), (price, -price)]
    assert {row["price"] for row in rows if row["scope"] != "symbol"} == {None}
    clear_desk(market.dsn, market.database)
