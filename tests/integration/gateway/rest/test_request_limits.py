"""No more requests pass than the tightest policy allows, whoever counts them; and what is left is said."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis

from gateway.rest.errors import ApiError
from gateway.rest.limit_counts import LimitCounts
from gateway.rest.request_limits import Allowance, RequestLimits, RequestPolicy, policy_words
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.redis_pool import open_redis

Story = Callable[[Callable[..., RequestLimits]], Awaitable[None]]


def run(redis_url: str, story: Story) -> None:
    """A story with limits that count in Redis, under names of its own."""
    word = secrets.token_hex(4)

    async def whole() -> None:
        redis = open_redis(redis_url, 5_000)

        def limits(*policies: tuple[int, int]) -> RequestLimits:
            named = [RequestPolicy(f"{word}-{n}", *policy) for n, policy in enumerate(policies)]
            counts = LimitCounts(redis, CircuitBreaker("redis"), 5_000)
            return RequestLimits(named, counts, time.time)

        await story(limits)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(whole())


def test_a_policy_counts_down_and_refuses_in_words(redis_url: str) -> None:
    async def story(limits: Callable[..., RequestLimits]) -> None:
        one = limits((3, 60))
        left = [await one.take("ana") for _ in range(3)]
        assert [each.remaining for each in left if each] == [2, 1, 0]
        with pytest.raises(ApiError, match="More than 3 requests in a minute") as refused:
            await one.take("ana")
        assert refused.value.headers["ratelimit-remaining"] == "0"
        assert 1 <= int(refused.value.headers["retry-after"]) <= 60
        assert (await one.take("bob") or left[0]).remaining == 2  # type: ignore[union-attr]

    run(redis_url, story)


def test_two_gateways_share_a_window_and_many_at_once_pass_no_more(redis_url: str) -> None:
    async def story(limits: Callable[..., RequestLimits]) -> None:
        both = [limits((50, 60)), limits((50, 60))]
        answers = await asyncio.gather(*(both[n % 2].take("ana") for n in range(120)), return_exceptions=True)
        assert sum(isinstance(each, Allowance) for each in answers) == 50
        assert all(isinstance(each, Allowance | ApiError) for each in answers)

    run(redis_url, story)


def test_most_requests_cost_no_round_trip_and_all_pass(redis_url: str) -> None:
    async def story(limits: Callable[..., RequestLimits]) -> None:
        two = [limits((100, 60)), limits((100, 60))]
        with Redis.from_url(redis_url) as observer:
            before = observer.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
            passed = 0
            for n in range(140):
                with contextlib.suppress(ApiError):
                    passed += await two[n % 2].take("ana") is not None
            trips = observer.info("commandstats")["cmdstat_evalsha"]["calls"] - before
        assert passed == 100
        assert trips < 45

    run(redis_url, story)


def test_headers_speak_of_the_tightest_and_a_refusal_costs_nothing(redis_url: str) -> None:
    async def story(limits: Callable[..., RequestLimits]) -> None:
        two = limits((5, 60), (2, 600))
        first = await two.take("ana", "10.0.0.1")
        assert first is not None
        assert dict(first.headers())[b"ratelimit-limit"] == b"2"
        assert dict(first.headers())[b"ratelimit-policy"] == b"5;w=60, 2;w=600"
        await two.take("ana", "10.0.0.1")
        for _ in range(5):
            with pytest.raises(ApiError, match="More than 2 requests in 10 minutes"):
                await two.take("ana", "10.0.0.1")
        other = await two.take("ana", "10.0.0.2")
        assert other is not None
        assert other.limit == 2

    run(redis_url, story)


def test_a_policy_of_nothing_is_no_limit(redis_url: str) -> None:
    async def story(limits: Callable[..., RequestLimits]) -> None:
        assert await limits((0, 60)).take("ana") is None
        assert policy_words([RequestPolicy("a", 0, 1), RequestPolicy("b", 5, 7)]) == b"5;w=7"

    run(redis_url, story)
