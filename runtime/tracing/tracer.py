"""Spans of this process: what flows, sinks and the gateway call, whether traces are on or off.

``start_tracing`` is called once, by each process for itself; before it, and where no address is set, everything here
does nothing and OpenTelemetry isn't imported. What is chosen beforehand (a parent was sampled, or it is the turn of one
in N) is a span while it runs, and log lines within it carry its ids. Of all else only the times are kept: a span is
made of them afterwards, when it failed or was slow. Nothing here raises or waits on behalf of a collector.
"""

import atexit
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from runtime.settings.tracing import TracingSettings
from schemas.errors import SettingError
from schemas.token_bucket import TokenBucket
from schemas.traces import LINKS_MAX, Part, Span, Value

__all__ = [
    "CLIENT",
    "CONSUMER",
    "INTERNAL",
    "NOTHING",
    "PRODUCER",
    "SERVER",
    "LiveSpan",
    "Recorder",
    "Tracer",
    "start_tracing",
    "stop_tracing",
    "tracer",
    "within",
]

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(5)
"""Kinds of spans, numbered as OpenTelemetry's SpanKind."""
NO_ATTRIBUTES: Final[Mapping[str, Value]] = MappingProxyType({})
FEW: Final = 1_000
"""Records that are always looked through, all of them: more come at once only while a flow catches up."""
STOP_S: Final = 2.0
"""How long the end of a process waits for its last spans to be sent."""


class Unrecorded:
    """The Span of what isn't recorded."""

    traceparent = ""

    def set(self, name: str, value: Value) -> None:
        """Nobody asks for it."""

    def fail(self, why: str) -> None:
        """Nobody asks for it."""

    def part(self, part: Part) -> None:
        """Nobody asks for it."""


NOTHING: Final = Unrecorded()
_UNTRACED: Final = nullcontext(NOTHING)


class LiveSpan(Span, Protocol):
    """A span of a Recorder, ended by ``end`` at a moment in ns since the epoch (None: now)."""

    ids: dict[str, str]

    def end(self, at_ns: int | None = None) -> None: ...


class Recorder(Protocol):
    """What makes spans and sends them: runtime.tracing.export."""

    def begin(
        self, name: str, kind: int, began_ns: int, parents: Sequence[str], attributes: Mapping[str, Value]
    ) -> LiveSpan:
        """A span in the trace of the first sampled parent, with links to the others; without one, of a new trace."""

    def sampled(self, parents: Sequence[str]) -> Sequence[str]: ...
    def pass_over(self) -> None:
        """Count a span that was wanted and isn't made."""

    def stop(self, within_s: float) -> None: ...


class Noted:
    """The Span of what is recorded only if it fails or is slow."""

    traceparent = ""

    def __init__(self) -> None:
        self.attributes: dict[str, Value] = {}
        self.failure = ""

    def set(self, name: str, value: Value) -> None:
        self.attributes[name] = value

    def fail(self, why: str) -> None:
        self.failure = why

    def part(self, part: Part) -> None:
        """Only what was chosen beforehand has parts."""


