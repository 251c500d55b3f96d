"""Alerts are compared id by id: one that is lost, doubled, unknown or in another state is a difference."""

from collections.abc import Iterable

from jobs.desk.alerts import ExpectedAlerts, compare_kept, compare_sent
from oracle.desk_exposure import OracleExposure
from oracle.desk_lp_alerts import OracleLpAlerts


def expected() -> ExpectedAlerts:
    found = ExpectedAlerts()
    found.add(OracleExposure(alerts=[("e", "open"), ("e", "resolved")]))
    found.add(OracleLpAlerts([("l", "open")], {"back": True, "gone": False}))
    return found


def names(found: Iterable[object]) -> list[str]:
    return sorted(str(each) for each in found)


def test_what_is_kept() -> None:
    assert compare_kept(expected(), {"e": "resolved", "l": "open"}).differences == []
    assert compare_kept(expected(), {"e": "resolved", "l": "acknowledged", "back": "resolved"}).differences == []
    found = compare_kept(expected(), {"e": "open", "gone": "resolved", "x": "open", "back": "resolved"})
    assert found.compared == 5
    assert names(found.differences) == [
        "alerts e state: open, not resolved", "alerts gone state: resolved, not open",
        "alerts l state: none, not open", "alerts x state: open, not none",
    ]  # fmt: skip


def test_what_was_sent() -> None:
    whole = [("e", "open"), ("e", "resolved"), ("l", "open")]
    assert (
        compare_sent(
            expected(), [*whole, ("back", "open"), ("back", "resolved"), ("gone", "open"), ("l", "acknowledged")]
        ).differences
        == []
    )
    assert compare_sent(expected(), whole[2:], is_whole=False).differences == []
    found = compare_sent(expected(), [*whole[1:], ("l", "open"), ("x", "open"), ("gone", "resolved")])
    assert names(found.differences) == [
        "event stream e open: none, not once", "event stream gone resolved: 1, not once or not at all",
        "event stream l open: 2, not once or not at all", "event stream x open: 1, not once or not at all",
    ]  # fmt: skip
