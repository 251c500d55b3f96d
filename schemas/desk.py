"""The tables of a dealing desk that travel between steps: decisions, providers' figures, exposures.

connectors.desk makes a DeskBatch of one partition, core.analytics reads it, sinks write it. Amounts are exact integers
in units of 10**-10: wide ones in a pair of 64 bits as in schemas.columns, narrow ones (spreads, ratios, rates) in one.
Names (symbols, providers, decisions) are numbers into the batch's ``words``. Field names of records are those of S1's
clients, so a record, a message and a column of a table say the same word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from schemas.columns import Rows
from schemas.intervals import Interval
from schemas.rejects import Reject
from schemas.traces import BatchTrace

__all__ = [
    "DESK_KINDS",
    "EXPOSURE",
    "LP",
    "NARROW_LIMIT",
    "ROUTING",
    "SCOPES",
    "SIDE_NAMES",
    "TABLE_OF",
    "TRADE_ALERTS",
    "WINDOWS",
    "DeskAlert",
    "DeskBatch",
    "DeskEntry",
    "DeskKind",
    "ExposureRow",
    "LpFigures",
    "LpRow",
    "RoutingFigures",
    "RoutingRow",
]

DeskKind = Literal["routing", "lp", "exposure"]
DESK_KINDS: Final[tuple[DeskKind, ...]] = ("routing", "lp", "exposure")
NARROW_LIMIT: Final = 9 * 10**18
"""Narrow amounts are below this, in units of 10**-10: 900,000,000."""
WINDOWS: Final = (Interval("1s", 1_000_000), Interval("1m", 60_000_000), Interval("1h", 3_600_000_000))
"""The windows of a desk's figures, aligned to UTC as bars are."""
SCOPES: Final = ("total", "symbol", "lp", "book")
"""Of what totals of an exposure are."""
TRADE_ALERTS: Final = ("gaps", "crossed", "jumps", "stale")
"""What alerts about trades there are."""
SIDE_NAMES: Final = ("BUY", "SELL", "")
"""By the number of a side, as schemas.columns has them; a decision may be of none."""

PLACE_COLUMNS: Final = [("offset", "i8"), ("timestamp_ms", "i8"), ("event_time_us", "i8")]
ROUTING: Final = np.dtype(
    [
        *PLACE_COLUMNS,
        ("volume_hi", "i8"),
        ("volume_lo", "u8"),
        ("execution_us", "i8"),
        ("spread", "i8"),
        ("slippage", "i8"),
        ("symbol", "i4"),
        ("lp", "i4"),
        ("decision", "i4"),
        ("side", "u1"),
        ("reason", "u1"),
        ("_pad", "u1", (2,)),
    ]
)
"""One routing decision. ``lp`` is the word "" where the desk took the order itself."""
LP: Final = np.dtype(
    [
        *PLACE_COLUMNS,
        ("spread", "i8"),
        ("quality", "i8"),
        ("latency_us", "i8"),
        ("quotes", "i8"),
        ("reject_rate", "i8"),
        ("uptime", "i8"),
        ("lp", "i4"),
        ("status", "i4"),
    ]
)
"""What a provider's figures were at a time. ``quotes``: a second."""
EXPOSURE: Final = np.dtype(
    [
        *PLACE_COLUMNS,
        ("exposure_hi", "i8"),
        ("exposure_lo", "u8"),
        ("limit_hi", "i8"),
        ("limit_lo", "u8"),
        ("symbol", "i4"),
        ("lp", "i4"),
        ("book", "i4"),
        ("has_limit", "u1"),
        ("_pad", "u1", (3,)),
    ]
)
"""The state of one symbol, provider and book from a time on."""
TABLE_OF: Final[dict[DeskKind, np.dtype]] = {"routing": ROUTING, "lp": LP, "exposure": EXPOSURE}


