"""What one process has for reports works when it is opened, and lets go of all when it is closed."""

from gateway.reports.jobs import Job
from gateway.reports.parts import ReportParts
from tests.integration.gateway.reports.report_parts import until, with_parts
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of


def test_jobs_are_worked_on_once_it_is_open(market: Market) -> None:
    async def work(parts: ReportParts) -> None:
        made = await parts.jobs.add("opened", ask_of(symbols=("NOTHING",)))
        parts.open()

        async def done() -> Job | None:
            job = await parts.jobs.get("opened", made.answer.id)
            return job if job is not None and job.answer.state == "done" else None

        job = await until(done)
        assert (job.answer.rows, job.chunks) == (0, 0)

    with_parts(market, work)


def test_a_query_is_bounded_in_memory(market: Market) -> None:
    async def work(parts: ReportParts) -> list[object]:
        names = "('max_memory_usage', 'max_bytes_before_external_sort', 'max_threads')"
        sql = f"SELECT name, value FROM system.settings WHERE name IN {names} ORDER BY name"
        return await parts.source.select(sql, ask_of())

    assert with_parts(market, work, gateway_report_memory_mb=64) == [
        ("max_bytes_before_external_sort", str(32 << 20)),
        ("max_memory_usage", str(64 << 20)),
        ("max_threads", "2"),
    ]
