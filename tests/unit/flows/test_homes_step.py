"""Symbols in two partitions, by hand: told once, in any order, over snapshots; none where a topic was made anew."""

import pytest

from flows.homes_step import Home, HomesStep, two_partitions_alert
from schemas.desk import DeskAlert


def alerts(step: HomesStep, *homes: Home) -> list[DeskAlert]:
    return [alert for group in step.on_batch([list(homes)])[0] for alert in group]


def test_one_home_is_none_and_a_second_is_told_once() -> None:
    step = HomesStep(None)
    assert alerts(step, Home("A", 0, 5, 0), Home("B", 1, 9, 0)) == []
    (alert,) = alerts(step, Home("A", 2, 3, 0))
    assert (alert.id, alert.time_us, alert.symbols) == ("two-partitions:A", 5, ("A",))
    assert alert.message == "A has trades in partitions 0, 2: its bars lack trades"
    assert alerts(step, Home("A", 2, 1, 0), Home("A", 0, 7, 0)) == []


def test_the_order_in_which_partitions_come_changes_nothing() -> None:
    first, second = Home("A", 3, 8, 0), Home("A", 1, 2, 0)
    assert alerts(HomesStep(None), first, second) == alerts(HomesStep(None), second, first)


def test_a_third_is_told_under_the_same_id() -> None:
    step = HomesStep(None)
    told = alerts(step, Home("A", 0, 1, 0), Home("A", 1, 2, 0), Home("A", 2, 3, 0))
    assert [alert.message.split("partitions ")[1] for alert in told] == [
        "0, 1: its bars lack trades", "0, 1, 2: its bars lack trades",
    ]  # fmt: skip
    assert {alert.id for alert in told} == {"two-partitions:A"}


def test_where_a_topic_was_made_anew_symbols_may_move() -> None:
    step = HomesStep(None)
    assert alerts(step, Home("A", 0, 1, 0), Home("A", 1, 2, 1)) == []
    assert len(alerts(step, Home("A", 2, 3, 1))) == 1


def test_what_was_told_is_known_behind_a_snapshot() -> None:
    step = HomesStep(None)
    alerts(step, Home("A/Ü", 0, 1, 0), Home("B", 1, 2, 0))
    again = HomesStep(step.snapshot())
    assert alerts(again, Home("A/Ü", 0, 9, 0)) == []
    (alert,) = alerts(again, Home("A/Ü", 4, 0, 0))
    assert alert == two_partitions_alert("A/Ü", {0: 1, 4: 0})


@pytest.mark.parametrize("ask", [HomesStep.on_eof, HomesStep.on_notify])
def test_only_records_make_alerts(ask) -> None:  # type: ignore[no-untyped-def]
    step = HomesStep(None)
    assert ask(step) == ((), False)
    assert step.notify_at() is None
