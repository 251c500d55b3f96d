"""What the demo sends, and the thread that sends it: a synthetic market with everything that goes wrong, or a file.

The demo starts it and asks it to end. What isn't delivered ends the demo with the reason; the count it gives at the end
is the broker's. The synthetic market begins two minutes before a Monday 00:00 UTC and runs sixty times as fast as ours,
so that bars of all intervals close within three seconds. It passes the days since then in a second more, with
few large trades an hour, and the last three hours in two more, so that a chart has something to show. It makes up
for the last five minutes, and then stays beside our clock: there are trades of the last hour and day while the demo
runs and after it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.synthetic import Disorder, SyntheticMarket, symbol_names
from connectors.values.column_plan import FileOptions
from demo.feed_tape import FeedTape, as_recorded
from feeds.series import series_of
from feeds.venue import Venue
from flows.bars import open_all
from jobs.produce.bad_records import bad_records
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter
from jobs.produce.pace import AtRate, sliced
from jobs.produce.sender import FileTape, TapeSender
from runtime.settings.whole import Settings
from schemas.columns import TradeBatch
from schemas.intervals import INTERVALS, WEEK

__all__ = ["DISORDER", "DemoPlan", "DemoProducer", "market_start_us"]

MARKET_SPEED: Final = 60
MINUTE_US: Final = 60_000_000
BEFORE_MONDAY_US: Final = 2 * MINUTE_US
AFTER_MONDAY_US: Final = MINUTE_US
LAST_US: Final = 5 * MINUTE_US
"""How much before our time the market runs densely again."""
HOUR_US: Final = 3_600_000_000
HOURS_US: Final = 3 * HOUR_US
"""How much before that it has trades in most minutes."""
DAYS_SLICES: Final = 5
"""Slices that the days in between are spread over."""
HOURS_SLICES: Final = 8
"""And those hours."""
SLICE_S: Final = 0.2
DEFAULT_RATE: Final = 5_000.0
DISORDER: Final = Disorder(swapped=0.05, swapped_ms=3_000, late=0.002, late_ms=180_000, repeated=0.002)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the user asked for. ``seconds`` None: until Ctrl-C (a file that nobody watches: until its end).

    bad_every: 0 is none. prove_max: at most about so many records are recomputed, from the beginning on; 0: all.
    options: how the file is written. feed: a recorded session and its venue. has_desk: whether a dealing desk and rules
    run beside the market. has_quotes: whether quotes do.
    """

    seconds: float | None = None
    rate: float | None = None
    symbols: int = 50
    file: str | None = None
    feed: tuple[Path, Venue] | None = None
    bad_every: int = 500
    prove_max: int = 0
    options: FileOptions = field(default_factory=FileOptions)
    seed: int = 1
    has_desk: bool = True
    has_quotes: bool = False
    partitions: int = 4

    @property
    def is_synthetic(self) -> bool:
        return self.file is None and self.feed is None

    @property
    def source(self) -> str | None:
        """The file whose trades they are."""
        return self.file if self.feed is None else str(self.feed[0])

    def describe(self) -> str:
        source = self.source.rsplit("/", 1)[-1] if self.source else f"{self.symbols} synthetic symbols"
        return f"{source} over {self.partitions} partitions"

    def recorded(self, settings: Settings) -> Iterable[TradeBatch]:
        """The file's trades, or the session's, from the beginning."""
        if self.feed is not None:
            return self._session(settings, *self.feed)
        return FileTape(open_all([self.file or ""], self.options, settings))

    def timed(self, settings: Settings) -> Iterator[tuple[int, TradeBatch]] | None:
        """The session's trades and when they came; None for what isn't a session."""
        return None if self.feed is None else self._session(settings, *self.feed).timed()

    @staticmethod
    def _session(settings: Settings, path: Path, venue: Venue) -> FeedTape:
        return FeedTape(path, venue, series_of(settings.feed_series, venue.exchange))


