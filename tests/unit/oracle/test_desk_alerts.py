"""The oracle of a desk's alerts, by hand."""

from oracle.desk import OracleDecision, OracleDeskRules
from oracle.desk_alerts import OracleBounds, routing_alerts_of
from tests.property.desk_records import START_US, decision

MINUTE = 60_000_000
RULES = OracleDeskRules(0, 0, 500)
FIRST_US = START_US // MINUTE * MINUTE


def minute(number: int, rejected: int, routed: int, lp: str, execution_us: int = 5) -> list[OracleDecision]:
    at_us = FIRST_US - START_US + number * MINUTE
    words = ["REJECT"] * rejected + ["ABOOK"] * routed
    return [
        decision(100 * number + place, at_us, decision=word, lp=lp, execution_us=execution_us)
        for place, word in enumerate(words)
    ]


def test_rejections_by_hand() -> None:
    bounds = OracleBounds(50, 0, 4, frozenset({"REJECT"}))
    tape = [*minute(0, 3, 1, "A"), *minute(1, 3, 3, "A"), *minute(2, 2, 3, ""), *minute(3, 0, 1, "A")]
    first_ms = FIRST_US // 1000
    total, own = f"routing:rejects:total:0-{first_ms}", f"routing:rejects:lp:A:0-{first_ms}"
    assert routing_alerts_of(tape, RULES, bounds) == {
        0: [
            (own, "open", FIRST_US + MINUTE), (total, "open", FIRST_US + MINUTE),
            (total, "resolved", FIRST_US + 3 * MINUTE),
        ]
    }  # fmt: skip


def test_executions_by_hand() -> None:
    bounds = OracleBounds(0, 100, 1, frozenset())
    tape = [*minute(0, 0, 2, "", 101), *minute(1, 0, 2, "", 81), *minute(2, 0, 2, "", 80), *minute(3, 0, 1, "", 80)]
    alert = f"routing:execution:total:0-{FIRST_US // 1000}"
    assert routing_alerts_of(tape, RULES, bounds) == {
        0: [(alert, "open", FIRST_US + MINUTE), (alert, "resolved", FIRST_US + 3 * MINUTE)]
    }
    late = decision(999, FIRST_US - START_US, execution_us=9_999)
    assert routing_alerts_of([*tape, late], RULES, bounds) == routing_alerts_of(tape, RULES, bounds)
