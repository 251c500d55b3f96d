"""Orders rise as text with the log: a record, what ended by it, what the clock announced behind it, the next record."""

from core.analytics.order import announced_order, by_order, ended_order, passed_order
from schemas.desk import DeskEntry


def test_orders_rise_as_text() -> None:
    first, second = (1 << 53) - 10, (1 << 53) - 9
    orders = [
        passed_order(-1),
        passed_order(0),
        passed_order(9),
        passed_order(10),
        passed_order(first),
        ended_order(first, 999_999, 2, 7),
        ended_order(first, 1_000_000, 0, 0),
        ended_order(first, 1_000_000, 0, 1),
        ended_order(first, 1_000_000, 1, 0),
        announced_order(first, 60_000_000, 0, 0),
        announced_order(first, 60_000_000, 0, 1),
        passed_order(second),
    ]
    assert orders == sorted(set(orders))
    assert len({len(order) for order in orders}) == 1


def test_messages_are_sorted_by_their_order() -> None:
    entries = [DeskEntry(passed_order(number), "alerts", "alert", b"{}", 0) for number in (2, 1)]
    assert sorted(entries, key=by_order) == entries[::-1]
