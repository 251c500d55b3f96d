"""What sessions with venues count, for /metrics: of each venue, never of a symbol.

The feed and its sessions write here. Latencies are those of a batch's newest trade: from the venue's time to its
arrival by this machine's clock, which may differ from the venue's, and from its arrival to the broker's answer.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BROKER_DOWN",
    "CHECKS",
    "CLOCK_AHEAD_MS",
    "CONNECTED",
    "FOLLOWED",
    "GAPS",
    "GAP_TRADES",
    "LETTERS",
    "LOST",
    "POLLS",
    "RECEIVED_MS",
    "REPEATED",
    "STALE",
    "TOLD",
    "UNLISTED",
    "WRITTEN_MS",
]

BUCKETS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000)
TOLD: Final = Counter("tapeflow_feed_rows", "Rows that went to their topics", ["venue", "kind"])
REPEATED: Final = Counter("tapeflow_feed_repeated", "Trades told again and left out", ["venue"])
LETTERS: Final = Counter("tapeflow_feed_letters", "Frames and rows that can't be used", ["venue"])
CONNECTED: Final = Gauge("tapeflow_feed_connections", "Open connections", ["venue"])
FOLLOWED: Final = Gauge("tapeflow_feed_markets", "Markets that are followed", ["venue"])
UNLISTED: Final = Gauge("tapeflow_feed_unlisted", "Symbols that clients watch and no source has")
POLLS: Final = Counter(
    "tapeflow_feed_polls",
    "Answers of a polled vendor, by outcome: new, unchanged, refused, failed, limited",
    ["outcome"],
)
STALE: Final = Gauge("tapeflow_feed_stale", "Polled symbols without a usable answer for too long")
LOST: Final = Counter("tapeflow_feed_lost", "Connections that ended or couldn't be opened", ["venue"])
GAPS: Final = Counter("tapeflow_feed_gaps", "Gaps of markets, by outcome: filled, left", ["venue", "outcome"])
GAP_TRADES: Final = Counter("tapeflow_feed_gap_trades", "Trades that came from histories", ["venue"])
BROKER_DOWN: Final = Gauge("tapeflow_feed_broker_down", "1 while Kafka takes nothing of what venues tell")
CHECKS: Final = Counter(
    "tapeflow_feed_checks",
    "Markets held against REST, by outcome: whole, mended, incomplete, failed",
    ["venue", "outcome"],
)
CLOCK_AHEAD_MS: Final = Gauge(
    "tapeflow_feed_clock_ahead_ms", "This machine's clock less the venue's, at most", ["venue"]
)
RECEIVED_MS: Final = Histogram(
    "tapeflow_feed_received_ms", "From a trade's time to its arrival here", ["venue"], buckets=BUCKETS_MS
)
WRITTEN_MS: Final = Histogram(
    "tapeflow_feed_written_ms", "From a trade's arrival to the broker's answer", ["venue"], buckets=BUCKETS_MS
)
