"""Budgets of a client: time is passed in, bursts are bounded."""

from core.fanout.client import Client, HubLimits, TokenBucket
from tests.unit.core.fanout.words import PRICES


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(10, 3, 0)
    assert [bucket.take(1, 0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1, 100)
    assert not bucket.take(1, 100)
    assert bucket.take(3, 10_000), "full again, and not fuller"
    assert not bucket.take(1, 10_000)


def test_the_outbound_budget_comes_back_with_time() -> None:
    limits = HubLimits(out_per_s=1000)
    client = Client("c", PRICES, 0, limits)
    client.budget = -500
    assert not client.refill(400, limits)
    assert client.refill(500, limits)
    assert client.refill(10_000, limits)
    assert client.budget == 1000
