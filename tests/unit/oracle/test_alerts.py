"""The oracle of rules, by hand."""

from decimal import Decimal

from oracle.alert_series import OracleTick
from oracle.alerts import OracleFiring, OracleRule, expected_firings


def ticks(*prices: str) -> list[OracleTick]:
    return [OracleTick(index, index * 1_000_000, "A", Decimal(price)) for index, price in enumerate(prices)]


def sequences(rule: OracleRule, *prices: str) -> list[int]:
    return [firing.sequence for firing in expected_firings([rule], ticks(*prices))]


def rule(condition: str = "crosses_above", **more: object) -> OracleRule:
    given = {"armed_at": -1, **more}
    return OracleRule("a", "A", condition, Decimal(10), **given)  # type: ignore[arg-type]


def test_a_crossing_needs_the_other_side_first() -> None:
    assert sequences(rule(), "10", "11", "9", "10", "9", "10") == [3]
    assert sequences(rule("crosses_below"), "9", "11", "10") == [2]
    assert sequences(rule(armed_at=0), "9", "10") == [1]
    assert sequences(rule(armed_at=0), "10", "11") == []


def test_a_level_needs_nothing_before() -> None:
    assert sequences(rule("above"), "10") == [0]
    assert sequences(rule("below"), "11", "10") == [1]


def test_a_percentage_is_of_the_last_price_at_the_arming() -> None:
    assert sequences(rule("rises_by", armed_at=1), "300", "200", "219.9", "220") == [3]
    assert sequences(rule("falls_by", armed_at=0), "200", "181", "180") == [2]


def test_every_goes_back_by_rearm() -> None:
    again = rule(repeat="every", rearm=Decimal(2))
    assert sequences(again, "9", "10", "9", "10", "8", "10") == [1, 5]


def test_a_cooldown_passes_over_and_an_expiry_ends() -> None:
    assert sequences(rule(repeat="every", cooldown_ms=3000), "9", "10", "9", "10", "9", "10") == [1, 5]
    assert sequences(rule(expires_at_ms=1000), "9", "10") == []
    assert sequences(rule(repeat="every", ended_at=2), "9", "10", "9", "10") == [1]


def test_firings_are_in_order_over_rules_and_symbols() -> None:
    other = OracleTick(5, 0, "B", Decimal(11))
    found = expected_firings(
        [rule(), rule("above")._replace(id="b", symbol="B"), rule("above")._replace(id="0")], [*ticks("9", "10"), other]
    )
    assert [(each.sequence, each.id) for each in found] == [(1, "0"), (1, "a"), (5, "b")]
    assert found[0] == OracleFiring(1, "0", Decimal(10), 1_000_000, Decimal(10), 1)


def test_other_series_are_met_by_their_values() -> None:
    high = rule("above", series="high", window="day")._replace(threshold=Decimal(0))
    assert sequences(high, "5", "5", "6", "6", "7") == [2]
    low = rule("below", series="low", window="day", repeat="every", rearm=Decimal("0.5"))._replace(threshold=Decimal(1))
    assert sequences(low, "5", "4.5", "4", "3", "2", "2.2", "1") == [3, 6]
    vwap = rule("crosses_below", series="vwap", window="day")._replace(threshold=Decimal(1))
    assert sequences(vwap, "10", "14", "10") == [2]


def test_a_silence_is_named_by_the_trade_before_it() -> None:
    silent = rule("above", series="silence")._replace(threshold=Decimal("2.5"))
    found = expected_firings([silent], [*ticks("9"), OracleTick(8, 4_000_000, "B", Decimal(1))])
    assert found == [OracleFiring(8, "a", Decimal(9), 2_500_000, Decimal(4), 0)]
