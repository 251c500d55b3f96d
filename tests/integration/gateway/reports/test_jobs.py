"""Jobs in Redis: one process at a time, limits that hold at once, leases that end, runs that are over."""

import asyncio

import pytest

from gateway.reports import jobs as jobs_module
from gateway.reports.jobs import JOB, QUEUE, TRIES_MAX, USER, Claim, TooMany
from gateway.reports.parts import ReportParts
from tests.integration.gateway.reports.report_parts import with_parts
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of


@pytest.fixture(autouse=True)
def nothing_waits(market: Market) -> None:
    market.redis.delete(QUEUE)


def test_a_job_goes_from_queue_to_result(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        jobs = parts.jobs
        made = await jobs.add("walk", ask_of(symbols=("A",), low_us=5_000, high_us=9_999))
        assert (made.answer.state, made.answer.symbols, made.answer.start_time) == ("queued", ["A"], 5)
        assert made.answer.expires_at == made.answer.created_at + 86_400_000
        claim = await jobs.claim()
        assert claim is not None
        assert (claim.id, claim.run, claim.ask) == (made.answer.id, 1, made.ask)
        assert await jobs.claim() is None
        assert await jobs.beat(claim, done=0.123456, rows=7, size=70)
        held = await jobs.get("walk", claim.id)
        assert held is not None
        assert (held.answer.state, held.answer.progress, held.answer.rows) == ("running", 0.1235, 7)
        assert await jobs.finish(claim, rows=9, size=90, chunks=2)
        held = await jobs.get("walk", claim.id)
        assert held is not None
        assert (held.answer.state, held.answer.progress, held.run, held.chunks) == ("done", 1, 1, 2)
        assert held.answer.finished_at is not None
        assert not await jobs.beat(claim, done=0, rows=0, size=0), "it is over"
        assert market.redis.zcard(QUEUE) == 0
        assert 86_000_000 < market.redis.pttl(JOB + claim.id) <= 86_400_000

    with_parts(market, work)


def test_a_lease_that_ends_gives_the_job_to_another_and_the_first_says_nothing_more(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "LEASE_MS", 0)

    async def work(parts: ReportParts) -> None:
        await parts.jobs.add("lease", ask_of())
        first = await parts.jobs.claim()
        second = await parts.jobs.claim()
        assert first is not None
        assert second is not None
        assert (second.id, second.run) == (first.id, 2)
        assert not await parts.jobs.finish(first, rows=1, size=1, chunks=1)
        assert not await parts.jobs.fail(first, "no")
        assert not await parts.jobs.release(first, after_ms=0, as_if_not_tried=False)
        assert await parts.jobs.fail(second, "too much: take less")
        held = await parts.jobs.get("lease", second.id)
        assert held is not None
        assert (held.answer.state, held.answer.error) == ("failed", "too much: take less")

    with_parts(market, work)


def test_a_job_that_ends_every_process_is_given_up(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LEASE_MS", 0)

    async def work(parts: ReportParts) -> None:
        made = await parts.jobs.add("poison", ask_of())
        runs = [claim.run for _ in range(TRIES_MAX + 2) if (claim := await parts.jobs.claim()) is not None]
        assert runs == list(range(1, TRIES_MAX + 1))
        held = await parts.jobs.get("poison", made.answer.id)
        assert held is not None
        assert (held.answer.state, f"{TRIES_MAX} times" in str(held.answer.error)) == ("failed", True)

    with_parts(market, work)


def test_a_job_that_is_given_back_in_order_was_not_tried(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        await parts.jobs.add("back", ask_of())
        for run in range(1, 2 * TRIES_MAX):
            claim = await parts.jobs.claim()
            assert claim is not None
            assert claim.run == run
            assert await parts.jobs.release(claim, after_ms=0, as_if_not_tried=True)
        claim = await parts.jobs.claim()
        assert claim is not None
        assert await parts.jobs.release(claim, after_ms=60_000, as_if_not_tried=False)
        assert await parts.jobs.claim() is None, "not yet"

    with_parts(market, work)


def test_limits_hold_however_many_ask_at_once(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        asked = await asyncio.gather(*(parts.jobs.add("many", ask_of()) for _ in range(20)), return_exceptions=True)
        refused = [each for each in asked if isinstance(each, TooMany)]
        assert len(refused) == 18
        assert str(refused[0]).startswith("2 of your reports are under way")
        assert refused[0].retry_after_s > 0
        await parts.jobs.add("another user", ask_of())
        for _ in range(3):
            claim = await parts.jobs.claim()
            assert claim is not None
            await parts.jobs.finish(claim, rows=0, size=0, chunks=0)
        await parts.jobs.add("many", ask_of())
        with pytest.raises(TooMany, match="3 of your reports are kept") as caught:
            await parts.jobs.add("many", ask_of())
        assert 86_000 < caught.value.retry_after_s <= 86_401
        newest = await parts.jobs.all("many")
        assert [job.answer.state for job in newest] == ["queued", "done", "done"]
        assert await parts.jobs.drop("many", newest[-1].answer.id)
        await parts.jobs.add("many", ask_of())

    with_parts(market, work, gateway_reports_kept=3)


def test_what_expired_is_forgotten_by_limits_and_queue(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        made = [await parts.jobs.add("old", ask_of()) for _ in range(2)]
        for job in made:
            market.redis.pexpire(JOB + job.answer.id, 0)
        assert await parts.jobs.all("old") == []
        assert await parts.jobs.claim() is None
        assert market.redis.zcard(QUEUE) == 0
        await parts.jobs.add("old", ask_of())
        assert market.redis.zcard(USER + "old") == 1

    with_parts(market, work)


def test_only_its_user_sees_or_drops_a_job_and_a_dropped_one_is_nobodys(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        made = await parts.jobs.add("owner", ask_of())
        report = made.answer.id
        claim = await parts.jobs.claim()
        assert claim == Claim(report, 1, made.ask)
        assert await parts.jobs.get("thief", report) is None
        assert not await parts.jobs.drop("thief", report)
        assert await parts.jobs.drop("owner", report)
        assert await parts.jobs.get("owner", report) is None
        assert not await parts.jobs.beat(claim, done=0.5, rows=1, size=1)
        assert not await parts.jobs.finish(claim, rows=1, size=1, chunks=1)
        assert not market.redis.exists(JOB + report)

    with_parts(market, work)
