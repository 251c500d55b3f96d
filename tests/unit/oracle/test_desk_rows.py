"""Rows of a desk's tables by hand: their values, and from which version on they must be there."""

from decimal import Decimal

from oracle.desk import OracleDeskRules
from oracle.desk_exposure import OracleExposureRules, recompute_exposure
from oracle.desk_lp import OracleLpRules
from oracle.desk_rows import bucket_of, decision_rows, exposure_rows, lp_rows, routing_rows
from tests.property.desk_records import START_US, decision
from tests.property.desk_states import exposure_state, lp_record

SECOND = 1_000_000
MINUTE = 60 * SECOND
RULES = OracleDeskRules(2 * SECOND, 60 * SECOND, 100, 1000)
LP_RULES = OracleLpRules(2 * SECOND, 60 * SECOND, 30 * SECOND, frozenset({"connected"}))


def test_a_bucket_by_the_words_of_the_page() -> None:
    assert [bucket_of(number) for number in (0, 1, 2, 3, -3)] == [0, 1, 129, 193, -193]
    assert bucket_of(256) + 1 == bucket_of(258)


def test_decisions_one_by_one() -> None:
    found = decision_rows([decision(4, side="", timestamp_ms=-1)], 1000)
    values = ("EUR/USD", START_US, "UNKNOWN", Decimal("1.5"), "ABOOK", "OANDA", 12_000, Decimal("0.8"), Decimal("-0.1"))
    assert found == {(0, 4): ((*values, 0), 1004, 1004)}


def test_a_minute_of_decisions_is_due_once_a_second_of_the_watermark_ends_behind_it() -> None:
    key = (START_US, "EUR/USD", "OANDA", "ABOOK", 0)
    tape = [decision(0), decision(1, 5, slippage=Decimal("0.2")), decision(2, 61 * SECOND)]
    assert routing_rows(tape, RULES)[key].due is None
    ended = [*tape, decision(3, 62 * SECOND), decision(4, 7)]
    values, version, due = routing_rows(ended, RULES)[key]
    assert (version, due) == (1004, 1001)
    assert values[:8] == (3, Decimal("4.5"), Decimal("2.4"), Decimal("0.0"), 36_000, 12_000, 2, 1)
    assert values[8:] == (
        {bucket_of(12_000): 3}, {bucket_of(8 * 10**9): 3}, {bucket_of(-(10**9)): 2, bucket_of(2 * 10**9): 1},
    )  # fmt: skip
    assert routing_rows([*ended, decision(5, 63 * SECOND)], RULES)[key].due == 1004
    assert routing_rows([], RULES) == {}
    assert routing_rows([decision(0, -START_US)], RULES)[(0, *key[1:])].due is None


def test_a_minute_of_a_provider() -> None:
    tape = [lp_record(0, 50 * SECOND), lp_record(1, 130 * SECOND, status="down")]
    rows = lp_rows(tape, LP_RULES, 1000)
    values, version, due = rows[START_US, "OANDA", 0]
    assert (version, due) == (1000, 1000)
    assert values[:10] == (1, Decimal("0.9"), Decimal("0.98"), 14_200, 14_200, 120, Decimal("1.2"), 10 * SECOND, 1,
                           "connected")  # fmt: skip
    assert rows[START_US + MINUTE, "OANDA", 0].values[:10] == (0, 0, 0, 0, 0, 0, 0, 20 * SECOND, 1, "")
    assert rows[START_US + 2 * MINUTE, "OANDA", 0].due is None


def test_a_minute_of_exposure_is_due_once_the_next_begins() -> None:
    tape = [exposure_state(0), exposure_state(1, 5, lp="", exposure=Decimal(0)), exposure_state(2, MINUTE)]
    rows = exposure_rows(recompute_exposure(tape, OracleExposureRules()), 0, 1000)
    names = {key[1:3] for key in rows if key[0] == START_US}
    assert names == {("total", ""), ("symbol", "EUR/USD"), ("lp", "OANDA"), ("book", "A")}
    assert rows[START_US, "total", "", 0] == ((100, 100, 100, 1000, 0, 0), 1001, 1001)
    assert rows[START_US + MINUTE, "total", "", 0].due is None
