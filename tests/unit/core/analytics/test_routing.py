"""A desk's decisions: what passes, what a window holds, what ends it, what is sampled, what the clock announces."""

import json
from decimal import Decimal
from typing import Any

from core.analytics.output import DeskOutput
from core.analytics.routing import RoutingDesk
from core.analytics.rules import DeskRules
from schemas.desk import RoutingRow
from tests.property.desk_records import START_US, decision, routing_batch

SECOND = 1_000_000
RULES = DeskRules(2 * SECOND, 60 * SECOND, 500)


def stats(output: DeskOutput[RoutingRow]) -> list[dict[str, Any]]:
    return [
        json.loads(entry.data, parse_float=Decimal) for entry in output.entries if entry.kind == "routing-stats"
    ]  # fmt: skip


def test_a_decision_passes_through_with_the_fields_of_s1() -> None:
    output = RoutingDesk(RULES).apply(routing_batch([decision(4, 5)]))
    (entry,) = output.entries
    assert (entry.channel, entry.kind, entry.symbols) == ("routing-metrics", "routing-decision", ("EUR/USD",))
    assert entry.time_ms == START_US // 1000
    assert entry.data == (
        b'{"symbol":"EUR/USD","side":"BUY","volume":1.5,"routingDecision":"ABOOK","lpSelected":"OANDA",'
        b'"executionTimeMs":12,"spread":0.8,"slippage":-0.1}'
    )


def test_a_second_ends_behind_the_record_that_raised_the_watermark() -> None:
    desk = RoutingDesk(RULES)
    assert stats(desk.apply(routing_batch([decision(0), decision(1, SECOND)]))) == []
    output = desk.apply(routing_batch([decision(2, 3 * SECOND), decision(3, 3 * SECOND)]))
    assert [entry.kind for entry in output.entries] == ["routing-decision", "routing-stats", "routing-decision"]
    assert [entry.order for entry in output.entries] == sorted(entry.order for entry in output.entries)
    (second,) = stats(output)
    assert (second["interval"], second["startTime"], second["sequence"]) == ("1s", START_US // 1000, 0)
    assert (second["count"], second["revision"], second["sampled"]) == (1, 0, 0)
    assert "symbol" not in second
    assert output.rows == []


def test_a_minute_has_a_message_for_all_and_one_for_each_symbol_and_rows() -> None:
    desk = RoutingDesk(RULES)
    desk.apply(routing_batch([decision(0), decision(1, 5, symbol="GBP/USD", decision="BBOOK", lp="")]))
    output = desk.apply(routing_batch([decision(2, 70 * SECOND)]))
    minutes = [each for each in stats(output) if each["interval"] == "1m"]
    assert [each.get("symbol") for each in minutes] == [None, "EUR/USD", "GBP/USD"]
    assert [each["count"] for each in minutes] == [2, 1, 1]
    assert minutes[0]["byDecision"]["BBOOK"]["share"] == Decimal("0.5")
    assert minutes[0]["byLP"][""]["volume"] == Decimal("1.5")
    assert [entry.symbols for entry in output.entries if b'"1m"' in entry.data] == [(), ("EUR/USD",), ("GBP/USD",)]
    assert [row[:5] for row in output.rows] == [
        (START_US, "EUR/USD", "OANDA", "ABOOK", 0),
        (START_US, "GBP/USD", "", "BBOOK", 0),
    ]
    late = desk.apply(routing_batch([decision(3, 6, symbol="GBP/USD"), decision(4, 72 * SECOND)]))
    again = [each for each in stats(late) if each["interval"] == "1m"]
    assert [(each.get("symbol"), each["revision"], each["count"]) for each in again] == [
        (None, 1, 3),
        ("GBP/USD", 1, 2),
    ]
    assert [row[1:4] for row in late.rows] == [("GBP/USD", "OANDA", "ABOOK")]


def test_rows_that_went_out_share_nothing_with_what_counts_on() -> None:
    desk = RoutingDesk(RULES)
    desk.apply(routing_batch([decision(0)]))
    (row,) = desk.apply(routing_batch([decision(1, 62 * SECOND)])).rows
    desk.apply(routing_batch([decision(2, 1)]))
    assert (row.figures.count, sum(row.figures.execution.values())) == (1, 1)


def test_decisions_beyond_the_limit_of_a_second_are_sampled() -> None:
    desk = RoutingDesk(RULES._replace(passed_per_second=2))
    first = desk.apply(routing_batch([decision(offset) for offset in range(3)]))
    second = desk.apply(routing_batch([decision(3), decision(4, SECOND), decision(5, 4 * SECOND)]))
    passed = [entry.kind for entry in (*first.entries, *second.entries)].count("routing-decision")
    assert passed == 4
    assert [each["sampled"] for each in stats(second)] == [2, 0]


def test_what_no_window_takes_is_late_and_passes_all_the_same() -> None:
    desk = RoutingDesk(RULES)
    desk.apply(routing_batch([decision(0, 4000 * SECOND)]))
    output = desk.apply(routing_batch([decision(1, 0), decision(2, 3990 * SECOND)]))
    assert output.late == 1
    assert len(output.entries) == 2
    assert desk.apply(routing_batch([decision(3, 0)])).late == 1


def test_the_clock_announces_and_nothing_changes() -> None:
    desk = RoutingDesk(RULES)
    desk.apply(routing_batch([decision(0)]))
    assert desk.next_end_us() == START_US + SECOND
    output = desk.announce(START_US + 60 * SECOND)
    assert [each["interval"] for each in stats(output)] == ["1s", "1m", "1m"]
    assert len(output.rows) == 1
    assert desk.next_end_us() == START_US + 3600 * SECOND
    assert desk.announce(START_US + 60 * SECOND).entries == []
    later = desk.apply(routing_batch([decision(1, 63 * SECOND)]))
    assert stats(later) == [], "what was announced doesn't go out again unchanged"
    assert desk.announce(START_US + 2 * 3600 * SECOND).entries[0].order > output.entries[-1].order


def test_an_empty_batch_moves_the_offset_alone() -> None:
    desk = RoutingDesk(RULES)
    assert desk.apply(routing_batch([], next_offset=7)).entries == []
    assert desk.next_offset == 7
    assert desk.next_end_us() is None


def test_the_longest_execution_stays_and_each_window_has_its_own_sampled() -> None:
    desk = RoutingDesk(DeskRules(2 * SECOND, 60 * SECOND, 1))
    stamp_ms = START_US // 1000
    desk.apply(routing_batch([decision(0, execution_us=20_000), decision(1, 5, timestamp_ms=stamp_ms)]))
    later = [decision(2, 6, timestamp_ms=stamp_ms), decision(3, SECOND, timestamp_ms=stamp_ms)]
    desk.apply(routing_batch(later))
    output = desk.apply(routing_batch([decision(4, 70 * SECOND)]))
    seconds = [each for each in stats(output) if each["interval"] == "1s"]
    assert [(each["count"], each["sampled"]) for each in seconds] == [(3, 2), (1, 1)]
    assert [row.figures.execution_us_max for row in output.rows] == [20_000]