@dataclass(slots=True)
class DeskBatch:
    """Decoded records of one partition, in offset order, and what was refused; read = len(rows) + len(rejects)."""

    kind: DeskKind
    topic: str
    partition: int
    rows: Rows
    words: Sequence[str]
    read: int
    next_offset: int
    caught_up: bool = False
    rejects: list[Reject] = field(default_factory=list)
    trace: BatchTrace | None = None

    def __len__(self) -> int:
        return len(self.rows)


class DeskEntry(NamedTuple):
    """A message of a channel. ``order``: a text that rises with each of a partition's, made of the log alone.

    symbols: only for clients who may see one of them; nothing: for all in the channel.
    """

    order: str
    channel: str
    kind: str
    data: bytes
    time_ms: int
    symbols: tuple[str, ...] = ()


@dataclass(slots=True)
class RoutingFigures:
    """What is summed up of decisions. Volume, spreads and slippages in units of 10**-10, times in microseconds.

    favourable, adverse: decisions with a slippage below and above 0. version: sequence of the last decision.
    execution, spread, slippage: counts by bucket, see core.analytics.sketch.
    """

    count: int = 0
    volume: int = 0
    spread_sum: int = 0
    slippage_sum: int = 0
    execution_us_sum: int = 0
    execution_us_max: int = 0
    favourable: int = 0
    adverse: int = 0
    version: int = -1
    execution: dict[int, int] = field(default_factory=dict)
    spread: dict[int, int] = field(default_factory=dict)
    slippage: dict[int, int] = field(default_factory=dict)

    def copy(self) -> "RoutingFigures":
        """Figures that share nothing with these."""
        counts = (dict(self.execution), dict(self.spread), dict(self.slippage))
        return replace(self, execution=counts[0], spread=counts[1], slippage=counts[2])


class RoutingRow(NamedTuple):
    """A minute's figures of one partition's decisions, as they go to ClickHouse."""

    start_us: int
    symbol: str
    lp: str
    decision: str
    partition: int
    figures: RoutingFigures


@dataclass(slots=True)
class LpFigures:
    """What is summed up of a provider's records. Amounts in units of 10**-10, times in microseconds.

    rejects_sum: reject rates, each times its quotes a second, in units of 10**-20. up_us, changes: from status changes,
    when a window goes out. status: that of the record at ``last_at`` (event time, offset), the last in the window.
    """

    samples: int = 0
    spread_sum: int = 0
    quality_sum: int = 0
    latency_us_sum: int = 0
    latency_us_max: int = 0
    quotes_sum: int = 0
    rejects_sum: int = 0
    up_us: int = 0
    changes: int = 0
    version: int = -1
    status: str = ""
    last_at: tuple[int, int] = (-1, -1)
    latency: dict[int, int] = field(default_factory=dict)
    spread: dict[int, int] = field(default_factory=dict)

    def copy(self) -> "LpFigures":
        """Figures that share nothing with these."""
        return replace(self, latency=dict(self.latency), spread=dict(self.spread))


class LpRow(NamedTuple):
    """A minute's figures of a provider, as they go to ClickHouse."""

    start_us: int
    lp: str
    partition: int
    figures: LpFigures


class ExposureRow(NamedTuple):
    """A minute's totals of one name of a scope, as they go to ClickHouse. ``limit``: 0 where none is known."""

    start_us: int
    scope: str
    name: str
    partition: int
    net: int
    gross: int
    peak: int
    limit: int
    warning_us: int
    critical_us: int
    version: int


class DeskAlert(NamedTuple):
    """Something that somebody should look at, or that it is over. ``id`` is made of the record that brought it about.

    state: see schemas.alert_states, of the same id. basis: ``log``, ``clock`` where nothing came, or ``user`` where
    somebody, ``by``, acknowledged it. symbols: only for clients who may see one of them; nothing: for all.
    """

    id: str
    state: str
    time_us: int
    severity: str
    category: str
    title: str
    message: str
    source: str
    actions: tuple[str, ...] = ()
    basis: str = "log"
    by: str = ""
    symbols: tuple[str, ...] = ()
