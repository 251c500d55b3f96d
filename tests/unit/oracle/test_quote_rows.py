"""Quotes read as trades, and the rows of their bars, by hand: values, and from which version on they must be there."""

from decimal import Decimal
from typing import Any

import pytest

from oracle.desk_rows import bucket_of
from oracle.quote_rows import QUOTE_BAR_FIELDS, quote_bar_rows, quote_of
from oracle.quotes import OracleQuote
from oracle.rows import ExpectedRow
from oracle.truth import OracleReject, OracleTrade
from schemas.rejects import Reason
from tests.property.quote_records import START_US, quote

SECOND = 1_000_000
MINUTE = 60 * SECOND
UNIT = 10**10


def read(**changes: object) -> OracleTrade:
    values = {"price": Decimal(1), "size": Decimal(3), "bid": Decimal(2), "ask": Decimal(4), "exchange": "X"} | changes
    return OracleTrade(0, 7, 100, 100_000, "A", **values)  # type: ignore[arg-type]


def test_bid_and_ask_stand_where_a_trade_has_price_and_bid() -> None:
    assert quote_of(read()) == OracleQuote(0, 7, 100_000, "A", Decimal(1), Decimal(2), Decimal(3), Decimal(4), "X")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bid": None}, Reason.MISSING_FIELD),
        ({"ask": None}, Reason.MISSING_FIELD),
        ({"bid": Decimal(0)}, Reason.PRICE_NOT_POSITIVE),
        ({"ask": Decimal("-0.1")}, Reason.SIZE_NEGATIVE),
    ],
)
def test_an_ask_that_none_can_have(changes: dict[str, object], reason: Reason) -> None:
    assert quote_of(read(**changes)) == OracleReject(0, 7, reason)
    refused = OracleReject(1, 2, Reason.CORRUPT)
    assert quote_of(refused) is refused


def rows(*quotes: OracleQuote) -> dict[int, ExpectedRow]:
    """By minutes from the first on, of symbol A."""
    found: dict[Any, ExpectedRow] = quote_bar_rows(quotes, ("1m", "1h"), 2 * SECOND, 1000)  # type: ignore[assignment]
    return {(start_us - START_US) // MINUTE: row for (symbol, interval, start_us, _), row in found.items()
            if (symbol, interval) == ("A", "1m")}  # fmt: skip


def test_no_quotes_make_no_bars() -> None:
    assert quote_bar_rows([], ("1m",), 0, 0) == {}


def test_a_bar_has_all_that_became_newest_and_spreads_by_their_time() -> None:
    found = rows(
        quote(0, bid="1", ask="2"), quote(1, bid="1.5", ask="1.75", after_us=10 * SECOND),
        quote(2, bid="9", ask="9", after_us=5 * SECOND), quote(3, bid="3", ask="2.5", after_us=30 * SECOND),
    )  # fmt: skip
    values = dict(zip(QUOTE_BAR_FIELDS, found[0].values, strict=True))
    assert [values[f"bid_{at}"] for at in ("open", "high", "low", "close")] == [1, 3, 1, 3]
    assert [values[f"ask_{at}"] for at in ("open", "high", "low", "close")] == [2, Decimal("2.5"), Decimal("1.75"), 2.5]
    assert (values["spread_min"], values["spread_max"], values["count"], values["crossed"]) == (
        Decimal("0.25"),
        1,
        3,
        1,
    )
    assert (values["spread_us"], values["crossed_us"]) == (30 * SECOND, 30 * SECOND)
    assert values["spread_sum"] == 15 * SECOND
    assert values["spread"] == {bucket_of(UNIT): 10 * SECOND, bucket_of(UNIT // 4): 20 * SECOND}
    assert (found[0].version, found[0].due) == (1003, None)


def test_the_widest_spread_is_one_that_64_bits_hold() -> None:
    found = rows(quote(0, bid="1", ask="999999999999"))
    assert found[0].values[-1] == {bucket_of(2**63 - 1): MINUTE}


def test_only_crossed_quotes_have_no_spread() -> None:
    values = dict(zip(QUOTE_BAR_FIELDS, rows(quote(0, bid="2", ask="1"))[0].values, strict=True))
    assert (values["spread_min"], values["spread_max"], values["spread"], values["spread_sum"]) == (0, 0, {}, 0)


def test_a_bar_is_due_behind_a_later_one_of_its_symbol_or_the_watermark() -> None:
    first, other = quote(0), quote(1, "B", after_us=62 * SECOND - 1)
    assert rows(first, other)[0].due is None
    assert rows(first, quote(1, "B", after_us=62 * SECOND))[0].due == 1000
    later = rows(first, quote(1, after_us=MINUTE))
    assert (later[0].due, later[1].due) == (1000, None)


def test_a_quote_held_for_no_time_weighs_nothing() -> None:
    values = dict(zip(QUOTE_BAR_FIELDS, rows(quote(0, ask="3"), quote(1))[0].values, strict=True))
    assert (values["count"], values["spread"]) == (2, {bucket_of(UNIT): MINUTE})