class Tracer:
    """Chooses what is recorded. ``recorder`` None: nothing ever is.

    per_s: how many spans a second begin where work enters the process (0: any number). What follows from one that
    began has its span always, so a trace isn't cut on its way.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        one_in: int = 0,
        slow_ms: int = 1000,
        per_s: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder = recorder
        self._one_in = one_in
        self._per_s, self._clock = per_s, clock
        self._spans, self._looks = (TokenBucket(per_s, per_s, self._now_ms()) for _ in range(2))
        self._slow_ns = slow_ms * 1_000_000
        self._turns = count(1)

    @property
    def is_on(self) -> bool:
        return self._recorder is not None

    def span(
        self,
        name: str,
        kind: int,
        parents: Sequence[str] = (),
        attributes: Mapping[str, Value] = NO_ATTRIBUTES,
        *,
        if_slow: bool = True,
        enters: bool = False,
    ) -> AbstractContextManager[Span]:
        """Around what it measures. An exception is recorded as its failure, and goes on.

        if_slow: without it what takes long is nothing special, such as a session. enters: see begin.
        """
        if self._recorder is None:
            return _UNTRACED
        began_ns = time.time_ns()
        span = self.begin(name, kind, began_ns, parents, attributes, enters=enters)
        if span is not None:
            return _live(span)
        return self._noted(name, kind, began_ns, attributes, if_slow)

    def begin(
        self,
        name: str,
        kind: int,
        began_ns: int,
        parents: Sequence[str],
        attributes: Mapping[str, Value],
        *,
        enters: bool = False,
    ) -> LiveSpan | None:
        """The span, if a parent is sampled or it is its turn; the caller ends it.

        enters: work comes into the process here, so it is passed over when too many came within a second.
        """
        if self._recorder is None:
            return None
        sampled = self._recorder.sampled(parents) if parents else ()
        if not sampled and (not self._one_in or next(self._turns) % self._one_in):
            return None
        if enters and not self._is_allowed(self._recorder, self._spans):
            return None
        return self._recorder.begin(name, kind, began_ns, sampled, attributes)

    def begin_root(
        self, name: str, kind: int, began_ns: int, attributes: Mapping[str, Value], *, enters: bool = False
    ) -> LiveSpan | None:
        """The span of a new trace, whoever's turn it is; None where traces are off. enters: see begin."""
        if self._recorder is None or (enters and not self._is_allowed(self._recorder, self._spans)):
            return None
        return self._recorder.begin(name, kind, began_ns, (), attributes)

    def contexts_wanted(self, records: int) -> int:
        """For how many sampled contexts ``records`` that came at once are looked through.

        Of many only the first is looked for, and only ``per_s`` times a second: to look at all of them costs more than
        their spans.
        """
        if self._recorder is None:
            return 0
        if records <= FEW:
            return LINKS_MAX
        return int(self._is_allowed(self._recorder, self._looks))

    def _is_allowed(self, recorder: Recorder, bucket: TokenBucket) -> bool:
        if not self._per_s:
            return True
        now_ms = self._now_ms()
        bucket.refill(now_ms)  # not only when it runs out, which would let two seconds' worth through at once
        if bucket.take(1, now_ms):
            return True
        recorder.pass_over()
        return False

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def is_worth_it(self, began_ns: int, ended_ns: int) -> bool:
        """Whether something took so long that it gets a span afterwards."""
        return self.is_on and ended_ns - began_ns >= self._slow_ns

    def stop(self) -> None:
        """Sends what is left, in no more than STOP_S; makes nothing any more."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.stop(STOP_S)

    @contextmanager
    def _noted(
        self, name: str, kind: int, began_ns: int, attributes: Mapping[str, Value], if_slow: bool
    ) -> Iterator[Span]:
        noted = Noted()
        try:
            yield noted
        except BaseException as error:
            # Also for Ctrl-C and a task that is cancelled: what ended so is told as failed, then the error goes on.
            noted.fail(type(error).__name__)
            raise
        finally:
            ended_ns = time.time_ns()
            if noted.failure or (if_slow and self.is_worth_it(began_ns, ended_ns)):
                span = self.begin_root(name, kind, began_ns, {**attributes, **noted.attributes})
                if span is not None:
                    if noted.failure:
                        span.fail(noted.failure)
                    span.end(ended_ns)


@contextmanager
def _live(span: LiveSpan) -> Iterator[Span]:
    try:
        with within(span):
            yield span
    except BaseException as error:
        # As in Tracer: noted, and it goes on.
        span.fail(type(error).__name__)
        raise
    finally:
        span.end()


def within(span: LiveSpan | None) -> AbstractContextManager[object]:
    """Log lines inside carry the ids of ``span``."""
    return nullcontext() if span is None else structlog.contextvars.bound_contextvars(**span.ids)


_tracer = Tracer()


def tracer() -> Tracer:
    """That of this process."""
    return _tracer


def start_tracing(settings: TracingSettings, service: str) -> None:
    """Spans of this process are made from here on, if the settings name a collector, under the name of ``service``.

    Raises SettingError when OpenTelemetry isn't installed.
    """
    global _tracer  # noqa: PLW0603 - as logs and metrics, one per process
    if not settings.trace_url:
        return
    try:
        from runtime.tracing.export import OtlpRecorder  # noqa: PLC0415 - who has no traces doesn't need its packages
    except ImportError as error:
        raise SettingError(
            f"traces need OpenTelemetry: {error}",
            where="TAPEFLOW_TRACE_URL",
            mend="pip install 'tapeflow[tracing]', or unset it",
        ) from None
    recorder = OtlpRecorder(settings.trace_url, settings.trace_headers, service)
    _tracer = Tracer(recorder, settings.trace_one_in, settings.trace_slow_ms, settings.trace_per_s)
    atexit.register(_tracer.stop)


def stop_tracing() -> None:
    """Sends what is left, within two seconds; comes by itself at the end of a process, unless that is by os._exit."""
    _tracer.stop()
