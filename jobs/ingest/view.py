"""The screen of ``tapeflow ingest`` on a terminal: a row for each venue, drawn anew in place below the log.

It reads what the feed and its sessions count (jobs.ingest.metrics), and shows rates and latencies of the last seconds.
It shows and never decides; elsewhere than on a terminal there is none.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobs.ingest.metrics import (
    BROKER_DOWN,
    CLOCK_AHEAD_MS,
    CONNECTED,
    FOLLOWED,
    GAPS,
    RECEIVED_MS,
    TOLD,
    WRITTEN_MS,
)
from runtime.quantiles import Buckets, quantile_ms

__all__ = ["FeedView", "shown_feeds"]

REFRESH_HZ: Final = 2.0
WINDOW_S: Final = 10.0
COLUMNS: Final = (
    *("markets", "connections", "trades/s", "quotes/s", "to here, ms", "to Kafka, ms", "clock ahead, ms"),
    *("gaps filled", "left"),
)
SHOWN: Final = (BROKER_DOWN, CLOCK_AHEAD_MS, CONNECTED, FOLLOWED, GAPS, RECEIVED_MS, TOLD, WRITTEN_MS)
Figures = Mapping[tuple[str, ...], float]
"""By the name of a sample, its venue, and its other label where it has one."""


class FeedView:
    """``render`` is one frame, of ``venues``; ``now_s`` of a clock that never goes back."""

    def __init__(self, venues: Sequence[str]) -> None:
        self._venues = venues
        self._moments: deque[tuple[float, Figures]] = deque()

    def render(self, now_s: float) -> RenderableType:
        self._moments.append((now_s, figures()))
        while len(self._moments) > 2 and now_s - self._moments[1][0] >= WINDOW_S:
            self._moments.popleft()
        now = self._moments[-1][1]
        is_away = bool(now.get(("tapeflow_feed_broker_down", ""), 0))
        state = ("Kafka is away, trades wait", "bold yellow") if is_away else ("into Kafka", "green")
        words = f"   p50 / p99 and rates of the last {WINDOW_S:g} s   Ctrl-C ends"
        head = Text.assemble(("tapeflow ingest", "bold cyan"), "   ", state, (words, "dim"))
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("venue")
        for name in COLUMNS:
            table.add_column(name, justify="right")
        for venue in self._venues:
            table.add_row(Text(venue, style="bold"), *self._cells(venue, now))
        return Padding(Group(head, Text(), table), (1, 2, 0, 2))

    def _cells(self, venue: str, now: Figures) -> list[Text]:
        connections, left = now.get(("tapeflow_feed_connections", venue)), _gaps(now, venue, "left")
        ahead_ms = now.get(("tapeflow_feed_clock_ahead_ms", venue))
        return [
            Text(_whole(now.get(("tapeflow_feed_markets", venue)))),
            Text(_whole(connections), style="bold yellow" if connections == 0 else "green"),
            *(Text(self._rate(venue, kind)) for kind in ("trades", "quotes")),
            *(Text(self._latency(name, venue)) for name in ("tapeflow_feed_received_ms", "tapeflow_feed_written_ms")),
            Text("–" if ahead_ms is None else f"{ahead_ms:+,.1f}"),
            Text(_whole(_gaps(now, venue, "filled")), style="dim"),
            Text(_whole(left), style="bold red" if left else "dim"),
        ]

    def _rate(self, venue: str, kind: str) -> str:
        (since_s, before), (now_s, now) = self._moments[0], self._moments[-1]
        key = ("tapeflow_feed_rows_total", venue, kind)
        return "–" if now_s <= since_s else f"{(now.get(key, 0.0) - before.get(key, 0.0)) / (now_s - since_s):,.1f}"

    def _latency(self, name: str, venue: str) -> str:
        before, now = (_buckets(each, name, venue) for _, each in (self._moments[0], self._moments[-1]))
        found = [quantile_ms(now, share, before) for share in (0.5, 0.99)]
        return " / ".join("–" if each is None else f"{each:,.0f}" for each in found)


@contextmanager
def shown_feeds(console: Console, venues: Sequence[str]) -> Iterator[None]:
    """Shows ``venues`` while the block runs, if ``console`` is a terminal. What goes to standard error meanwhile
    stands above it, from whoever asks for sys.stderr inside the block."""
    if not console.is_terminal:
        yield
        return
    view = FeedView(venues)
    with Live(get_renderable=lambda: view.render(time.monotonic()), console=console, refresh_per_second=REFRESH_HZ):
        yield


def figures() -> Figures:
    """What is counted by now."""
    found = {}
    for metric in SHOWN:
        for family in metric.collect():
            for sample in family.samples:
                labels = dict(sample.labels)
                found[sample.name, labels.pop("venue", ""), *labels.values()] = sample.value
    return found


def _buckets(found: Figures, name: str, venue: str) -> Buckets:
    return {float(key[2]): value for key, value in found.items() if key[:2] == (f"{name}_bucket", venue)}


def _gaps(found: Figures, venue: str, outcome: str) -> float:
    return found.get(("tapeflow_feed_gaps_total", venue, outcome), 0.0)


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
