"""Alerts with their newest state from a real ClickHouse: found by what they are, paged, and states that only rise."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from clickhouse_driver import Client

from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.desk_alerts import AlertRow, DeskAlerts
from schemas.alert_states import ACKNOWLEDGED, OPEN, RESOLVED
from schemas.desk import DeskAlert
from sinks.clickhouse.alert_block import alert_block, state_block
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.sink import Inserter

Ask = Callable[[Callable[[DeskAlerts], Awaitable[Any]]], Any]
END_MS = 1 << 50


def alert(number: int, **changes: Any) -> DeskAlert:
    usual = DeskAlert(f"a{number}", OPEN, number * 1_000_000, "warning", "lp", "t", "m", "analytics", ("Look",))
    return usual._replace(**changes)


@pytest.fixture
def put(clickhouse_dsn: str, clickhouse_database: str) -> Iterator[Callable[[Sequence[DeskAlert]], None]]:
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    tables = [Inserter(clickhouse_dsn, clickhouse_database, table) for table in ("alerts", "alert_states")]

    def write(alerts: Sequence[DeskAlert]) -> None:
        if opened := [each for each in alerts if each.state == OPEN]:
            tables[0].insert(alert_block(opened))
        tables[1].insert(state_block(alerts))

    yield write
    for table in tables:
        table.close()


@pytest.fixture
def ask(clickhouse_dsn: str, clickhouse_database: str) -> Iterator[Ask]:
    breaker = CircuitBreaker("c")
    clickhouse = ClickHouse(clickhouse_dsn, clickhouse_database, threads=1, timeout_ms=20_000, breaker=breaker)
    yield lambda work: asyncio.run(work(DeskAlerts(clickhouse)))
    clickhouse.close()


def test_an_alert_as_it_was_opened_and_its_state(ask: Ask, put: Callable[[Sequence[DeskAlert]], None]) -> None:
    put([alert(1)])
    opened = AlertRow(1000, "a1", "warning", "lp", "t", "m", "analytics", ["Look"], OPEN, 1000, "analytics")
    assert ask(lambda alerts: alerts.one("a1")) == opened
    assert ask(lambda alerts: alerts.one("a2")) is None
    ask(lambda alerts: alerts.say("a1", ACKNOWLEDGED, 1_767_225_600_123, "anna"))
    said = opened._replace(state=ACKNOWLEDGED, state_time_ms=1_767_225_600_123, by="anna")
    assert ask(lambda alerts: alerts.one("a1")) == said
    put([alert(1)])  # again, as after a crash
    assert ask(lambda alerts: alerts.one("a1")) == said
    put([alert(1, state=RESOLVED, time_us=9_000_000)])
    ask(lambda alerts: alerts.say("a1", ACKNOWLEDGED, 20_000, "bert"))
    assert ask(lambda alerts: alerts.find(0, END_MS, 10, {})) == [
        opened._replace(state=RESOLVED, state_time_ms=9000, by="analytics")
    ]


def test_found_by_what_they_are_and_by_pages(
    ask: Ask, put: Callable[[Sequence[DeskAlert]], None], clickhouse_dsn: str, clickhouse_database: str
) -> None:
    put([alert(1), alert(2, severity="critical"), alert(3, category="exposure"), alert(4, time_us=3_000_000)])
    put([alert(2, state=RESOLVED)])
    with Client.from_url(clickhouse_dsn) as client:  # by a producer that knows of no states
        names = "time, id, severity, category, title, message, source, actions"
        values = "toDateTime64(5, 3, 'UTC'), 'it''s', 'info', 'system', 't', 'm', 'venue', []"
        client.execute(f"INSERT INTO {clickhouse_database}.alerts ({names}) SELECT {values}")

    def found(low_ms: int = 0, high_ms: int = END_MS, limit: int = 10, **wanted: Sequence[str]) -> list[str]:
        return [row.id for row in ask(lambda alerts: alerts.find(low_ms, high_ms, limit, wanted))]

    everything = ["it's", "a4", "a3", "a2", "a1"]
    assert found() == everything
    assert found(severity=["critical", "info"]) == ["it's", "a2"]
    assert found(category=["exposure"]) == ["a3"]
    assert found(source=["venue"]) == ["it's"]
    assert found(state=[OPEN]) == ["it's", "a4", "a3", "a1"]
    assert found(state=[RESOLVED], severity=["warning"]) == []
    assert found(2000, 3000) == ["a4", "a3", "a2"]
    for forward in (False, True):
        beyond, pages = None, []
        while True:
            rows = ask(lambda alerts, at=beyond, on=forward: alerts.find(0, END_MS, 2, {}, at, forward=on))
            pages += [row.id for row in rows]
            if len(rows) < 2:
                break
            beyond = (rows[-1].time_ms, rows[-1].id)
        assert pages == (everything[::-1] if forward else everything)
