"""The report ``bars`` over real ClickHouse: every field, the newest revision, the asked range and interval alone."""

import msgspec

from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import MINUTE_MS, OPEN_MS, Market
from tests.unit.gateway.reports.asks import ask_of


def test_bars_are_those_of_the_table_by_symbol_and_start(market: Market) -> None:
    starts = [OPEN_MS - MINUTE_MS * back for back in (3, 2, 1)]
    market.add_bars("K/BARS2", starts, [7, 8, 9])
    market.add_bars("K/BARS1", starts, [1, 2, 3])
    market.add_bars("K/BARS1", starts[1:2], [5], revision=1, trade_count=4)
    market.add_bars("K/BARS1", starts, [1, 2, 3], interval="5m")
    ask = ask_of(symbols=("K/BARS2", "K/BARS1"), low_us=starts[0] * 1000, high_us=starts[1] * 1000 + 999)
    rows = rows_of(market, ask)
    found = msgspec.json.decode(msgspec.json.encode(rows))
    assert [(row["symbol"], row["time"], row["sequence"], row["revision"]) for row in found] == [
        ("K/BARS1", starts[0], 1, 0),
        ("K/BARS1", starts[1], 5, 1),
        ("K/BARS2", starts[0], 7, 0),
        ("K/BARS2", starts[1], 8, 0),
    ]
    text = msgspec.json.encode(rows[0]).decode()
    for part in (
        '"interval":"1m"',
        '"open":100.0000000001,"high":101.5,"low":99.25,"close":101',
        '"volume":123456789012345678.0123456789,"quoteVolume":703.00000000000000000001,"vwap":100.5',
        '"tradeCount":3,"buyVolume":4,"stddev":0.5',
    ):
        assert part in text


def test_what_the_token_did_not_allow_is_left_out(market: Market) -> None:
    market.add_bars("K/SEEN", [OPEN_MS - MINUTE_MS], [1])
    market.add_bars("K/UNSEEN", [OPEN_MS - MINUTE_MS], [1])
    assert {row.symbol for row in rows_of(market, ask_of(access=("K/SEEN", "K/S*")))} == {"K/SEEN"}
    assert rows_of(market, ask_of(symbols=("NOBODY",))) == []
