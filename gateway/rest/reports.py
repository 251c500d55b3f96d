"""``/api/reports``: large questions that are answered later, as a job that is asked for, watched and fetched.

A user sees and changes only reports of the token's userId, over symbols that the token allows, then and when the
result is fetched. What can be told at once is refused at once: an unknown kind, an empty range, more rows than a report
may have. The work is gateway/reports'; here are its words to the outside.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.reports.formats import CONTENT_TYPES, encode
from gateway.reports.jobs import Job, Jobs, TooMany
from gateway.reports.kind import Kind
from gateway.reports.kinds.table import KINDS
from gateway.reports.results import Results
from gateway.reports.runner import Runner
from gateway.reports.source import Source
from gateway.reports.visible import visible
from gateway.reports.words import EXAMPLE, FORMATS, Ask, ReportAnswer, ReportBody, TooMuch
from gateway.rest.body import json_body
from gateway.rest.desk_figures import check_channel
from gateway.rest.endpoint import Call, Operation, check_symbol
from gateway.rest.errors import ApiError, bad_request, forbidden, not_found, rate_limited
from gateway.rest.limits import Limiter
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import check_time
from gateway.rest.words import Query
from gateway.stores.clickhouse import HistoryTooSlowError
from schemas.intervals import INTERVALS, parse_interval

__all__ = ["Reports", "ResultQuery"]

FETCHES_MAX: Final = 16
"""Results that one process sends at once."""
BODY_EXAMPLE: Final = {name: EXAMPLE[name] for name in ("kind", "symbols", "startTime", "endTime", "interval")}


class ResultQuery(Query):
    format: Annotated[Literal["json", "csv", "parquet", "arrow"], Meta(description="How the rows are written")] = "json"


class Reports:
    """Handlers of reports."""

    def __init__(self, jobs: Jobs, source: Source, results: Results, runner: Runner, limiter: Limiter) -> None:
        self._jobs = jobs
        self._source = source
        self._results = results
        self._runner = runner
        self._limiter = limiter
        self._fetches = 0

    def operations(self) -> tuple[Operation, ...]:
        one = "/api/reports/{id}"
        kinds = "; ".join(f"{kind.name}: {kind.summary}" for kind in KINDS.values())
        return (
            Operation(
                "GET",
                "/api/reports",
                self.all,
                "getReports",
                "reports",
                "The user's reports, newest first",
                list[ReportAnswer],
                example=[EXAMPLE],
                tagged=True,
            ),
            Operation(
                "POST",
                "/api/reports",
                self.create,
                "createReport",
                "reports",
                "Ask for a report",
                ReportAnswer,
                body=ReportBody,
                body_example=BODY_EXAMPLE,
                status=202,
                headers=("Location",),
                example=EXAMPLE,
                errors=(413, 422),
                description=f"The answer comes at once, the report is made meanwhile. Kinds: {kinds}.",
            ),
            Operation(
                "GET",
                one,
                self.one,
                "getReport",
                "reports",
                "How far a report is",
                ReportAnswer,
                example=EXAMPLE,
                tagged=True,
            ),
            Operation("DELETE", one, self.delete, "deleteReport", "reports", "Cancel and forget a report", status=204),
            Operation(
                "GET",
                one + "/result",
                self.result,
                "getReportResult",
                "reports",
                "The rows of a report",
                tuple(list[kind.row] for kind in KINDS.values()),  # type: ignore[name-defined]
                query=ResultQuery,
                example=[KINDS["bars"].example],
                headers=("Content-Disposition",),
                errors=(409,),
                tagged=True,
                files=tuple(CONTENT_TYPES[name].partition(";")[0] for name in FORMATS if name != "json"),
                description="As JSON, CSV, Parquet or an Arrow stream, sent as it is read. An answer that breaks off "
                "is not whole: ask again.",
            ),
        )

    async def all(self, call: Call) -> Reply:
        body = msgspec.json.encode([job.answer for job in await self._jobs.all(call.principal.user_id)])
        return Reply(body, etag=etag_of(body))

    async def one(self, call: Call) -> Reply:
        body = msgspec.json.encode((await self._job(call)).answer)
        return Reply(body, etag=etag_of(body))

    async def create(self, call: Call) -> Reply:
        ask = _ask(call, await json_body(call, ReportBody))
        await self._check_size(call, ask)
        try:
            job = await self._jobs.add(call.principal.user_id, ask)
        except TooMany as error:
            raise rate_limited(str(error), error.retry_after_s) from None
        self._runner.wake()
        location = b"/api/reports/" + job.answer.id.encode()
        return Reply(msgspec.json.encode(job.answer), 202, headers=[(b"location", location)])

    async def delete(self, call: Call) -> Reply:
        report = call.path["id"]
        if not await self._jobs.drop(call.principal.user_id, report):
            raise _missing(call)
        self._runner.forget(report)
        return Reply(b"", 204)

    async def result(self, call: Call) -> Reply:
        job = await self._job(call)
        answer, wanted = job.answer, call.query.format
        if answer.state != "done":
            words = f"failed: {answer.error}" if answer.state == "failed" else f"is {answer.state}"
            raise ApiError("NOT_READY", f"The report {words}", {"state": answer.state, "progress": answer.progress})
        _check_access(call, job.ask)
        _check_channels(call, KINDS[job.ask.kind])
        if self._fetches >= FETCHES_MAX:
            raise rate_limited(f"{FETCHES_MAX} results are being sent by this gateway; come again", 5)
        name = f'attachment; filename="{answer.kind}-{answer.id[:8]}.{wanted}"'
        return Reply(
            b"",
            content_type=CONTENT_TYPES[wanted].encode(),
            etag=f'W/"{answer.id}-{job.run}-{wanted}"'.encode(),
            headers=[(b"content-disposition", name.encode())],
            stream=self._parts(job, wanted),
        )

    async def _parts(self, job: Job, wanted: str) -> AsyncGenerator[bytes, None]:
        async def chunks() -> AsyncGenerator[str, None]:
            for number in range(job.chunks):
                yield await self._results.chunk(job.answer.id, job.run, number)

        self._fetches += 1
        try:
            async for part in encode(KINDS[job.ask.kind], wanted, chunks()):
                yield part
        finally:
            self._fetches -= 1

    async def _job(self, call: Call) -> Job:
        job = await self._jobs.get(call.principal.user_id, call.path["id"])
        if job is None:
            raise _missing(call)
        return job

    async def _check_size(self, call: Call, ask: Ask) -> None:
        """Raises ApiError TOO_LARGE where the report would be; a count that takes long is left to the work itself."""
        counted = KINDS[ask.kind].counted
        if counted is None:
            return
        try:
            async with self._limiter.history(call.client), asyncio.timeout(2):
                await self._source.extents(ask, counted, visible(ask))
        except TooMuch as error:
            raise ApiError("TOO_LARGE", str(error), {"rowsMax": self._source.rows_max}) from None
        except (TimeoutError, HistoryTooSlowError):
            return


def _ask(call: Call, body: ReportBody) -> Ask:
    """What is asked for, checked; raises ApiError."""
    kind = KINDS.get(body.kind)
    if kind is None:
        raise _unprocessable(f"No such kind of report: {body.kind[:64]}. There are {', '.join(KINDS)}", "kind")
    _check_channels(call, kind)
    for name, given in (("startTime", body.start_time), ("endTime", body.end_time)):
        check_time(name, given)
    if body.start_time > body.end_time:
        raise _unprocessable("The range is empty: startTime is after endTime", "startTime")
    try:
        interval = INTERVALS[parse_interval(body.interval)].name
    except ValueError as error:
        raise bad_request(str(error), field="interval") from None
    for symbol in body.symbols:
        check_symbol(symbol, call.principal)
    if len(set(body.symbols)) != len(body.symbols):
        raise bad_request("A symbol is listed twice", field="symbols")
    most = kind.symbols_max or len(body.symbols)
    if body.symbols and not kind.symbols_min <= len(body.symbols) <= most:
        raise _unprocessable(f"{kind.name} takes {kind.symbols_min} to {most} symbols", "symbols")
    if not call.principal.symbols:
        raise forbidden("The token gives access to no symbol")
    return Ask(
        kind=kind.name,
        low_us=body.start_time * 1000,
        high_us=body.end_time * 1000 + 999,
        symbols=tuple(body.symbols),
        interval=interval,
        limit=body.limit,
        buckets=body.buckets,
        access=call.principal.symbols,
    )


def _check_access(call: Call, ask: Ask) -> None:
    """A token of today may see less than the one that asked."""
    for symbol in ask.symbols:
        check_symbol(symbol, call.principal)
    if not ask.symbols and "*" not in call.principal.symbols and not set(ask.access) <= set(call.principal.symbols):
        raise forbidden("The token gives access to fewer symbols than the report has: ask for it anew")


def _check_channels(call: Call, kind: Kind) -> None:
    for channel in kind.channels:
        check_channel(call, channel)


def _unprocessable(words: str, field: str) -> ApiError:
    return ApiError("UNPROCESSABLE", words, {"field": field})


def _missing(call: Call) -> ApiError:
    return not_found("No such report", id=call.path["id"][:64])
