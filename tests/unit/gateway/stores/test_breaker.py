"""The circuit breaker, by a clock that the test moves."""

import pickle

import pytest

from gateway.stores.breaker import BreakerOpenError, CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def broken(clock: Clock, failures: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker("x", failures_max=3, pause_s=1, pause_s_max=3, clock=clock)
    for _ in range(failures):
        breaker.enter()
        breaker.failed(OSError("gone"))
    return breaker


def test_single_failures_do_not_open_it(clock: Clock) -> None:
    breaker = broken(clock, 2)
    breaker.enter()
    breaker.succeeded()
    for _ in range(2):
        breaker.enter()
        breaker.failed(OSError())
    assert breaker.state == "closed"


def test_open_refuses_at_once_and_says_for_how_long(clock: Clock) -> None:
    breaker = broken(clock)
    with pytest.raises(BreakerOpenError) as refused:
        breaker.enter()
    assert (refused.value.name, refused.value.retry_after_s) == ("x", 1.0)
    assert "gone" in breaker.last_error


def test_one_probe_at_a_time_and_its_success_closes(clock: Clock) -> None:
    breaker = broken(clock)
    clock.now += 1
    assert breaker.state == "half-open"
    breaker.enter()
    with pytest.raises(BreakerOpenError):
        breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.enter()


def test_failed_probes_double_the_pause_up_to_a_bound(clock: Clock) -> None:
    breaker = broken(clock)
    for pause_s in (2.0, 3.0, 3.0):
        clock.now += 3
        breaker.enter()
        breaker.failed(OSError())
        with pytest.raises(BreakerOpenError) as refused:
            breaker.enter()
        assert refused.value.retry_after_s == pause_s


def test_an_abandoned_probe_lets_the_next_one_try(clock: Clock) -> None:
    breaker = broken(clock)
    clock.now += 1
    breaker.enter()
    breaker.abandoned()
    breaker.enter()


def test_a_refusal_keeps_its_pause_between_processes() -> None:
    refusal = pickle.loads(pickle.dumps(BreakerOpenError("redis", 1.5)))
    assert (str(refusal), refusal.retry_after_s) == ("redis is failing and left alone for 1.5 s", 1.5)
