"""Works on the jobs of reports: takes one, makes its rows, writes them down, and says how far it is.

One per REST process, beside the endpoints. A job is taken under a lease and a beat each second extends it; the beat
also learns that the user has cancelled it or that it is somebody else's by now, and then the query is cancelled on the
server. What passes (ClickHouse or Redis is out) gives the job back for later, what the user can mend ends it with a
sentence. A process that stops in order gives its jobs back at once.
"""

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from gateway.reports.jobs import Claim, Jobs
from gateway.reports.kinds.table import KINDS
from gateway.reports.results import Results, ResultWriter
from gateway.reports.source import Source
from gateway.reports.words import TooMuch
from gateway.stores.breaker import BreakerOpenError
from gateway.stores.clickhouse import HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.now import NowUnavailableError

__all__ = ["Runner"]

BEAT_S: Final = 1.0
LOOK_S: Final = 1.0
LATER_MS: Final = 5_000
CLOSE_S: Final = 3.0
OUT: Final = (HistoryUnavailableError, BreakerOpenError, NowUnavailableError)
TOO_SLOW: Final = (
    "ClickHouse gave a query up (too much time or memory): take a shorter range, fewer symbols or a longer interval"
)
log = structlog.get_logger(__name__)


class Runner:
    """``at_once``: jobs under way in this process; ``s_max``: how long one may take."""

    def __init__(self, jobs: Jobs, source: Source, results: Results, *, at_once: int, s_max: int) -> None:
        self._jobs, self._source, self._results = jobs, source, results
        self._at_once, self._s_max = at_once, s_max
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._forgetting: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def under_way(self) -> int:
        return len(self._working)

    def wake(self) -> None:
        """There is a job: look at once."""
        self._woken.set()

    def forget(self, report: str) -> None:
        """Deletes what was written for a report that is no more, meanwhile."""
        task = asyncio.create_task(self._results.forget(report))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def run(self) -> None:
        """Takes jobs for as long as the process lives."""
        while self._at_once and not self._stopping:
            claim = None
            if len(self._working) < self._at_once:
                with contextlib.suppress(*OUT):
                    claim = await self._jobs.claim()
            if claim is not None:
                task = asyncio.create_task(self._work(claim))
                self._working.add(task)
                task.add_done_callback(self._ended)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()
            self._woken.clear()

    async def close(self) -> None:
        """Gives back what is under way."""
        self._stopping = True
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working, timeout=CLOSE_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            trace = "".join(traceback.format_exception(task.exception()))
            log.error("report_failed", traceback=trace)

    async def _work(self, claim: Claim) -> None:
        """One job to its end, whatever that is."""
        writer = self._results.writer(claim.id, claim.run)
        progress = [0.0]
        making = asyncio.create_task(self._make(claim, writer, progress))
        beating = asyncio.create_task(self._beat(claim, writer, progress))
        try:
            await asyncio.wait((making, beating), return_when=asyncio.FIRST_COMPLETED)
            if making.done():
                await self._settle(claim, writer, making)
            else:
                making.cancel()
                await asyncio.wait((making,))
                await self._results.forget(claim.id, claim.run)
        except asyncio.CancelledError:
            if self._stopping:
                with contextlib.suppress(*OUT):
                    await self._jobs.release(claim, after_ms=0, as_if_not_tried=True)
            raise
        finally:
            for task in (making, beating):
                task.cancel()
            await asyncio.wait((making, beating))

    async def _make(self, claim: Claim, writer: ResultWriter, progress: list[float]) -> None:
        kind = KINDS[claim.ask.kind]
        async with asyncio.timeout(self._s_max):
            async for part in kind.read(self._source, claim.ask):
                await writer.put(part.rows)
                progress[0] = part.done
            await writer.end()

    async def _beat(self, claim: Claim, writer: ResultWriter, progress: list[float]) -> None:
        """Extends the lease until the job isn't ours any more; while Redis is out, that isn't known."""
        while True:
            await asyncio.sleep(BEAT_S)
            with contextlib.suppress(*OUT):
                if not await self._jobs.beat(claim, done=progress[0], rows=writer.rows, size=writer.size):
                    return

    async def _settle(self, claim: Claim, writer: ResultWriter, making: "asyncio.Task[None]") -> None:
        error = making.exception()
        if error is None:
            await self._until_said(self._jobs.finish, claim, rows=writer.rows, size=writer.size, chunks=writer.chunks)
        elif isinstance(error, OUT):
            log.warning("report_delayed", report=claim.id, error=str(error))
            await self._until_said(self._jobs.release, claim, after_ms=LATER_MS, as_if_not_tried=False)
        elif isinstance(error, TooMuch):
            await self._until_said(self._jobs.fail, claim, error=str(error))
        elif isinstance(error, HistoryTooSlowError):
            await self._until_said(self._jobs.fail, claim, error=TOO_SLOW)
        elif isinstance(error, TimeoutError):
            words = f"it took more than {self._s_max} s: take a shorter range or fewer symbols"
            await self._until_said(self._jobs.fail, claim, error=words)
        else:
            trace = "".join(traceback.format_exception(error))
            log.error("report_failed", report=claim.id, traceback=trace)
            await self._until_said(self._jobs.fail, claim, error="the server failed; its log knows the report's id")

    async def _until_said(self, say: Callable[..., Awaitable[bool]], claim: Claim, **words: object) -> None:
        """Redis may be out meanwhile. What was written for a job that isn't ours any more is for nobody."""
        while True:
            try:
                ours = await say(claim, **words)
            except OUT:
                await asyncio.sleep(BEAT_S)
            else:
                if not ours:
                    await self._results.forget(claim.id, claim.run)
                return
