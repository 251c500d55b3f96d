"""The tables of quotes that travel between steps: best bids and asks as they were told, the newest, and their bars.

flows.quotes_reading makes a QuoteBatch of one partition, core.quotes reads it and makes QuoteStates, sinks write those.
Prices and sizes are exact integers in units of 10**-10, in pairs of 64 bits as in schemas.columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.rejects import Reject
from schemas.traces import BatchTrace

__all__ = [
    "QUOTE",
    "QUOTE_BAR",
    "QUOTE_SIDES",
    "QUOTE_STATE",
    "QuoteBar",
    "QuoteBarRow",
    "QuoteBarRows",
    "QuoteBatch",
    "QuoteRow",
    "QuoteRows",
    "QuoteStates",
]

QuoteRows = npt.NDArray[Any]
"""QUOTE[n], or QUOTE_STATE[n]."""
QuoteRow: TypeAlias = Any
"""One row of these, as kernels have it."""

QUOTE_SIDES: Final[tuple[tuple[str, str], ...]] = (
    ("bid_hi", "i8"),
    ("bid_lo", "u8"),
    ("ask_hi", "i8"),
    ("ask_lo", "u8"),
    ("bid_size_hi", "i8"),
    ("bid_size_lo", "u8"),
    ("ask_size_hi", "i8"),
    ("ask_size_lo", "u8"),
)
QUOTE: Final = np.dtype(
    [
        ("offset", "i8"),
        ("timestamp_ms", "i8"),
        ("event_time_us", "i8"),
        *QUOTE_SIDES,
        ("symbol_at", "u4"),
        ("exchange_at", "u4"),
        ("symbol_len", "u2"),
        ("exchange_len", "u2"),
        ("_pad", "u4"),
    ]
)
"""One quote. Text fields are ``[at, at + len)`` of QuoteBatch.text."""
QUOTE_STATE: Final = np.dtype(
    [
        ("sequence", "i8"),
        ("event_time_us", "i8"),
        ("timestamp_ms", "i8"),
        *QUOTE_SIDES,
        ("exchange", "i4"),
        ("symbol", "i4"),
        ("crossed", "u1"),
        ("touched", "u1"),
        ("_pad", "u1", (6,)),
    ]
)
"""A symbol's newest quote by (event time, offset). ``sequence`` is that of its record, -1 where there was none yet;
``crossed``: its bid is above its ask; ``touched``: changed since it was taken last. ``symbol`` and ``exchange`` index
QuoteStates.symbols and .exchanges."""


@dataclass(slots=True)
class QuoteBatch:
    """Decoded quotes of one partition, in offset order, and what was refused; read = len(rows) + len(rejects)."""

    topic: str
    partition: int
    rows: QuoteRows
    text: bytes
    read: int
    next_offset: int
    caught_up: bool = False
    rejects: list[Reject] = field(default_factory=list)
    trace: BatchTrace | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class QuoteStates:
    """QUOTE_STATE rows of one shard, at most one a symbol. New names are added behind those that it has told.

    again: an earlier run may have published them.
    """

    shard: int
    symbols: Sequence[str]
    exchanges: Sequence[str]
    rows: QuoteRows
    again: bool = False

    def __len__(self) -> int:
        return len(self.rows)


QuoteBarRows = npt.NDArray[Any]
"""QUOTE_BAR[n]."""
QuoteBarRow: TypeAlias = Any
"""One of them."""
QUOTE_BAR: Final = np.dtype(
    [
        ("id", "i8"),
        ("start_us", "i8"),
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("version", "i8"),
        ("count", "i8"),
        ("crossed", "i8"),
        ("spread_us", "i8"),
        ("crossed_us", "i8"),
        *((f"sum{limb}", "u8") for limb in range(4)),
        *((f"{side}_{which}_{half}", kind) for side in ("bid", "ask") for which in ("open", "high", "low", "close")
          for half, kind in (("hi", "i8"), ("lo", "u8"))),
        *((f"{which}_{half}", "u8") for which in ("spread_min", "spread_max", "last_spread") for half in ("hi", "lo")),
        ("symbol", "i4"),
        ("interval", "u1"),
        ("has_spread", "u1"),
        ("last_crossed", "u1"),
        ("told", "u1"),
    ]
)  # fmt: skip
"""A bar of quotes in state. ``version``: sequence of the last quote in it, -1 where there is none yet; ``id``: numbers
bars as they begin; ``last_us``: time of the last quote, whose weight isn't in the sums yet; ``told``: given out as it
is. ``sum0`` to ``sum3``: limbs of the sum of spreads in units, each times the microseconds for which it held, of which
``spread_us`` are all."""


@dataclass(slots=True)
class QuoteBar:
    """A bar of quotes that ended. Prices and spreads in units of 10**-10; 0 for spreads where ``has_spread`` is false.

    crossed: of ``count`` quotes. spread_us: for so long an uncrossed quote held, crossed_us: a crossed one. spread:
    microseconds by bucket of the spread, see core.analytics.sketch.
    """

    SIDES: ClassVar = (
        "bid_open", "bid_high", "bid_low", "bid_close", "ask_open", "ask_high", "ask_low", "ask_close", "spread_min",
        "spread_max",
    )  # fmt: skip

    symbol: str
    interval: str
    start_us: int
    partition: int
    bid_open: int
    bid_high: int
    bid_low: int
    bid_close: int
    ask_open: int
    ask_high: int
    ask_low: int
    ask_close: int
    spread_min: int
    spread_max: int
    count: int
    crossed: int
    has_spread: bool
    spread_us: int
    crossed_us: int
    spread_sum: int
    spread: dict[int, int]
    version: int