class DemoProducer:
    """Sends in a thread of its own. ``ended`` is set when the tape is over, when it failed, or by who ends it.

    behind: called with each batch behind sending it.
    """

    def __init__(
        self, plan: DemoPlan, settings: Settings, behind: Callable[[TradeBatch], None] = lambda _batch: None
    ) -> None:
        self._plan = plan
        self._behind = behind
        self._settings = settings
        self._encode = encoder_of(settings)
        self._encode(SyntheticMarket(symbol_names(1)).take(1, 1))  # compiles it, so that the first second isn't late
        self._writer = RecordWriter(settings.kafka_bootstrap, settings.kafka_topic)
        bad = bad_records(self._encode, lambda: time.time_ns() // 1000)
        self._sender = TapeSender(self._writer, self._encode, bad, plan.bad_every)
        self._thread = threading.Thread(target=self._send, name="demo-producer", daemon=True)
        self._failure: Exception | None = None
        self.ended = threading.Event()

    @property
    def sent(self) -> int:
        return self._sender.sent

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> int:
        """End, wait for the broker's answers and give the number delivered. Raises what stopped the thread."""
        self.ended.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._sender.finish()

    def _send(self) -> None:
        try:
            for batch in self._paced():
                self._sender.send(batch)
                self._behind(batch)
                if self.ended.is_set():
                    break
        except Exception as error:  # noqa: BLE001 - carried over to the main thread, which raises it
            self._failure = error
        self.ended.set()

    def _paced(self) -> Iterator[TradeBatch]:
        timed = self._plan.timed(self._settings)
        if timed is not None:
            return as_recorded(timed, time.monotonic, self.ended.wait)
        rate, tape = self._tape()
        return sliced(tape, AtRate(rate), time.monotonic, self.ended.wait)

    def _tape(self) -> tuple[float, Iterable[TradeBatch]]:
        plan = self._plan
        if plan.is_synthetic:
            rate = plan.rate or DEFAULT_RATE
            return rate, synthetic_tape(plan, rate)
        rate = plan.rate or DEFAULT_RATE
        if plan.rate is None and plan.seconds is not None:
            # All of the file in the time given, with a little room.
            count = sum(len(batch) for batch in plan.recorded(self._settings))
            rate = max(rate, count / plan.seconds * 1.1)
        return rate, plan.recorded(self._settings)


def synthetic_tape(plan: DemoPlan, rate: float) -> Iterator[TradeBatch]:
    """Without end; its clock never passes ours."""
    now_us = time.time_ns() // 1000
    start_us = market_start_us(now_us)
    market = SyntheticMarket(
        symbol_names(plan.symbols), seed=plan.seed, start_us=start_us, disorder=DISORDER, pace_us=1_000_000 / rate
    )
    count = max(int(rate * SLICE_S), 1)
    clock = MarketClock(start_us + BEFORE_MONDAY_US, now_us, int(count / rate * 1_000_000) * MARKET_SPEED)
    while True:
        yield market.take(count, clock.span_us(market.now_us, time.time_ns() // 1000))


class MarketClock:
    """How far the market moves with its next slice. ``fast_us``: of a slice that runs densely, but not beside ours."""

    def __init__(self, monday_us: int, now_us: int, fast_us: int) -> None:
        self._leaves_us = monday_us + AFTER_MONDAY_US
        self._fast_us = fast_us
        self._days_us = max((now_us - LAST_US - HOURS_US - self._leaves_us) // DAYS_SLICES, fast_us)
        self._hours_us = max(HOURS_US // HOURS_SLICES, fast_us)

    def span_us(self, market_us: int, now_us: int) -> int:
        """From ``market_us`` on, at the time ``now_us`` of ours."""
        rest_us = max(now_us - market_us, 0)
        if market_us < self._leaves_us or rest_us <= LAST_US:
            return min(self._fast_us, rest_us)
        if rest_us <= LAST_US + HOURS_US:
            return min(self._hours_us, max(rest_us - LAST_US, self._fast_us))
        return min(self._days_us, max(rest_us - LAST_US - HOURS_US, self._fast_us))


def market_start_us(now_us: int) -> int:
    """Two minutes before the newest Monday 00:00 UTC that is at least an hour past."""
    return INTERVALS[WEEK].start_us(now_us - HOUR_US) - BEFORE_MONDAY_US
