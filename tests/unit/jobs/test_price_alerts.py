"""What rules should have fired is made of the armed log and the trades; each firing must be there, once."""

from decimal import Decimal

import msgspec

from connectors.kafka.range import Record
from jobs.price_alerts import Armings, Ticks, compare_firings
from oracle.truth import OracleTrade
from schemas.alert_rules import AlertRule, ArmedRule

AT_101 = (Decimal(101), "anna", "A", 3)


def said(rule: AlertRule, armed_at: int, at: int = -1) -> Record:
    record = ArmedRule(msgspec.Raw(msgspec.json.encode(rule)), armed_at, max(at, armed_at), "armed")
    return Record(0, 0, 0, rule.id.encode(), msgspec.json.encode(record))


def rule(threshold: str = "100", version: int = 1) -> AlertRule:
    return AlertRule("r", "anna", "A", "above", threshold, "every", version=version)


def ticks(armings: Armings, *prices: int, start: int = 0, end: int = 100) -> Ticks:
    found = Ticks(armings.symbols, 0, {0: (start, end)})
    for offset, price in enumerate(prices):
        found.take(OracleTrade(0, offset, 0, offset, "A", Decimal(price), Decimal(1)))
        found.take(OracleTrade(0, offset, 0, offset, "B", Decimal(price), Decimal(1)))
    return found


def test_a_rule_fires_behind_its_arming_and_until_it_is_replaced() -> None:
    armings = Armings([said(rule(), 1), said(rule(), 1, 3), said(rule("50", 2), 4)])
    assert (armings.symbols, armings.rules) == ({"A"}, {"r"})
    tape = ticks(armings, 200, 99, 99, 101, 99, 101)
    fired = {"r:3": AT_101, "r:5": (Decimal(101), "anna", "A", 5)}
    found = compare_firings(armings, tape, fired, ["r:3", "r:5"])
    assert (found.compared, found.differences) == (4, [])


def test_each_kind_of_difference() -> None:
    armings = Armings([said(rule(), 1)])
    tape = ticks(armings, 200, 99, 99, 101)
    assert [str(each) for each in compare_firings(armings, tape, {}, []).differences] == [
        f"price_alerts r:3 row: None, not {AT_101}", "event stream r:3 price_alert: 0, not once",
    ]  # fmt: skip
    doubled = compare_firings(armings, tape, {"r:3": AT_101}, ["r:3", "r:3", "r:9"]).differences
    found = sorted((each.key, each.stored, each.expected) for each in doubled)
    assert found == [("r:3", "2", "once"), ("r:9", "1", "none")]
    assert compare_firings(armings, tape, {"r:3": AT_101}, [], is_whole=False).differences == []
    assert len(compare_firings(armings, tape, {"r:3": AT_101, "x:1": AT_101}, ["r:3"]).differences) == 1


def test_what_a_rule_that_is_gone_fired_last_may_be_there_or_not() -> None:
    gone = Record(0, 0, 0, b"r", None)
    armings = Armings([gone, said(rule(), 1), said(rule(), 1, 3), gone])
    tape = ticks(armings, 200, 99, 99, 101, 99, 102)
    first, second = {"r:3": AT_101}, {"r:5": (Decimal(102), "anna", "A", 5)}
    assert compare_firings(armings, tape, first, ["r:3"]).differences == []
    assert compare_firings(armings, tape, first | second, ["r:3", "r:5"]).differences == []
    assert len(compare_firings(armings, tape, second, ["r:3"]).differences) == 1


def test_what_lies_behind_the_records_that_were_read_is_left_out() -> None:
    armings = Armings([said(rule(), 1), said(AlertRule("late", "anna", "A", "rises_by", "1"), 7)])
    found = compare_firings(armings, ticks(armings, 200, 99, 99, 101, end=4), {"r:3": AT_101, "r:4": AT_101}, ["r:3"])
    assert (found.open, found.differences) == (1, [])


def test_what_came_before_the_records_or_was_compacted_away_is_left_out() -> None:
    stored = {"r:3": AT_101, "gone:7": AT_101}
    armings = Armings([said(rule(), 1)], is_whole=False)
    found = compare_firings(armings, ticks(armings, 200, 99, 99, 101), stored, ["r:3"])
    assert (found.open, found.differences) == (1, [])
    found = compare_firings(armings, ticks(armings, 200, 99, 99, 101, start=2), stored, [])
    assert (found.open, found.compared) == (2, 0)
    later = Armings([said(rule(), 3)], is_whole=False)
    found = compare_firings(later, ticks(later, 200, 99, 99, 101), {"r:2": AT_101}, [])
    assert (found.open, found.compared) == (1, 0)


def test_a_silence_is_counted_by_others_trades_and_a_clock_may_tell_of_it_first() -> None:
    silent = AlertRule("s", "anna", "A", "above", "2", "every", "2", series="silence")
    armings = Armings([said(silent, -1)])
    tape = Ticks(armings.symbols, 0, {0: (0, 100)})
    for offset, (symbol, time_s) in enumerate((("A", 10), ("B", 10.0001), ("B", 12), ("A", 13))):
        tape.take(OracleTrade(0, offset, 0, int(time_s * 1_000_000), symbol, Decimal(9), Decimal(1)))
    assert [tick.sequence for tick in tape.by_partition[0]] == [0, 2, 3]
    first = {"s:0": (Decimal(9), "anna", "A", 12_000_000)}
    assert compare_firings(armings, tape, first, ["s:0"]).differences == []
    assert len(compare_firings(armings, tape, {}, []).differences) == 2
    clock = {"s:3": (Decimal(9), "anna", "A", 15_000_000)}
    assert compare_firings(armings, tape, first | clock, ["s:0", "s:3"]).differences == []
