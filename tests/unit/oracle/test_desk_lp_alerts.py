"""The oracle of providers' alerts by hand: silence on both sides of its bound, one alert for who comes and goes."""

from typing import Any

from oracle.desk_lp import OracleLpRecord, OracleLpRules
from oracle.desk_lp_alerts import recompute_lp_alerts
from tests.property.desk_states import lp_record

SECOND = 1_000_000
RULES = OracleLpRules(2 * SECOND, 60 * SECOND, 30 * SECOND, frozenset({"connected"}))


def at(offset: int, seconds: int, **changes: Any) -> OracleLpRecord:
    return lp_record(offset, seconds * SECOND, **changes)


def test_silence_is_shown_by_others_and_by_the_way_back() -> None:
    tape = [at(0, 0), at(1, 29, lp="LMAX"), at(2, 30, lp="LMAX"), at(3, 31), at(4, 62)]
    found = recompute_lp_alerts(tape, RULES)
    assert found.alerts == [
        ("lp:OANDA:silent:0-0", "open"), ("lp:OANDA:silent:0-0", "resolved"), ("lp:OANDA:silent:0-3", "open"),
        ("lp:OANDA:silent:0-3", "resolved"), ("lp:LMAX:silent:0-2", "open"),
    ]  # fmt: skip
    assert found.by_clock == {"lp:LMAX:silent:0-1": True, "lp:OANDA:silent:0-4": False}


def test_who_comes_and_goes_has_one_alert() -> None:
    down = {"status": "down"}
    tape = [at(0, 0, **down), at(1, 1), at(2, 10, **down), at(3, 39), at(4, 40), at(5, 41, **down)]
    assert recompute_lp_alerts(tape, RULES).alerts == [
        ("lp:OANDA:down:0-0", "open"), ("lp:OANDA:down:0-0", "resolved"), ("lp:OANDA:down:0-5", "open"),
    ]  # fmt: skip


def test_an_older_record_ends_no_silence() -> None:
    found = recompute_lp_alerts([at(0, 0), at(1, 40, lp="LMAX"), at(2, -5)], RULES)
    assert found.alerts == [("lp:OANDA:silent:0-0", "open")]
    assert found.by_clock == {"lp:LMAX:silent:0-1": False}
