"""A desk's exposure: levels with their own ends, what goes out when, minutes, alerts and the clock."""

import json
from decimal import Decimal
from typing import Any

import pytest

from core.analytics.exposure import ExposureDesk, next_level
from core.analytics.output import DeskOutput
from core.analytics.rules import DeskRules
from tests.property.desk_states import START_US, exposure_batch, exposure_state

SECOND = 1_000_000
RULES = DeskRules(2 * SECOND, 60 * SECOND, 500, exposures_passed_per_second=1)


def messages(output: DeskOutput[Any], kind: str) -> list[dict[str, Any]]:
    return [json.loads(entry.data, parse_float=Decimal) for entry in output.entries if entry.kind == kind]


@pytest.mark.parametrize(
    ("level", "gross", "limit", "wanted"),
    [
        ("normal", 749, 1000, "normal"),
        ("normal", 750, 1000, "warning"),
        ("unknown", 720, 1000, "normal"),
        ("warning", 720, 1000, "warning"),
        ("warning", 719, 1000, "normal"),
        ("normal", 900, 1000, "critical"),
        ("critical", 870, 1000, "critical"),
        ("critical", 869, 1000, "warning"),
        ("critical", 719, 1000, "normal"),
        ("critical", 900, 0, "unknown"),
        ("critical", 900, None, "unknown"),
        ("critical", 900, -5, "unknown"),
    ],
)
def test_levels_at_their_bounds(level: str, gross: int, limit: int | None, wanted: str) -> None:
    assert next_level(level, gross, limit, RULES) == wanted


def test_totals_go_out_with_the_first_record_of_a_second_and_with_each_new_level() -> None:
    desk = ExposureDesk(RULES)
    output = desk.apply(
        exposure_batch(
            [
                exposure_state(0, exposure=Decimal(100)),
                exposure_state(1, 1, exposure=Decimal(200)),
                exposure_state(2, 2, exposure=Decimal(-800)),
                exposure_state(3, 3, symbol="B", lp="", book="", exposure=Decimal(150), limit=None),
                exposure_state(4, 4, exposure=Decimal(10)),
            ]
        )
    )
    changes = messages(output, "exposure-change")
    assert [(each["riskLevel"], each["netExposure"]) for each in changes] == [
        ("normal", 100),
        ("warning", -800),
        ("critical", -650),
        ("normal", 160),
    ]
    assert changes[2] == {
        "totalExposure": 950, "netExposure": -650, "exposureLimit": 1000, "utilizationPct": 95,
        "riskLevel": "critical", "bySymbol": {"B": 150, "EUR/USD": -800}, "byLP": {"OANDA": -800},
        "byBook": {"A": -800},
    }  # fmt: skip
    assert [(alert.id, alert.state) for alert in output.alerts] == [
        ("exposure:total:warning:0-2", "open"),
        ("exposure:total:warning:0-2", "resolved"),
        ("exposure:total:critical:0-3", "open"),
        ("exposure:total:critical:0-3", "resolved"),
    ]


def test_a_minute_is_told_when_time_passes_it() -> None:
    desk = ExposureDesk(RULES)
    desk.apply(exposure_batch([exposure_state(0, 10 * SECOND, exposure=Decimal(800))]))
    output = desk.apply(
        exposure_batch([exposure_state(1, 70 * SECOND, exposure=Decimal(0)), exposure_state(2, 60 * SECOND)])
    )
    (minute,) = messages(output, "exposure-stats")
    assert minute["startTime"] == START_US // 1000
    assert (minute["warningSeconds"], minute["criticalSeconds"], minute["sequence"]) == (50, 0, 0)
    assert (minute["peakUtilizationPct"], minute["netExposure"]) == (80, 800)
    assert [(row.scope, row.name, row.gross, row.version) for row in output.rows] == [
        ("book", "A", 800 * 10**10, 0),
        ("lp", "OANDA", 800 * 10**10, 0),
        ("symbol", "EUR/USD", 800 * 10**10, 0),
        ("total", "", 800 * 10**10, 0),
    ]
    assert [entry.order for entry in output.entries] == sorted(entry.order for entry in output.entries)
    assert desk.now_us == START_US + 70 * SECOND, "time never goes back"


def test_the_clock_tells_what_was_held_back_and_minutes_that_ended() -> None:
    desk = ExposureDesk(RULES._replace(exposure_limit=10**13))
    assert desk.next_end_us() is None
    desk.apply(exposure_batch([exposure_state(0, limit=None), exposure_state(1, 5, limit=None)]))
    assert desk.next_end_us() == 0
    output = desk.announce(START_US)
    assert [entry.kind for entry in output.entries] == ["exposure-change"]
    assert desk.next_end_us() == START_US + 60 * SECOND
    assert desk.announce(START_US + 60 * SECOND - 1).entries == []
    output = desk.announce(START_US + 60 * SECOND)
    assert [entry.kind for entry in output.entries] == ["exposure-stats"]
    assert len(output.rows) == 4
    assert desk.next_end_us() is None
    later = desk.apply(exposure_batch([exposure_state(2, 61 * SECOND, limit=None)]))
    assert messages(later, "exposure-stats") == [], "what was announced doesn't go out again unchanged"


def test_a_level_is_held_over_all_records_of_its_minute() -> None:
    desk = ExposureDesk(RULES)
    states = [exposure_state(index, index * 10 * SECOND, exposure=Decimal(800 + index)) for index in range(3)]
    desk.apply(exposure_batch(states))
    output = desk.apply(exposure_batch([exposure_state(3, 60 * SECOND)]))
    assert {(row.warning_us, row.critical_us) for row in output.rows} == {(60 * SECOND, 0)}
