"""Alerts about trades on real servers: killed amid them, what comes out is the oracle's, each state once."""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from flows.analytics_reading import feed_rules
from oracle.trade_alerts import OracleFeedRules, trade_alerts_of
from oracle.truth import OracleTrade
from runtime.settings.whole import Settings
from schemas.desk import TRADE_ALERTS
from tests.integration.conftest import Stores
from tests.integration.flows.desk_feeding import Desk, alerts_of, desk_environment, rows_of, running
from tests.integration.flows.market_feeding import feed
from tests.property.trade_batches import MONDAY_US

PARTITIONS = 2
SYMBOLS = ("AAPL", "BTC/USDT", "MSFT")
PARTS = 4
PART = 300


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    with Redis.from_url(stores.redis_url) as redis:
        redis.flushdb()
    names = desk_environment(*stores, "exposure")
    names |= {"TAPEFLOW_KAFKA_TOPIC": f"trades-{uuid.uuid4().hex[:8]}", "TAPEFLOW_TRADE_ALERTS": ",".join(TRADE_ALERTS)}
    return migrated(names, trade_alert_clear_ms=5_000, trade_jump_deviations=4)


def market() -> list[OracleTrade]:
    """A second apart; ids that are skipped, crossed quotes and jumps now and then."""
    pick, offsets, ids, found = random.Random(3), [0] * PARTITIONS, dict.fromkeys(SYMBOLS, 0), []
    for index in range(PARTS * PART):
        symbol = SYMBOLS[pick.randrange(len(SYMBOLS))]
        partition = SYMBOLS.index(symbol) % PARTITIONS
        time_us = MONDAY_US + index * 1_000_000
        ids[symbol] += 1 + (pick.random() < 0.05)
        bid = Decimal(100)
        found.append(
            OracleTrade(
                partition, offsets[partition], time_us // 1000, time_us, symbol,
                Decimal(10_000 + pick.randrange(20) + 500 * (pick.random() < 0.03)).scaleb(-2), Decimal(1), "BUY",
                str(ids[symbol]), bid=bid, ask=bid + (-1 if pick.random() < 0.03 else 1),
            )
        )  # fmt: skip
        offsets[partition] += 1
    return found


def test_killed_amid_trades_alerts_are_the_oracles(settings: Settings, tmp_path: Path) -> None:
    Desk(settings, "exposure", settings.exposure_topic, 1)
    trades, rules = market(), OracleFeedRules(*feed_rules(settings))

    def wanted(count: int) -> Counter[tuple[str, str]]:
        told = trade_alerts_of(trades[:count], rules)
        return Counter((alert_id, state) for own in told.values() for alert_id, state, _ in own)

    def found() -> Counter[tuple[str, str]]:
        """Silence between the parts is the clock's, which the oracle doesn't know."""
        return Counter((each["id"], each["state"]) for each in alerts_of(settings) if ":stale:" not in each["id"])

    feed(settings, trades[:PART], PARTITIONS)
    with running(settings, tmp_path / "analytics.log") as run:
        for part in range(1, PARTS + 1):
            run.until(lambda part=part: found() == wanted(part * PART))
            if part in (1, 2):
                run.kill()
                run.start()
            feed(settings, trades[part * PART : (part + 1) * PART], PARTITIONS)
    assert {alert_id.split(":")[1] for alert_id, _ in found()} == {"gaps", "crossed", "jumps"}
    every = Counter((each["id"], each["state"]) for each in alerts_of(settings))
    assert set(every.values()) == {1}
    assert {each["symbols"][0] for each in alerts_of(settings) if "symbols" in each} == set(SYMBOLS)
    kept = {alert_id for (alert_id,) in rows_of(settings, "SELECT id FROM {db}.alerts_unique")}
    assert kept == {alert_id for alert_id, state in every if state == "open"}
    states = dict(rows_of(settings, "SELECT id, state FROM {db}.alert_states_final"))
    assert states == {alert_id: "resolved" if (alert_id, "resolved") in every else "open" for alert_id in kept}
