"""The oracle of exposure by hand: levels, alerts, minutes, for how long a level was held."""

from decimal import Decimal

from oracle.desk_exposure import OracleExposureRules, recompute_exposure
from tests.property.desk_states import START_US, exposure_state

SECOND = 1_000_000


def test_levels_and_minutes_by_hand() -> None:
    amounts = (100, 750, 720, 719, 950, 870)
    tape = [
        exposure_state(index, index * 20 * SECOND, exposure=Decimal(amount), book="")
        for index, amount in enumerate(amounts)
    ]
    truth = recompute_exposure(tape, OracleExposureRules())
    assert truth.levels == ["normal", "warning", "warning", "normal", "critical", "critical"]
    assert truth.alerts == [
        ("exposure:total:warning:0-1", "open"),
        ("exposure:total:warning:0-1", "resolved"),
        ("exposure:total:critical:0-4", "open"),
    ]
    first, second = truth.minutes[START_US], truth.minutes[START_US + 60 * SECOND]
    assert first.held_us == {"unknown": 0, "normal": 20 * SECOND, "warning": 40 * SECOND}
    assert second.held_us == {"warning": 0, "normal": 20 * SECOND, "critical": 40 * SECOND}
    assert (first.peaks["total", ""], second.peaks["total", ""]) == (750, 950)
    assert ("book", "") not in first.totals


def test_without_a_limit_the_level_is_unknown() -> None:
    truth = recompute_exposure([exposure_state(limit=None)], OracleExposureRules())
    assert truth.levels == ["unknown"]
