"""Providers and exposure on real servers: killed amid their records, figures and alerts are the oracles', each once."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from flows.analytics_reading import desk_rules
from oracle.desk_exposure import OracleExposure, OracleExposureRules, recompute_exposure
from oracle.desk_lp import OracleLpRules, recompute_lp
from runtime.settings.whole import Settings
from tests.integration.conftest import Stores
from tests.integration.flows.desk_feeding import (
    MINUTE_US,
    Desk,
    alerts_of,
    desk_environment,
    messages_of,
    read_figures,
    read_states,
    rows_of,
    running,
)

MONDAY_US = 1_760_313_600_000_000


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    with Redis.from_url(stores.redis_url) as redis:
        redis.flushdb()
    return migrated(desk_environment(*stores, "lp", "exposure"))


def wanted_providers(settings: Settings) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    rules = desk_rules(settings)
    truth = recompute_lp(
        read_figures(settings, settings.lp_topic, 1),
        OracleLpRules(rules.out_of_order_us, rules.lateness_us, rules.lp_silence_us, rules.lp_up),
    )
    return {
        (start_us, lp): (
            len(cell.records), cell.up_us, cell.changes, sum(each.latency_us for each in cell.records),
            sum((each.quotes * each.reject_rate for each in cell.records), Decimal(0)), cell.version,
        )
        for (_, interval, start_us, lp), cell in truth.items()
        if interval == "1m"
    }  # fmt: skip


def stored_providers(settings: Settings) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = rows_of(
        settings,
        "SELECT toUnixTimestamp64Micro(start), lp_name, samples, up_us, status_changes, latency_us_sum, rejects_sum,"
        " version FROM {db}.lp_1m_final",
    )
    return {tuple(row[:2]): tuple(row[2:]) for row in found}


def wanted_totals(truth: OracleExposure) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (start_us, scope, name): (total.net, total.gross, minute.peaks[scope, name], minute.limit, minute.version)
        for start_us, minute in truth.minutes.items()
        for (scope, name), total in minute.totals.items()
        if minute.peaks[scope, name]
    }


def stored_totals(settings: Settings) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = rows_of(
        settings,
        "SELECT toUnixTimestamp64Micro(start), scope, name, net, gross, peak, exposure_limit, version"
        " FROM {db}.exposure_1m_final",
    )
    return {tuple(row[:3]): tuple(row[3:]) for row in found}


@pytest.mark.thorough
def test_killed_amid_its_records_a_desks_figures_and_alerts_are_the_oracles(settings: Settings, tmp_path: Path) -> None:
    providers = Desk(settings, "lp", settings.lp_topic, 1)
    exposure = Desk(settings, "exposure", settings.exposure_topic, 1)
    with running(settings, tmp_path / "analytics.log") as run:
        for minute in range(6):
            start_us = MONDAY_US + minute * MINUTE_US
            providers.send(60, start_us, MINUTE_US, late_us=50_000_000)
            exposure.send(300, start_us, MINUTE_US)
            run.until(lambda: len(stored_totals(settings)) > 0)
            if minute in (1, 3, 4):
                run.kill()
                run.start()
        truth = recompute_exposure(read_states(settings, settings.exposure_topic, 1), OracleExposureRules())
        assert len(truth.alerts) > 2
        run.until(lambda: stored_totals(settings) == wanted_totals(truth))
        run.until(lambda: stored_providers(settings) == wanted_providers(settings))
        check_alerts(settings, truth)
        last = messages_of(settings, "exposure-updates", "exposure-change")[-1]
    assert last["totalExposure"] == truth.last["total", ""].gross
    assert last["byLP"] == {
        name: total.net for (scope, name), total in truth.last.items() if scope == "lp" and total.gross
    }
    assert last["riskLevel"] == truth.levels[-1]


def check_alerts(settings: Settings, truth: OracleExposure) -> None:
    """Each opening and each resolution stands once in the stream, and each alert once in ClickHouse, with its state."""
    sent = Counter((alert["id"], alert["state"]) for alert in alerts_of(settings))
    assert set(sent.values()) == {1}
    assert [each for each in truth.alerts if each not in sent] == []
    assert {each for each in sent if each[0].startswith("exposure:")} == set(truth.alerts)
    kept = {alert_id for (alert_id,) in rows_of(settings, "SELECT id FROM {db}.alerts_unique")}
    assert kept == {alert_id for alert_id, _ in sent}
    states = dict(rows_of(settings, "SELECT id, state FROM {db}.alert_states_final"))
    assert states == {each: "resolved" if (each, "resolved") in sent else "open" for each in kept}
