"""The report ``lp-scorecard`` equals the oracle's, percentiles to their bound."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given

from oracle.desk import OracleCell, OracleDecision, OracleDeskRules, exact_percentile, recompute_routing
from oracle.desk_lp import OracleLpRecord, OracleLpRules, recompute_lp
from oracle.desk_reports import OracleScore, scorecard_of
from tests.integration.gateway.desk_market import RULES, clear_desk, put_decisions, put_providers
from tests.integration.gateway.reports.made_market import FEW, told
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.property.desk_records import START_US, decision, decisions
from tests.property.desk_states import lp_record, lp_records
from tests.unit.gateway.reports.asks import ask_of

MINUTE_US = 60_000_000
LOW_US = START_US // MINUTE_US * MINUTE_US
HIGH_US = LOW_US + 120 * MINUTE_US - 1
PERCENTILES = {
    "executionP50Ms": ("executions_us", 50, 1000), "executionP90Ms": ("executions_us", 90, 1000),
    "executionP99Ms": ("executions_us", 99, 1000), "slippageP50": ("slippages", 50, 1),
    "slippageP99": ("slippages", 99, 1), "latencyP50Ms": ("latencies_us", 50, 1000),
    "latencyP99Ms": ("latencies_us", 99, 1000),
}  # fmt: skip


def expected(
    given_decisions: list[OracleDecision], records: list[OracleLpRecord], symbols: set[str]
) -> dict[str, OracleScore]:
    rules = OracleDeskRules(RULES.out_of_order_us, RULES.lateness_us, RULES.passed_per_second)
    routed: dict[tuple[str, int], list[OracleCell]] = defaultdict(list)
    for (_, interval, start_us, symbol, lp, _), cell in recompute_routing(given_decisions, rules).cells.items():
        if interval == "1m" and symbol in symbols and LOW_US <= start_us <= HIGH_US:
            routed[lp, start_us].append(cell)
    lp_rules = OracleLpRules(RULES.out_of_order_us, RULES.lateness_us, RULES.lp_silence_us, RULES.lp_up)
    cells = recompute_lp(records, lp_rules).items()
    own = {
        (lp, start_us): cell
        for (_, interval, start_us, lp), cell in cells
        if interval == "1m" and LOW_US <= start_us <= HIGH_US
    }
    return scorecard_of(routed, own, 120)


def check(rows: list[dict[str, Any]], scores: dict[str, OracleScore]) -> None:
    assert [row["lpName"] for row in rows] == list(scores)
    for row, score in zip(rows, scores.values(), strict=True):
        assert {name: row[name] for name in score.figures} == score.figures
        for name, (values, percent, scale) in PERCENTILES.items():
            held = getattr(score, values)
            if not held:
                assert row[name] is None
                continue
            exact = Decimal(exact_percentile(held, percent)) / scale
            assert abs(row[name] - exact) <= abs(exact) / 256 + Decimal("0.0000000001"), name
        assert set(row) == {"lpName", *score.figures, *PERCENTILES}


def test_a_scorecard_is_the_oracles(market: Market) -> None:
    @FEW
    @given(decisions(), lp_records())
    def checked(given_decisions: list[OracleDecision], records: list[OracleLpRecord]) -> None:
        clear_desk(market.dsn, market.database)
        put_decisions(market.dsn, market.database, given_decisions)
        put_providers(market.dsn, market.database, records)
        for symbols in ({"EUR/USD", "GBP/USD"}, {"EUR/USD"}):
            ask = ask_of(kind="lp-scorecard", low_us=LOW_US, high_us=HIGH_US, access=tuple(symbols))
            check(told(rows_of(market, ask)), expected(given_decisions, records, symbols))

    checked()
    clear_desk(market.dsn, market.database)


def test_symbols_that_are_named_or_not_allowed(market: Market) -> None:
    clear_desk(market.dsn, market.database)
    place = (market.dsn, market.database)
    put_decisions(*place, [decision(0, lp="A"), decision(1, symbol="GBP/USD", lp="B")])
    put_providers(*place, [lp_record(0, lp="C")])

    def names(**asked: Any) -> list[str]:
        return [row.lp_name for row in rows_of(market, ask_of(kind="lp-scorecard", **asked))]

    assert names() == ["A", "B", "C"]
    assert names(symbols=("GBP/USD",)) == ["B", "C"]
    assert names(access=("EUR/*",)) == ["A", "C"]
    assert names(access=("X",)) == ["C"]
    clear_desk(*place)
