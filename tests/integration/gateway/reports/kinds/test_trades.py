"""The report ``trades`` over real ClickHouse: each once, with its digits and words, in the order of the log."""

from decimal import Decimal

import msgspec

from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import OPEN_MS, Market
from tests.unit.gateway.reports.asks import ask_of


def test_trades_are_those_of_the_table(market: Market) -> None:
    at = OPEN_MS * 1000
    odd = {"trade_id": 'a"\\,é', "exchange": "X", "side": "UNKNOWN"}
    market.add_trades(
        "K/TRADES",
        [
            {"time_us": at + 5, "price": Decimal("0.0000000001"), "size": Decimal(0), "offset": 2},
            {
                "time_us": at + 5,
                "price": Decimal("123456789012345678.0123456789"),
                "size": Decimal(1),
                "offset": 1,
                **odd,
            },
            {"time_us": at, "price": Decimal(2), "size": Decimal("0.5"), "offset": 3},
            {"time_us": at + 6, "price": Decimal(9), "size": Decimal(1), "offset": 4},
        ],
    )
    found = rows_of(market, ask_of(kind="trades", symbols=("K/TRADES",), low_us=at, high_us=at + 5))
    assert [(row.event_time_us - at, row.offset) for row in found] == [(0, 3), (5, 1), (5, 2)]
    text = msgspec.json.encode(found).decode()
    assert '"price":123456789012345678.0123456789,"size":1,"side":"UNKNOWN","tradeId":"a\\"\\\\,é"' in text
    assert '"price":0.0000000001,"size":0,' in text
