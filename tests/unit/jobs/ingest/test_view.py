"""The screen of ``tapeflow ingest``: what a row says of a venue, from the metrics that the feed counts."""

import io
import sys

import pytest
from rich.console import Console

from jobs.ingest.metrics import BROKER_DOWN, CLOCK_AHEAD_MS, CONNECTED, FOLLOWED, GAPS, RECEIVED_MS, TOLD, WRITTEN_MS
from jobs.ingest.view import FeedView, shown_feeds

VENUE = "view-venue"


def shown(view: FeedView, now_s: float) -> list[str]:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(view.render(now_s))
    return console.export_text().splitlines()


def cells(lines: list[str], venue: str) -> list[str]:
    (row,) = [line for line in lines if line.strip().startswith(venue)]
    return row.split()


def test_a_row_has_rates_and_latencies_of_the_last_seconds_alone() -> None:
    view = FeedView((VENUE, "view-silent"))
    RECEIVED_MS.labels(VENUE).observe(59_000)
    TOLD.labels(VENUE, "trades").inc(1_000_000)
    for now_s in (0.0, 90.0):
        lines = shown(view, now_s)
    assert cells(lines, "view-silent") == ["view-silent", "–", "–", "0.0", "0.0", *"–/–", *"–/–", "–", "0", "0"]
    FOLLOWED.labels(VENUE).set(250)
    CONNECTED.labels(VENUE).set(2)
    TOLD.labels(VENUE, "trades").inc(12_345)
    TOLD.labels(VENUE, "quotes").inc(5)
    CLOCK_AHEAD_MS.labels(VENUE).set(-3.25)
    GAPS.labels(VENUE, "filled").inc(3)
    GAPS.labels(VENUE, "left").inc()
    for _ in range(100):
        RECEIVED_MS.labels(VENUE).observe(150)
        WRITTEN_MS.labels(VENUE).observe(1.5)
    row = cells(shown(view, 100.0), VENUE)
    assert row[:5] == [VENUE, "250", "2", "1,234.5", "0.5"]
    assert row[5:11] == ["150", "/", "199", "2", "/", "2"]
    assert row[11:] == ["-3.2", "3", "1"]
    assert cells(shown(view, 120.0), VENUE)[3:11] == ["0.0", "0.0", *"–/–", *"–/–"]


def test_a_broker_that_is_away_is_said() -> None:
    view = FeedView((VENUE,))
    try:
        BROKER_DOWN.set(1)
        assert "Kafka is away, trades wait" in shown(view, 0.0)[1]
    finally:
        BROKER_DOWN.set(0)
    assert "into Kafka" in shown(view, 1.0)[1]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_it_is_drawn_on_a_terminal_alone_and_the_log_above_it(
    is_terminal: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    with shown_feeds(Console(file=out, force_terminal=is_terminal, width=150), (VENUE,)):
        print("a line of the log", file=sys.stderr)
    assert (VENUE in out.getvalue()) == is_terminal
    assert ("a line of the log" in out.getvalue()) == is_terminal
    assert ("a line of the log" in capsys.readouterr().err) != is_terminal
