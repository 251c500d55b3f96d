"""Providers: what passes, windows and uptime, falling silent by the log and by the clock, and alerts that end."""

import json
from decimal import Decimal
from typing import Any

import pytest

from core.analytics.lp import LpDesk, up_and_changes
from core.analytics.output import DeskOutput
from core.analytics.rules import DeskRules
from tests.property.desk_states import START_US, lp_batch, lp_record

SECOND = 1_000_000
RULES = DeskRules(2 * SECOND, 60 * SECOND, 1)
UP = frozenset({"up"})


def alerts(output: DeskOutput[Any]) -> list[tuple[str, str]]:
    return [(alert.id, alert.state) for alert in output.alerts]


@pytest.mark.parametrize(
    ("points", "up_us", "changes"),
    [
        ([], 0, 0),
        ([(10, 0, "up")], 10, 2),
        ([(95, 0, "up")], 5, 1),
        ([(10, 0, "up"), (15, 1, "up")], 15, 2),
        ([(10, 0, "up"), (15, 1, "down"), (18, 2, "up")], 15, 4),
        ([(10, 0, "down"), (10, 1, "up")], 10, 2),
        ([(-5, 0, "up")], 5, 1),
        ([(-5, 0, "up"), (0, 1, "down")], 0, 2),
        ([(-10, 0, "up"), (50, 1, "up")], 10, 2),
        ([(90, 0, "up")], 10, 1),
        ([(100, 0, "up")], 0, 0),
    ],
)
def test_uptime_by_hand(points: list[tuple[int, int, str]], up_us: int, changes: int) -> None:
    """Of [0, 100), with a status that holds for 10; falling silent is a change too."""
    assert up_and_changes(points, 0, 100, 10, UP) == (up_us, changes)


def test_a_record_passes_and_a_new_status_always() -> None:
    desk = LpDesk(RULES)
    output = desk.apply(
        lp_batch([lp_record(0), lp_record(1, 1), lp_record(2, 2, status="degraded"), lp_record(3, SECOND)])
    )
    statuses = [json.loads(entry.data)["status"] for entry in output.entries]
    assert statuses == ["connected", "degraded", "connected"]
    assert {entry.kind for entry in output.entries} == {"lp-metrics"}


def test_a_window_goes_out_when_it_ended() -> None:
    desk = LpDesk(RULES)
    desk.apply(lp_batch([lp_record(0, 10 * SECOND), lp_record(1, 30 * SECOND, status="disconnected")]))
    output = desk.apply(lp_batch([lp_record(2, 63 * SECOND)]))
    (stats,) = [json.loads(entry.data, parse_float=Decimal) for entry in output.entries if entry.kind == "lp-stats"]
    assert (stats["interval"], stats["sequence"], stats["revision"]) == ("1m", 1, 0)
    found = stats["byLP"]["OANDA"]
    assert (found["samples"], found["status"], found["statusChanges"]) == (2, "disconnected", 2)
    assert found["uptime"] == Decimal("33.333333")
    (row,) = output.rows
    assert (row.start_us, row.lp, row.figures.up_us) == (START_US, "OANDA", 20 * SECOND)
    late = desk.apply(lp_batch([lp_record(3, 40 * SECOND), lp_record(4, 65 * SECOND)]))
    assert [(each.figures.samples, each.figures.up_us) for each in late.rows] == [(3, 40 * SECOND)]


def test_what_no_window_takes_is_late_and_old_points_are_forgotten() -> None:
    desk = LpDesk(RULES)
    desk.apply(lp_batch([lp_record(0)]))
    output = desk.apply(lp_batch([lp_record(1, 9000 * SECOND), lp_record(2, 1), lp_record(3, 9001 * SECOND)]))
    assert output.late == 1
    assert [at for at, _, _ in desk.points["OANDA"]] == [START_US + 9000 * SECOND, START_US + 9001 * SECOND]


def test_silence_is_found_by_the_log_once() -> None:
    desk = LpDesk(RULES)
    desk.apply(lp_batch([lp_record(0)]))
    output = desk.apply(lp_batch([lp_record(1, 29 * SECOND, lp="LMAX"), lp_record(2, 31 * SECOND, lp="LMAX")]))
    assert alerts(output) == [("lp:OANDA:silent:0-0", "open")]
    assert output.alerts[0].time_us == START_US + 30 * SECOND
    assert alerts(desk.apply(lp_batch([lp_record(3, 33 * SECOND, lp="LMAX"), lp_record(4, -1)]))) == []
    assert alerts(desk.apply(lp_batch([lp_record(5, 35 * SECOND)]))) == [("lp:OANDA:silent:0-0", "resolved")]
    alone = desk.apply(lp_batch([lp_record(6, 99 * SECOND)]))
    assert alerts(alone)[:2] == [("lp:OANDA:silent:0-5", "open"), ("lp:OANDA:silent:0-5", "resolved")]


def test_silence_is_found_by_the_clock_with_the_same_id() -> None:
    desk = LpDesk(RULES)
    assert desk.next_end_us() is None
    desk.apply(lp_batch([lp_record(0)]))
    assert desk.next_end_us() == START_US + 30 * SECOND
    assert alerts(desk.announce(START_US + 30 * SECOND - 1)) == []
    output = desk.announce(START_US + 30 * SECOND)
    assert alerts(output) == [("lp:OANDA:silent:0-0", "open")]
    assert output.alerts[0].basis == "clock"
    assert alerts(desk.announce(START_US + 31 * SECOND)) == []
    assert desk.next_end_us() == START_US + 60 * SECOND
    assert [entry.kind for entry in desk.announce(START_US + 60 * SECOND).entries] == ["lp-stats"]
    assert alerts(desk.apply(lp_batch([lp_record(1, 1)]))) == [("lp:OANDA:silent:0-0", "resolved")]


def test_a_provider_that_comes_and_goes_has_one_alert() -> None:
    desk = LpDesk(RULES)
    tape = [
        lp_record(index, index * SECOND, status="disconnected" if index % 2 else "connected") for index in range(40)
    ]
    output = desk.apply(lp_batch(tape))
    assert alerts(output) == [("lp:OANDA:disconnected:0-1", "open")]
    stays = [lp_record(40 + index, (40 + index) * SECOND) for index in range(30)]
    assert alerts(desk.apply(lp_batch(stays))) == [("lp:OANDA:disconnected:0-1", "resolved")]


def test_a_provider_that_comes_back_at_the_bound_was_silent() -> None:
    output = LpDesk(RULES).apply(lp_batch([lp_record(0), lp_record(1, 30 * SECOND)]))
    assert alerts(output) == [("lp:OANDA:silent:0-0", "open"), ("lp:OANDA:silent:0-0", "resolved")]


def test_an_older_record_makes_nobody_silent() -> None:
    tape = [lp_record(0, 20 * SECOND), lp_record(1, 5 * SECOND), lp_record(2, 40 * SECOND, lp="LMAX")]
    assert alerts(LpDesk(RULES).apply(lp_batch(tape))) == []


def test_a_reject_rate_weighs_as_much_as_its_quotes() -> None:
    desk = LpDesk(RULES)
    rates = [lp_record(0, quotes=Decimal(10), reject_rate=Decimal("0.5")), lp_record(1, 1, reject_rate=Decimal(0))]
    desk.apply(lp_batch(rates))
    (row,) = desk.apply(lp_batch([lp_record(2, 63 * SECOND)])).rows
    assert row.figures.rejects_sum == 5 * 10**20
