"""A desk's windows out of ClickHouse are those that the oracle adds up from the records one by one."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.desk_figures import DeskFigures, ExposureCell, RoutingCell, Span
from kernels.decimal_text import units
from oracle.desk import OracleCell, OracleDecision, OracleDeskRules, recompute_routing
from oracle.desk_exposure import OracleExposureRules, OracleState, recompute_exposure
from oracle.desk_lp import OracleLpRecord, OracleLpRules, recompute_lp
from sinks.clickhouse.migrations import migrate
from tests.integration.gateway.desk_market import RULES, clear_desk, put_decisions, put_providers, put_states
from tests.integration.gateway.rest_server import Market
from tests.property.desk_records import START_US, decision, decisions
from tests.property.desk_states import exposure_state, exposure_states, lp_record, lp_records

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
END_US = 1 << 60
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Ask = Callable[[Callable[[DeskFigures], Awaitable[Any]]], Any]


@pytest.fixture
def place(clickhouse_dsn: str, clickhouse_database: str) -> tuple[str, str]:
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    return clickhouse_dsn, clickhouse_database


@pytest.fixture
def ask(place: tuple[str, str]) -> Iterator[Ask]:
    clickhouse = ClickHouse(*place, threads=1, timeout_ms=20_000, breaker=CircuitBreaker("c"))
    yield lambda work: asyncio.run(work(DeskFigures(clickhouse)))
    clickhouse.close()


def span(length_us: int = MINUTE_US, low_us: int = 0, high_us: int = END_US, limit: int = 1000, **more: Any) -> Span:
    return Span(low_us, high_us, length_us, limit, **more)


def told(cell: RoutingCell) -> tuple[Any, ...]:
    figures = cell.figures
    return (
        figures.count, figures.volume, figures.spread_sum, figures.slippage_sum, figures.execution_us_sum,
        figures.execution_us_max, figures.favourable, figures.adverse, figures.version,
        sum(figures.execution.values()), sum(figures.spread.values()), sum(figures.slippage.values()),
        cell.all.count, cell.all.volume,
    )  # fmt: skip


def wanted(cells: list[OracleCell], all_count: int, all_volume: Decimal) -> tuple[Any, ...]:
    executions = [value for cell in cells for value in cell.executions_us]
    spreads = [value for cell in cells for value in cell.spreads]
    slippages = [value for cell in cells for value in cell.slippages]
    count = len(executions)
    return (
        count, units(sum(cell.volume for cell in cells)), units(sum(spreads)), units(sum(slippages)),
        sum(executions), max(executions), sum(value < 0 for value in slippages),
        sum(value > 0 for value in slippages), max(cell.version for cell in cells), count, count, count,
        all_count, units(all_volume),
    )  # fmt: skip


@pytest.mark.parametrize("by", [(), ("lp",), ("symbol", "decision"), ("symbol", "lp", "decision")])
@pytest.mark.parametrize("length_us", [MINUTE_US, HOUR_US, 0])
def test_decisions_by_window_and_names(ask: Ask, place: tuple[str, str], by: tuple[str, ...], length_us: int) -> None:
    @FEW
    @given(decisions(), decisions())
    def check(one: list[OracleDecision], other: list[OracleDecision]) -> None:
        clear_desk(*place)
        both = one + [each._replace(partition=1) for each in other]
        put_decisions(*place, both)
        cells: dict[tuple[Any, ...], list[OracleCell]] = defaultdict(list)
        rules = OracleDeskRules(RULES.out_of_order_us, RULES.lateness_us, RULES.passed_per_second)
        for key, cell in recompute_routing(both, rules).cells.items():
            _, interval, start_us, symbol, lp, kind = key
            if interval == "1m":
                names = [name if of in by else "" for of, name in (("symbol", symbol), ("lp", lp), ("decision", kind))]
                at_us = start_us // length_us * length_us if length_us else 0
                cells[(at_us, *names)].append(cell)
        counts: dict[int, int] = defaultdict(int)
        volumes: dict[int, Decimal] = defaultdict(Decimal)
        for (at_us, *_), own in cells.items():
            counts[at_us] += sum(len(cell.executions_us) for cell in own)
            volumes[at_us] += sum(cell.volume for cell in own)
        found = ask(lambda figures: figures.routing(span(length_us), frozenset(by), {}))
        places = [(cell.at_us, cell.symbol, cell.lp, cell.decision) for cell in found]
        assert places == sorted(cells, key=lambda key: (-key[0], *key[1:]))
        for at, cell in zip(places, found, strict=True):
            assert told(cell) == wanted(cells[at], counts[at[0]], volumes[at[0]])

    check()


def test_filters_symbols_and_pages(ask: Ask, place: tuple[str, str]) -> None:
    names = [("EUR/USD", ""), ("EUR/USD", "LMAX"), ("GBP/USD", "OANDA"), ("US'D", "x")]
    put_decisions(
        *place,
        [
            decision(4 * at + number, at * MINUTE_US, symbol=symbol, lp=lp)
            for at in range(7)
            for number, (symbol, lp) in enumerate(names)
        ],
    )
    both = frozenset({"symbol", "lp"})

    def names_of(wanted: dict[str, str], symbols: list[str] | None = None) -> set[tuple[str, str]]:
        rows = ask(lambda figures: figures.routing(span(), both, wanted, symbols))
        return {(row.symbol, row.lp) for row in rows}

    assert names_of({}) == set(names)
    assert names_of({"lp": ""}) == {("EUR/USD", "")}
    assert names_of({"symbol": "US'D", "decision": "ABOOK"}) == {("US'D", "x")}
    assert names_of({"decision": "BBOOK"}) == set()
    assert names_of({}, ["EUR/USD"]) == set(names[:2])
    visible = ask(lambda figures: figures.symbols("routing", span(), lambda name: name.startswith("EUR")))
    assert visible == ["EUR/USD"]
    assert ask(lambda figures: figures.symbols("routing", span(high_us=START_US - HOUR_US), bool)) == []

    def walk(forward: bool, limit: int, **more: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        beyond = None
        while True:
            asked = span(limit=limit, forward=forward, beyond=beyond, **more)
            rows = ask(lambda figures, asked=asked: figures.routing(asked, both, {}))
            found += [(row.at_us, row.symbol, row.lp, row.decision) for row in rows]
            if len(rows) < limit:
                return found
            beyond = found[-1]

    everything = walk(forward=True, limit=1000, low_us=START_US)
    assert len(everything) == 28
    assert everything == sorted(everything)
    for limit in (1, 3, 4, 28):
        assert walk(forward=True, limit=limit, low_us=START_US) == everything
        assert sorted(walk(forward=False, limit=limit)) == everything
        assert [key[1:] for key in walk(forward=False, limit=limit, length_us=0)] == [(*name, "") for name in names]
    first_us = START_US // MINUTE_US * MINUTE_US
    assert walk(forward=False, limit=99, low_us=first_us + 1, high_us=first_us + MINUTE_US) == everything[4:8]
    assert walk(forward=False, limit=99, low_us=first_us + 1, high_us=first_us + MINUTE_US - 1) == []


@pytest.mark.parametrize(("length_us", "interval"), [(MINUTE_US, "1m"), (HOUR_US, "1h")])
def test_providers_by_window(ask: Ask, place: tuple[str, str], length_us: int, interval: str) -> None:
    @FEW
    @given(lp_records())
    def check(records: list[OracleLpRecord]) -> None:
        clear_desk(*place)
        put_providers(*place, records)
        rules = OracleLpRules(RULES.out_of_order_us, RULES.lateness_us, RULES.lp_silence_us, RULES.lp_up)
        cells = recompute_lp(records, rules)
        minutes: dict[tuple[int, str], list[Any]] = defaultdict(list)
        for (_, name, start_us, lp), cell in cells.items():
            if name == "1m":
                minutes[start_us // length_us * length_us, lp].append(cell)
        found = ask(lambda figures: figures.lp(span(length_us), None))
        assert [(cell.at_us, cell.lp) for cell in found] == sorted(minutes, key=lambda key: (-key[0], key[1]))
        for row in found:
            own = minutes[row.at_us, row.lp]
            held = [each for cell in own for each in cell.records]
            figures = row.figures
            assert (figures.samples, figures.up_us, figures.changes) == (
                len(held), sum(cell.up_us for cell in own), sum(cell.changes for cell in own),
            )  # fmt: skip
            assert figures.spread_sum == units(sum(each.spread for each in held))
            assert figures.quality_sum == units(sum(each.quality for each in held))
            assert figures.latency_us_sum == sum(each.latency_us for each in held)
            assert figures.latency_us_max == max((each.latency_us for each in held), default=0)
            assert figures.quotes_sum == units(sum(each.quotes for each in held))
            assert figures.rejects_sum == units(sum(each.quotes * each.reject_rate for each in held), 20)
            last = max(held, key=lambda each: (each.event_time_us, each.offset), default=None)
            assert figures.status == ("" if last is None else last.status)
            whole = cells.get((0, interval, row.at_us, row.lp))
            if whole is None or len(whole.known) != len({id(each) for cell in own for each in cell.known}):
                continue
            if len(whole.records) == len(held):  # else a minute had ended for a record that the hour still took
                assert figures.up_us == whole.up_us

    check()


def test_one_provider(ask: Ask, place: tuple[str, str]) -> None:
    put_providers(*place, [lp_record(0), lp_record(1, 1, lp="LMAX")])
    assert [row.lp for row in ask(lambda figures: figures.lp(span(), "LMAX"))] == ["LMAX"]
    assert [row.lp for row in ask(lambda figures: figures.lp(span(limit=1), None))] == ["LMAX"]
    beyond = (START_US // MINUTE_US * MINUTE_US, "LMAX", 0)
    assert [row.lp for row in ask(lambda figures: figures.lp(span(beyond=beyond), None))] == ["OANDA"]


@pytest.mark.parametrize("scope", ["total", "symbol", "lp", "book"])
@pytest.mark.parametrize("length_us", [MINUTE_US, HOUR_US, 0])
def test_exposure_by_window(ask: Ask, place: tuple[str, str], scope: str, length_us: int) -> None:
    @FEW
    @given(exposure_states())
    def check(states: list[OracleState]) -> None:
        clear_desk(*place)
        put_states(*place, states)
        minutes = recompute_exposure(states, OracleExposureRules()).minutes
        windows: dict[int, list[int]] = defaultdict(list)
        for start_us in minutes:
            windows[start_us // length_us * length_us if length_us else 0].append(start_us)
        expected = {}
        for at_us, starts in windows.items():
            last = minutes[max(starts)]
            peaks: dict[str, Decimal] = {}
            for start_us in starts:
                for (of, name), peak in minutes[start_us].peaks.items():
                    if of == scope and (peak or scope == "total"):
                        peaks[name] = max(peaks.get(name, Decimal(0)), peak)
            for name, peak in peaks.items():
                net, gross = last.totals.get((scope, name), (Decimal(0), Decimal(0)))
                held = [
                    sum(minutes[each].held_us.get(level, 0) for each in starts) for level in ("warning", "critical")
                ]
                amounts = tuple(map(units, (net, gross, peak, last.limit)))
                expected[at_us, name] = (*amounts, *(held if length_us == MINUTE_US else ()))
        found = ask(lambda figures: figures.exposure(span(length_us), scope, None))
        cut = 9 if length_us == MINUTE_US else 7
        assert {(row.at_us, row.name): tuple(row[3:cut]) for row in found} == expected
        assert [(-row.at_us, row.name) for row in found] == sorted((-at_us, name) for at_us, name in expected)

    check()


def test_one_name_and_allowed_symbols(ask: Ask, place: tuple[str, str]) -> None:
    put_states(*place, [exposure_state(0), exposure_state(1, symbol="GBP/USD", exposure=Decimal(-30))])

    def names(*asked: Any) -> list[str]:
        return [row.name for row in ask(lambda figures: figures.exposure(span(), *asked))]

    assert names("symbol", None) == ["EUR/USD", "GBP/USD"]
    assert names("symbol", "GBP/USD") == names("symbol", None, ["GBP/USD"]) == ["GBP/USD"]
    assert names("book", "A") == ["A"]
    assert ask(lambda figures: figures.symbols("exposure", span(), bool)) == ["EUR/USD", "GBP/USD"]


def test_prices_are_the_last_ones_by_then(ask: Ask, place: tuple[str, str]) -> None:
    """Against a look through all bars, minutes and days apart."""
    market, numbers = Market("redis://127.0.0.1:1/0", *place), count()
    steps = st.integers(0, 12).map(lambda step: step * 6 * HOUR_US // 5 // MINUTE_US * MINUTE_US)

    @FEW
    @given(st.lists(st.tuples(steps, st.integers(1, 10**12))), st.lists(steps, max_size=30))
    def check(bars: list[tuple[int, int]], minutes: list[int]) -> None:
        symbol, days_us = f"S{next(numbers)}'", 24 * HOUR_US
        first_us = START_US // days_us * days_us
        at = {first_us + 12 * step: Decimal(close).scaleb(-10) for step, close in bars}
        for start_us, close in at.items():
            market.add_bars(symbol, [start_us // 1000], [1], close=close)
        cells = [ExposureCell(0, symbol, 0, 1, 1, 1, 0, 0, 0, first_us + 12 * step) for step in minutes]
        cells.append(cells[0]._replace(name="X") if cells else ExposureCell(0, "X", 0, 1, 1, 1, 0, 0, 0, first_us))
        wanted = [
            max(
                (pair for pair in at.items() if 0 <= cell.minute_us - pair[0] <= 7 * days_us and cell.name == symbol),
                default=(0, None),
            )[1]
            for cell in cells
        ]
        found = ask(lambda figures: figures.prices(cells))
        assert found == [None if price is None else units(price) for price in wanted]

    check()
    market.clickhouse.disconnect()
    assert ask(lambda figures: figures.prices([])) == []
