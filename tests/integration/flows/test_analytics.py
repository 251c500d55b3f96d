"""A desk's records on real servers: the flow is killed amid them, and what comes out is the oracle's, each once."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from flows.analytics_reading import desk_rules
from oracle.desk import OracleCell, OracleDeskRules, OracleRouting, exact_percentile, recompute_routing
from oracle.desk_alerts import OracleBounds, routing_alerts_of
from runtime.settings.whole import Settings
from tests.integration.conftest import Stores
from tests.integration.flows.desk_feeding import (
    MINUTE_US,
    Desk,
    alerts_of,
    desk_environment,
    messages_of,
    read_decisions,
    rows_of,
    running,
)

MONDAY_US = 1_760_313_600_000_000
PARTITIONS = 2


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    with Redis.from_url(stores.redis_url) as redis:
        redis.flushdb()
    return migrated(
        desk_environment(*stores, "routing"),
        decisions_passed_per_s=3,
        routing_reject_percent=8,
        routing_alert_decisions_min=10,
        routing_rejections="PARTIAL",
    )


def truth_of(settings: Settings) -> OracleRouting:
    rules = desk_rules(settings)
    return recompute_routing(
        read_decisions(settings, settings.routing_topic, PARTITIONS),
        OracleDeskRules(rules.out_of_order_us, rules.lateness_us, rules.passed_per_second),
    )


def minutes_of(truth: OracleRouting) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (partition, start_us, symbol, lp, decision): (
            len(cell.spreads), cell.volume, sum(cell.spreads), sum(cell.slippages), sum(cell.executions_us),
            max(cell.executions_us), sum(each < 0 for each in cell.slippages), sum(each > 0 for each in cell.slippages),
            cell.version,
        )
        for (partition, interval, start_us, symbol, lp, decision), cell in truth.cells.items()
        if interval == "1m"
    }  # fmt: skip


def stored_minutes(settings: Settings) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = rows_of(
        settings,
        "SELECT kafka_partition, toUnixTimestamp64Micro(start), symbol, lp_selected, routing_decision, count, volume,"
        " spread_sum, slippage_sum, execution_us_sum, execution_us_max, favourable, adverse, version"
        " FROM {db}.routing_1m_final",
    )
    return {tuple(row[:5]): tuple(row[5:]) for row in found}


def near(found: Decimal | int, exact: Decimal | int) -> bool:
    return abs(Decimal(found) - exact) <= abs(Decimal(exact)) / 256 + Decimal("1e-9")


def test_killed_amid_a_desks_decisions_figures_and_messages_are_the_oracles(settings: Settings, tmp_path: Path) -> None:
    desk = Desk(settings, "routing", settings.routing_topic, PARTITIONS)
    with running(settings, tmp_path / "analytics.log") as run:
        for minute in range(6):
            desk.send(400, MONDAY_US + minute * MINUTE_US, MINUTE_US, late_us=40_000_000)
            if minute == 2:
                desk.send_raw(b"nonsense", MONDAY_US // 1000)
            run.until(lambda wanted=minute * 350: len(stored_decisions(settings)) >= wanted)
            if minute in (1, 3):
                run.kill()
                run.start()
        desk.send(50, MONDAY_US + 200 * MINUTE_US, MINUTE_US, late_us=199 * MINUTE_US)
        truth = truth_of(settings)
        assert truth.late
        assert truth.sampled
        run.until(lambda: stored_minutes(settings) == minutes_of(truth))
        run.until(lambda: len(messages_of(settings, "routing-metrics", "routing-decision")) >= len(truth.passed))
    check_messages(settings, truth)
    check_sketches(settings, truth)
    check_alerts(settings)
    letters = rows_of(settings, "SELECT count() FROM {db}.routing_decisions_unique")
    assert letters == [(6 * 400 + 50,)]


def check_alerts(settings: Settings) -> None:
    """Each opening and each end stands once in the stream, and in ClickHouse."""
    rules = desk_rules(settings)
    told = routing_alerts_of(
        read_decisions(settings, settings.routing_topic, PARTITIONS),
        OracleDeskRules(rules.out_of_order_us, rules.lateness_us, rules.passed_per_second),
        OracleBounds(rules.reject_percent, 0, rules.alert_decisions_min, rules.rejections),
    )
    wanted = Counter((alert_id, state) for own in told.values() for alert_id, state, _ in own)
    assert len(wanted) > 2
    assert Counter((alert["id"], alert["state"]) for alert in alerts_of(settings)) == wanted
    kept = dict(rows_of(settings, "SELECT id, state FROM {db}.alert_states_final"))
    assert kept == {alert_id: "resolved" if (alert_id, "resolved") in wanted else "open" for alert_id, _ in wanted}
    assert {alert_id for (alert_id,) in rows_of(settings, "SELECT id FROM {db}.alerts_unique")} == set(kept)


def stored_decisions(settings: Settings) -> list[Any]:
    return rows_of(settings, "SELECT kafka_offset FROM {db}.routing_decisions_unique")


def check_messages(settings: Settings, truth: OracleRouting) -> None:
    """Each decision that passes stands there once, with S1's fields; each window's last message has the figures."""
    found = Counter(
        (each["symbol"], each["side"], each["volume"], each["routingDecision"], each["lpSelected"],
         each["executionTimeMs"] * 1000, each["spread"], each["slippage"])
        for each in messages_of(settings, "routing-metrics", "routing-decision")
    )  # fmt: skip
    assert found == Counter(
        (each.symbol, each.side, each.volume, each.decision, each.lp, each.execution_us, each.spread, each.slippage)
        for each in truth.passed
    )
    latest: dict[tuple[int, str, int], dict[str, Any]] = {}
    sent: dict[tuple[int, str, int, int], dict[str, Any]] = {}
    for each in messages_of(settings, "routing-metrics", "routing-stats"):
        if "symbol" not in each:
            key = (each["partition"], each["interval"], each["startTime"] * 1000)
            latest[key] = each
            # After a crash a window that the clock announced may come again, unchanged.
            assert sent.setdefault((*key, each["sequence"]), each) == each
    windows: dict[tuple[int, str, int], list[OracleCell]] = {}
    for (partition, interval, start_us, *_), cell in truth.cells.items():
        windows.setdefault((partition, interval, start_us), []).append(cell)
    assert set(latest) == set(windows)
    for key, cells in windows.items():
        message = latest[key]
        executions = [each for cell in cells for each in cell.executions_us]
        assert message["count"] == len(executions)
        assert message["volume"] == sum(cell.volume for cell in cells)
        assert message["sampled"] == truth.sampled.get(key, 0)
        for percent in (50, 90, 99):
            assert near(message["executionTimeMs"][f"p{percent}"] * 1000, exact_percentile(executions, percent))
        spreads = [each for cell in cells for each in cell.spreads]
        assert abs(message["spread"]["mean"] - sum(spreads) / len(spreads)) < Decimal("1e-9")


def check_sketches(settings: Settings, truth: OracleRouting) -> None:
    """Counts of single rows add up in ClickHouse to those of the whole, and hold every decision."""
    ((counts,),) = rows_of(settings, "SELECT sumMap(execution) FROM {db}.routing_1m_final")
    executions = [each for key, cell in truth.cells.items() if key[1] == "1m" for each in cell.executions_us]
    assert sum(counts.values()) == len(executions)
