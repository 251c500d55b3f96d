"""The oracle of alerts about trades, by hand."""

from decimal import Decimal

from oracle.trade_alerts import OracleFeedRules, trade_alerts_of
from oracle.truth import OracleTrade
from tests.property.trade_batches import MONDAY_US
from tests.unit.core.bars.test_shard import at

SECOND = 1_000_000
RULES = OracleFeedRules(frozenset({"gaps", "crossed", "jumps", "stale"}), 100 * SECOND, 10 * SECOND, 3, 2)


def told(*trades: OracleTrade) -> list[tuple[str, str, int]]:
    found = trade_alerts_of(trades, RULES).get(3, [])
    return [(alert, state, (time_us - MONDAY_US) // SECOND) for alert, state, time_us in found]


def test_ids_that_are_skipped() -> None:
    ids = (5, 6, 9, 9, 20, 21, 22)
    trades = [at(offset, 4 * offset, trade_id=str(number)) for offset, number in enumerate(ids)]
    assert told(*trades) == [("trades:gaps:3-2:A", "open", 8)]
    assert told(*trades, at(7, 26, trade_id="3")) == [
        ("trades:gaps:3-2:A", "open", 8), ("trades:gaps:3-2:A", "resolved", 26),
    ]  # fmt: skip
    assert told(at(0, 0, trade_id="x"), at(1, 0, trade_id="1"), at(2, 0, trade_id="9" * 30)) == []
    other = at(1, 0, trade_id="7")._replace(exchange="X")
    assert told(at(0, 0, trade_id="1"), other, at(2, 0, trade_id="2")) == []


def test_crossed_quotes_jumps_and_silence() -> None:
    crossed = at(0, 0)._replace(bid=Decimal(2), ask=Decimal(1))
    assert told(crossed, at(1, 10)) == [("trades:crossed:3-0:A", "open", 0), ("trades:crossed:3-0:A", "resolved", 10)]
    steady = [at(0, 0, "100"), at(1, 0, "101"), at(2, 0, "100")]
    assert told(*steady, at(3, 0, "104"), at(4, 10, "104")) == [
        ("trades:jumps:3-3:A", "open", 0), ("trades:jumps:3-3:A", "resolved", 10),
    ]  # fmt: skip
    assert told(at(0, 0), at(1, 100, symbol="B")) == [
        ("trades:stale:3-0", "open", 100), ("trades:stale:3-0", "resolved", 100),
    ]  # fmt: skip
