"""The queue between a flow and a server: order, bounds, and that no failure is lost."""

import threading

import pytest

from sinks.handover import Handover


def test_items_arrive_in_order_and_drain_waits_for_them() -> None:
    seen: list[int] = []
    handover: Handover[int] = Handover(seen.extend, name="test", depth=3)
    for number in range(50):
        handover.put(number)
    handover.drain()
    assert seen == list(range(50))
    assert handover.idle
    handover.close()


def test_a_full_queue_blocks_put() -> None:
    gate, started = threading.Event(), threading.Event()

    def work(_: list[int]) -> None:
        started.set()
        gate.wait(10)

    handover: Handover[int] = Handover(work, name="test", depth=1)
    handover.put(1)
    assert started.wait(10)
    handover.put(2)
    blocked = threading.Thread(target=handover.put, args=(3,))
    blocked.start()
    blocked.join(0.1)
    assert blocked.is_alive()
    gate.set()
    blocked.join(10)
    assert not blocked.is_alive()
    handover.close()


def test_drain_waits_for_what_is_being_worked_on() -> None:
    gate, started = threading.Event(), threading.Event()

    def work(_: list[int]) -> None:
        started.set()
        gate.wait(10)

    handover: Handover[int] = Handover(work, name="test", depth=1)
    handover.put(1)
    assert started.wait(10)
    draining = threading.Thread(target=handover.drain)
    draining.start()
    draining.join(0.1)
    assert draining.is_alive()
    gate.set()
    draining.join(10)
    assert not draining.is_alive()
    handover.close()


def test_a_failure_is_raised_and_nothing_later_is_worked_on() -> None:
    seen: list[list[int]] = []

    def work(items: list[int]) -> None:
        seen.append(items)
        raise ValueError("refused")

    handover: Handover[int] = Handover(work, name="test", depth=5)
    handover.put(1)
    with pytest.raises(ValueError, match="refused"):
        handover.drain()
    with pytest.raises(ValueError, match="refused"):
        handover.put(2)
    assert seen == [[1]]


def test_a_thread_with_nothing_to_do_looks_around_and_works_on() -> None:
    seen: list[int] = []
    looks = threading.Semaphore(0)
    handover: Handover[int] = Handover(seen.extend, name="test", depth=3, look=looks.release, look_s=0.001)
    for number in range(3):
        handover.put(number)
        assert looks.acquire(timeout=10)
        assert looks.acquire(timeout=10), "and again"
        handover.drain()
        assert seen[-1] == number
    handover.close()


def test_a_look_holds_up_no_drain() -> None:
    gate, started = threading.Event(), threading.Event()

    def look() -> None:
        started.set()
        gate.wait(10)

    handover: Handover[int] = Handover(lambda _: None, name="test", depth=3, look=look, look_s=0.001)
    handover.put(1)
    assert started.wait(10)
    handover.drain()
    gate.set()
    handover.close()


def test_an_unused_handover_drains_and_closes() -> None:
    handover: Handover[int] = Handover(lambda _: None, name="test", depth=1)
    handover.drain()
    handover.close()
