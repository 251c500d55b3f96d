"""The runner: what a user can mend fails with a sentence, what passes is tried again, what is cancelled ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway.reports import runner as runner_module
from gateway.reports.kind import Part
from gateway.reports.kinds.bars import BARS
from gateway.reports.parts import ReportParts
from gateway.reports.source import Source
from gateway.reports.words import Ask, ReportAnswer
from gateway.stores.clickhouse import HistoryTooSlowError, HistoryUnavailableError
from tests.integration.gateway.reports.report_parts import until, with_parts
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of

began: list[str] = []
left: list[str] = []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    began.clear()
    left.clear()
    monkeypatch.setattr(runner_module, "BEAT_S", 0.05)
    monkeypatch.setattr(runner_module, "LATER_MS", 50)
    monkeypatch.setattr(runner_module, "LOOK_S", 0.05)


def reading(monkeypatch: pytest.MonkeyPatch, *errors: Exception, hangs: bool = False) -> None:
    """Kind ``bars`` raises ``errors``, one a try, then gives nothing; or ``hangs`` until it is cancelled."""
    waiting = list(errors)

    async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
        began.append(ask.kind)
        yield Part([], 0.5)
        if waiting:
            raise waiting.pop(0)
        try:
            if hangs:
                await asyncio.Event().wait()
        finally:
            left.append(ask.kind)

    monkeypatch.setitem(runner_module.KINDS, "bars", replace(BARS, read=read))


async def state(parts: ReportParts, user: str, *states: str) -> ReportAnswer:
    """The user's newest report, once it has one of the states and, if it is worked on, its work has begun."""

    async def holds() -> ReportAnswer | None:
        jobs = await parts.jobs.all(user)
        reached = jobs and jobs[0].answer.state in states and (began or "failed" in states)
        return jobs[0].answer if reached else None

    return cast(ReportAnswer, await until(holds))


def ended(market: Market, user: str, **changed: Any) -> ReportAnswer:
    """What becomes of one report."""

    async def work(parts: ReportParts) -> ReportAnswer:
        await parts.jobs.add(user, ask_of())
        parts.open()
        return await state(parts, user, "done", "failed")

    return with_parts(market, work, **changed)


def test_too_much_for_one_report_is_said_in_a_sentence(market: Market) -> None:
    market.add_bars("RUN/MUCH", [60_000, 120_000], [1, 2])
    answer = ended(market, "much", gateway_report_rows_max=1)
    assert (answer.state, answer.error is not None and "more than the 1 of one report" in answer.error) == (
        "failed",
        True,
    )


def test_too_slow_for_clickhouse_is_said_in_a_sentence(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, HistoryTooSlowError("Memory limit exceeded"))
    answer = ended(market, "slow")
    assert (answer.state, "take a shorter range" in str(answer.error)) == ("failed", True)


def test_a_report_has_its_time(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, hangs=True)
    answer = ended(market, "hangs", gateway_report_s_max=1)
    assert (answer.state, left) == ("failed", ["bars"])
    assert "more than 1 s" in str(answer.error)


def test_what_passes_is_tried_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, HistoryUnavailableError("away"), HistoryUnavailableError("still"))
    with capture_logs() as lines:
        answer = ended(market, "again")
    assert (answer.state, len(began)) == ("done", 3)
    assert [line["error"] for line in lines if line["event"] == "report_delayed"] == ["away", "still"]


def test_a_defect_of_ours_is_in_the_log_and_nothing_of_it_in_the_answer(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(monkeypatch, ZeroDivisionError("secret"))
    with capture_logs() as lines:
        answer = ended(market, "defect")
    assert (answer.state, "secret" in str(answer.error)) == ("failed", False)
    (line,) = [line for line in lines if line["event"] == "report_failed"]
    assert line["report"] == answer.id
    assert "secret" in line["traceback"]


def test_a_cancelled_report_ends_its_work(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, hangs=True)

    async def work(parts: ReportParts) -> None:
        made = await parts.jobs.add("cancel", ask_of())
        parts.open()
        await state(parts, "cancel", "running")
        assert parts.runner.under_way == 1
        assert await parts.jobs.drop("cancel", made.answer.id)
        parts.runner.forget(made.answer.id)

        async def has_ended() -> bool:
            return bool(left) and not parts.runner.under_way

        await until(has_ended)

    with_parts(market, work)


def test_a_report_that_is_cancelled_as_it_ends_leaves_no_rows(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "BEAT_S", 60)  # so that its end learns of it first
    made: list[str] = []

    async def work(parts: ReportParts) -> None:
        async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
            began.append(ask.kind)
            yield Part([ask], 1)
            assert await parts.jobs.drop("ends", made[0])
            await parts.results.forget(made[0])

        monkeypatch.setitem(runner_module.KINDS, "bars", replace(BARS, read=read))
        made.append((await parts.jobs.add("ends", ask_of())).answer.id)
        parts.open()

        async def has_ended() -> bool:
            return bool(began) and not parts.runner.under_way

        await until(has_ended)

    with_parts(market, work)
    left_rows = f"SELECT count() FROM {market.database}.report_chunks WHERE report = %(id)s"
    assert market.clickhouse.execute(left_rows, {"id": made[0]}) == [(0,)]


def test_a_process_that_stops_in_order_gives_its_reports_back_at_once(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(monkeypatch, hangs=True)

    async def first(parts: ReportParts) -> None:
        await parts.jobs.add("stops", ask_of())
        parts.open()
        await state(parts, "stops", "running")
        await parts.close()
        (job,) = await parts.jobs.all("stops")
        assert (job.answer.state, job.answer.progress) == ("queued", 0)

    async def second(parts: ReportParts) -> ReportAnswer:
        parts.open()
        return await state(parts, "stops", "done")

    with_parts(market, first)
    reading(monkeypatch)
    assert with_parts(market, second).state == "done"


def test_so_many_at_once_and_a_wake_is_heard(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, hangs=True)
    monkeypatch.setattr(runner_module, "LOOK_S", 60)

    async def work(parts: ReportParts) -> None:
        parts.open()
        await asyncio.sleep(0.1)
        for user in ("w1", "w2", "w3"):
            await parts.jobs.add(user, ask_of())
        parts.runner.wake()

        async def two_begun() -> bool:
            return len(began) == 2

        await until(two_begun)
        jobs = [(user, (await parts.jobs.all(user))[0].answer) for user in ("w1", "w2", "w3")]
        assert sorted(job.state for _, job in jobs) == ["queued", "running", "running"]
        for user, job in jobs:
            assert await parts.jobs.drop(user, job.id)

    with_parts(market, work)
