"""Results in ClickHouse: what was written is read, chunk by chunk, of one run alone, until it is forgotten."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from gateway.reports import results as results_module
from gateway.reports.parts import ReportParts
from gateway.stores.clickhouse import HistoryDefectError
from tests.integration.gateway.reports.report_parts import with_parts
from tests.integration.gateway.rest_server import Market


class Row(msgspec.Struct):
    at: int
    text: str = "é" * 40


async def written(parts: ReportParts, report: str, run: int, sizes: list[int]) -> int:
    writer = parts.results.writer(report, run)
    at = 0
    for size in sizes:
        await writer.put([Row(number) for number in range(at, at + size)])
        at += size
    await writer.end()
    assert (writer.rows, writer.size > 90 * at) == (at, at > 0)
    return writer.chunks


async def read(parts: ReportParts, report: str, run: int, chunks: int) -> list[Any]:
    texts = [await parts.results.chunk(report, run, number) for number in range(chunks)]
    return [each for text in texts for each in json.loads(f"[{text}]")]


def test_what_was_written_is_read_whatever_its_size(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "CHUNK_BYTES", 5_000)
    monkeypatch.setattr(results_module, "INSERT_BYTES", 20_000)

    async def work(parts: ReportParts) -> None:
        for sizes in ([], [1], [3, 0, 2], [1_000], [499, 502, 1, 700]):
            report = uuid4().hex
            chunks = await written(parts, report, 1, sizes)
            assert (chunks > 1) == (sum(sizes) > 500)
            assert [each["at"] for each in await read(parts, report, 1, chunks)] == list(range(sum(sizes)))

    with_parts(market, work)


def test_runs_do_not_mix_and_writing_again_changes_nothing(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        report = uuid4().hex
        await written(parts, report, 1, [5])
        for _ in range(2):
            chunks = await written(parts, report, 2, [3])
        assert len(await read(parts, report, 2, chunks)) == 3
        assert len(await read(parts, report, 1, 1)) == 5
        await parts.results.forget(report, 1)
        with pytest.raises(HistoryDefectError, match="chunk 0 of report"):
            await parts.results.chunk(report, 1, 0)
        assert len(await read(parts, report, 2, chunks)) == 3
        await parts.results.forget(report)
        with pytest.raises(HistoryDefectError, match="is gone"):
            await parts.results.chunk(report, 2, 0)

    with_parts(market, work)


def test_what_expires_goes_by_itself(market: Market) -> None:
    async def work(parts: ReportParts) -> str:
        writer = parts.results.writer("old", 1)
        writer._expires_s = 1_000_000_000
        await writer.put([Row(1)])
        await writer.end()
        return ""

    with_parts(market, work)
    market.clickhouse.execute(f"OPTIMIZE TABLE {market.database}.report_chunks FINAL")
    found = market.clickhouse.execute(f"SELECT count() FROM {market.database}.report_chunks WHERE report = 'old'")
    assert found == [(0,)]


def test_a_server_that_is_out_is_no_reason_to_fail_where_results_are_forgotten(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        async with asyncio.timeout(20):
            await parts.results.forget("x")

    with_parts(market, work, clickhouse_dsn="clickhouse://default@127.0.0.1:1")


def test_a_write_that_is_cancelled_has_ended_when_it_says_so(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        report = uuid4().hex
        writer = parts.results.writer(report, 1)
        await writer.put([Row(number) for number in range(1_000)])
        ending = asyncio.create_task(writer.end())
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        await parts.results.forget(report, 1)
        left = f"SELECT count() FROM {market.database}.report_chunks WHERE report = %(report)s"
        assert market.clickhouse.execute(left, {"report": report}) == [(0,)]

    with_parts(market, work)
