"""The jobs of reports in Redis: asked for, taken by one process at a time, finished, forgotten.

A job is a hash that expires by itself, a user's jobs are a sorted set, and one queue for all gateways holds each job by
the moment from which it may be taken. Whoever takes it holds a lease that ends unless it is extended, so the job of a
process that was killed goes to another. Each taking has a number, ``run``: what an older run says is ignored. Every
decision is one script on the server, so two gateways can't overshoot a limit or finish a job twice.
"""

from importlib.resources import files
from typing import Any, Final, NamedTuple, cast
from uuid import uuid4

import msgspec

from gateway.reports.words import Ask, ReportAnswer
from gateway.stores.now import Now
from gateway.stores.redis_pool import Redis, names_of

__all__ = ["Claim", "Job", "Jobs", "TooMany"]

JOB: Final = "gateway:report:"
USER: Final = "gateway:reports:of:"
QUEUE: Final = "gateway:reports:queue"
LEASE_MS: Final = 15_000
TRIES_MAX: Final = 5
GIVEN_UP: Final = f"it was begun {TRIES_MAX} times, and no time the gateway or ClickHouse lived to its end"
UNDER_WAY_S: Final = 5
ASK: Final = msgspec.json.Decoder(Ask)


class TooMany(Exception):
    """The user has as many reports as may be; ``str`` says which, and what to do."""

    def __init__(self, words: str, retry_after_s: int) -> None:
        super().__init__(words)
        self.retry_after_s = retry_after_s


class Claim(NamedTuple):
    """A job that this process works on, until its lease is over."""

    id: str
    run: int
    ask: Ask


class Job(NamedTuple):
    """A job as it stands in Redis."""

    ask: Ask
    answer: ReportAnswer
    run: int
    chunks: int


class Jobs:
    """Over one Redis client; raises NowUnavailableError and BreakerOpenError where Redis is out."""

    def __init__(self, redis: Redis, now: Now, *, under_way_max: int, kept_max: int, keep_s: int) -> None:
        self._redis = redis
        self._now = now
        self._under_way_max = under_way_max
        self._kept_max = kept_max
        self._keep_ms = keep_s * 1000
        self._job, self._user = (names_of(redis).beside(QUEUE, name.rstrip(":")) + ":" for name in (JOB, USER))
        scripts = ("add_job", "claim_job", "settle_job", "drop_job")
        folder = files(__package__)
        self._add, self._claim, self._settle, self._drop = (
            redis.register_script(folder.joinpath(f"{name}.lua").read_text("utf-8")) for name in scripts
        )

    async def add(self, user: str, ask: Ask) -> Job:
        """Puts a job into the queue; raises TooMany."""
        job_id = uuid4().hex
        limits = [self._under_way_max, self._kept_max, self._keep_ms]
        said = await self._now.guard(
            self._add(
                keys=[self._user + user, self._job + job_id, QUEUE],
                args=[self._job, job_id, *limits, user, msgspec.json.encode(ask)],
            )
        )
        if said[0] == 1:
            raise TooMany(
                f"{said[1]} of your reports are under way, and no more at once: wait for one, or cancel it by DELETE",
                UNDER_WAY_S,
            )
        if said[0] == 2:
            raise TooMany(
                f"{said[1]} of your reports are kept, and no more: DELETE one, or wait until one expires",
                said[2] // 1000 + 1,
            )
        job = await self.get(user, job_id)
        assert job is not None, "it was just made"
        return job

    async def get(self, user: str, job_id: str) -> Job | None:
        """A job of the user; None where there is none."""
        held = await self._now.guard(self._hash(job_id))
        return _job(job_id, held) if held.get(b"user") == user.encode() else None

    async def all(self, user: str) -> list[Job]:
        """The user's jobs, newest first."""
        ids = cast("list[bytes]", await self._now.guard(self._redis.zrange(self._user + user, 0, -1, desc=True)))
        found = [await self.get(user, each.decode()) for each in ids]
        return [job for job in found if job is not None]

    async def drop(self, user: str, job_id: str) -> bool:
        """Cancels and forgets a job; False where the user has none of that name."""
        keys = [self._user + user, self._job + job_id, QUEUE]
        return bool(await self._now.guard(self._drop(keys=keys, args=[job_id, user])))

    async def claim(self) -> Claim | None:
        """The job that has waited longest, for LEASE_MS; None where none waits."""
        found = await self._now.guard(self._claim(keys=[QUEUE], args=[self._job, LEASE_MS, TRIES_MAX, GIVEN_UP]))
        return Claim(found[0].decode(), found[1], ASK.decode(found[2])) if found else None

    async def beat(self, claim: Claim, *, done: float, rows: int, size: int) -> bool:
        """Extends the lease and says how far it is; False where the job isn't this run's any more."""
        return await self._settled(claim, "beat", LEASE_MS, done=done, rows=rows, bytes=size)

    async def release(self, claim: Claim, *, after_ms: int, as_if_not_tried: bool) -> bool:
        """Gives a job back to be taken by anybody, after a while."""
        return await self._settled(claim, "release", after_ms, int(as_if_not_tried), done=0)

    async def finish(self, claim: Claim, *, rows: int, size: int, chunks: int) -> bool:
        """The result is whole and stands under this run's number."""
        return await self._settled(
            claim, "finish", self._keep_ms, state="done", done=1, rows=rows, bytes=size, chunks=chunks
        )

    async def fail(self, claim: Claim, error: str) -> bool:
        """There will be no result."""
        return await self._settled(claim, "finish", self._keep_ms, state="failed", error=error)

    async def _settled(self, claim: Claim, what: str, span_ms: int, tries: int = 0, **fields: object) -> bool:
        pairs = [str(each) for pair in fields.items() for each in pair]
        args: list[str | int] = [claim.id, claim.run, what, span_ms, tries, *pairs]
        return bool(await self._now.guard(self._settle(keys=[self._job + claim.id, QUEUE], args=args)))

    async def _hash(self, job_id: str) -> dict[bytes, bytes]:
        return cast("dict[bytes, bytes]", await cast(Any, self._redis.hgetall(self._job + job_id)))


def _job(job_id: str, held: dict[bytes, bytes]) -> Job:
    def number(name: bytes) -> int:
        return int(held.get(name, b"0"))

    def time_ms(name: bytes) -> int | None:
        return int(held[name]) if name in held else None

    ask = ASK.decode(held[b"ask"])
    answer = ReportAnswer(
        id=job_id,
        kind=ask.kind,
        symbols=list(ask.symbols),
        start_time=ask.low_us // 1000,
        end_time=ask.high_us // 1000,
        interval=ask.interval,
        state=cast(Any, held[b"state"].decode()),
        progress=round(float(held.get(b"done", b"0")), 4),
        rows=number(b"rows"),
        bytes=number(b"bytes"),
        error=held[b"error"].decode() if b"error" in held else None,
        created_at=number(b"created"),
        started_at=time_ms(b"started"),
        finished_at=time_ms(b"finished"),
        expires_at=number(b"expires"),
    )
    return Job(ask, answer, number(b"run"), number(b"chunks"))
