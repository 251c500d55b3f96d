"""The oracle's quotes by hand: which holds, mid and spread at their edges, which bid and ask are shown."""

from decimal import Decimal

import pytest

from oracle.quotes import OracleQuote, mid_of, recompute_quotes, shows_quote, spread_of


def quote(offset: int, time_us: int, bid: str, ask: str = "2", symbol: str = "A") -> OracleQuote:
    return OracleQuote(0, offset, time_us, symbol, Decimal(bid), Decimal(ask))


def test_the_greatest_time_holds_and_of_equal_ones_the_later_record() -> None:
    quotes = [quote(0, 5, "1"), quote(1, 5, "1.5"), quote(2, 4, "9"), quote(3, 1, "3", symbol="B"), quote(4, 6, "2")]
    truth = recompute_quotes(quotes)
    assert {symbol: each.offset for symbol, each in truth.newest.items()} == {"A": 4, "B": 3}
    assert truth.outcomes == {"applied": 3, "outdated": 1, "crossed": 1}


@pytest.mark.parametrize(
    ("bid", "ask", "mid", "spread"),
    [
        ("1", "2", "1.5", "1"),
        ("2", "2", "2", "0"),
        ("2.0000000001", "2", None, None),
        ("0.0000000001", "0.0000000002", "0.0000000002", "0.0000000001"),
        ("0.0000000002", "0.0000000003", "0.0000000002", "0.0000000001"),
    ],
)
def test_mid_and_spread(bid: str, ask: str, mid: str | None, spread: str | None) -> None:
    assert mid_of(Decimal(bid), Decimal(ask)) == (None if mid is None else Decimal(mid))
    assert spread_of(Decimal(bid), Decimal(ask)) == (None if spread is None else Decimal(spread))


def test_the_later_side_is_shown() -> None:
    assert shows_quote(10, True, 10_000)
    assert not shows_quote(10, True, 9_999)
    assert shows_quote(10, False, 0)
