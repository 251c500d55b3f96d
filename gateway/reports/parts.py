"""The living parts of reports in one process, made from the settings: jobs, source, results, runner.

gateway.rest.parts makes them and ties their life to the server's. They have connections and a breaker of their own, so
a report never takes a place from those who wait for an answer, and its failures close nothing for them.
"""

import asyncio
from typing import Final

from gateway.reports.jobs import Jobs
from gateway.reports.results import Results
from gateway.reports.runner import Runner
from gateway.reports.source import Source
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.now import Now
from gateway.stores.redis_pool import Redis, end_tasks
from runtime.settings.whole import Settings

__all__ = ["FETCH_THREADS", "ReportParts"]

FETCH_THREADS: Final = 4
"""Queries of those who fetch results or have them counted, besides those of the work."""
MB: Final = 1 << 20


class ReportParts:
    """``runner`` works once ``open`` was called, until ``close``."""

    def __init__(self, settings: Settings, redis: Redis, now: Now) -> None:
        memory = settings.gateway_report_memory_mb * MB
        self.clickhouse = ClickHouse(
            settings.clickhouse_dsn,
            settings.clickhouse_database,
            threads=settings.gateway_reports_at_once + FETCH_THREADS,
            timeout_ms=settings.gateway_report_query_ms,
            breaker=CircuitBreaker("clickhouse"),
            bounds={
                "max_memory_usage": memory,
                "max_bytes_before_external_group_by": memory // 2,
                "max_bytes_before_external_sort": memory // 2,
                "max_threads": 2,  # a report is slow rather than in the way of others
            },
        )
        self.jobs = Jobs(
            redis,
            now,
            under_way_max=settings.gateway_reports_per_user,
            kept_max=settings.gateway_reports_kept,
            keep_s=settings.gateway_report_keep_s,
        )
        self.source = Source(self.clickhouse, settings.gateway_report_rows_max)
        self.results = Results(self.clickhouse, settings.gateway_report_keep_s)
        self.runner = Runner(
            self.jobs,
            self.source,
            self.results,
            at_once=settings.gateway_reports_at_once,
            s_max=settings.gateway_report_s_max,
        )
        self._running: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._running = asyncio.create_task(self.runner.run())

    async def close(self) -> None:
        """Gives jobs under way back, and lets go."""
        if self._running is not None:
            await self.runner.close()
            await end_tasks([self._running])
        self.clickhouse.close()
