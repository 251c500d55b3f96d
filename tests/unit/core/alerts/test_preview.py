"""A rule over trades of the past fires where it would have live."""

import msgspec
import pytest

from core.alerts.preview import firings_of
from schemas.alert_rules import AlertRule, Condition

UNITS = 10**10


def test_a_rule_fires_at_places_of_the_past() -> None:
    rule = AlertRule("preview", "", "A", "crosses_above", "10", "every", "1", cooldown_ms=1)
    prices = [11, 9, 10, 9, 10, 2**64, 8, 12]
    rows = firings_of(
        msgspec.json.encode(rule), "A", [place * 1000 for place in range(8)], [p * UNITS for p in prices], [0] * 8
    )
    assert rows["sequence"].tolist() == [2, 4, 7]
    assert (int(rows[2]["value_hi"]), int(rows[2]["value_lo"])) == (0, 12 * UNITS)


def test_a_percentage_is_of_the_first_price() -> None:
    rule = msgspec.json.encode(AlertRule("preview", "", "A", "rises_by", "10"))
    rows = firings_of(rule, "A", [0, 1, 2], [100 * UNITS, 109 * UNITS, 110 * UNITS], [0] * 3)
    assert rows["sequence"].tolist() == [2]


@pytest.mark.parametrize("condition", ["above", "rises_by"])
def test_no_trades_fire_nothing(condition: Condition) -> None:
    rule = AlertRule("preview", "", "A", condition, "10")
    assert len(firings_of(msgspec.json.encode(rule), "A", [], [], [])) == 0


def test_windows_begin_to_fill_with_the_first_trade() -> None:
    rule = msgspec.json.encode(AlertRule("preview", "", "A", "above", "10", series="vwap", window="day"))
    prices, sizes = [100 * UNITS, 120 * UNITS, 140 * UNITS], [3 * UNITS, UNITS, UNITS]
    rows = firings_of(rule, "A", [0, 1, 2], prices, sizes)
    assert rows["sequence"].tolist() == [1]
    assert (int(rows[0]["price_lo"]), int(rows[0]["value_lo"])) == (120 * UNITS, 15 * UNITS)
