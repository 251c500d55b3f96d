"""Trades as the laws need them: hypothesis strategies, and the same trades as columns and as the oracle's rows.

Every property test of core draws from here. Times crowd around bar edges, ids are numbers, missing, mixed or repeated,
prices and sizes reach both ends of their range, since laws break at edges and nowhere else.
"""

from collections.abc import Sequence
from decimal import Context, Decimal

import numba
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from core.bars.openings import NEVER
from oracle.truth import OracleTrade
from schemas.columns import (
    ID_DIGITS,
    LONG_ID,
    NO_ID,
    TRADE,
    BarBatch,
    BarRow,
    TradeBatch,
    TradeRow,
)
from schemas.intervals import INTERVALS

SIDES = ("BUY", "SELL", "UNKNOWN")
SCALE = 10**10
MONDAY_US = 1_741_564_800_000_000  # 2025-03-10 00:00 UTC
SECOND_US = 1_000_000
EXACT = Context(prec=200)


def examples(count: int) -> int:
    """How many a law looks at: a third where what takes long is left out, as by make test; far fewer where kernels
    run as plain Python, a hundred times slower."""
    if numba.config.DISABLE_JIT:
        return max(count // 30, 3)
    return count // 3 if settings.get_current_profile_name() == "quick" else count


units = st.one_of(
    st.integers(1, 10**28 - 1),
    st.integers(10**8, 10**16),
    st.sampled_from([1, 10**10, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**28 - 1]),
)
steps_us = st.one_of(
    st.integers(-20 * SECOND_US, 20 * SECOND_US),
    st.sampled_from([0, 0, 1, 60 * SECOND_US, 3600 * SECOND_US, 86400 * SECOND_US, -90 * SECOND_US, -3700 * SECOND_US]),
)
trade_ids = st.one_of(st.integers(0, 40).map(str), st.just(""), st.sampled_from(["a1", "7", "007", " 7.0", "9" * 18]))
long_ids = st.one_of(
    st.sampled_from(
        ["9" * 18, "9" * 19, "1" + "0" * 19, "9" * 36, "1" + "0" * 36, "00" + "9" * 37, "9" * 37 + ".0", "1" * 60]
    ),
    st.integers(10**17, 10**20).map(str),
    st.integers(10**35, 10**38).map(str),
)


@st.composite
def trade_lists(draw: st.DrawFn, max_size: int = 40) -> list[OracleTrade]:
    """Trades of one partition in offset order, with gaps between offsets."""
    ids = draw(st.sampled_from([st.integers(0, 5000).map(str), long_ids, trade_ids, st.one_of(trade_ids, long_ids)]))
    # Several venues in one series are rare, and make its bars open alone.
    exchanges = draw(st.sampled_from([st.just("XNAS"), st.just(""), st.sampled_from(["", "XNAS"])]))
    time_us, offset, trades = MONDAY_US - 30 * SECOND_US, draw(st.integers(0, 5)), []
    for _ in range(draw(st.integers(1, max_size))):
        time_us = max(0, time_us + draw(steps_us))
        bid, ask = draw(st.tuples(st.none() | units, st.none() | units))
        trades.append(
            OracleTrade(
                partition=3,
                offset=offset,
                timestamp_ms=time_us // 1000,
                event_time_us=time_us,
                symbol=draw(st.sampled_from(["A", "BTC/USDT", "AAAA"])),
                price=decimal(draw(units)),
                size=decimal(draw(st.one_of(st.just(0), units))),
                side=draw(st.sampled_from(SIDES)),
                trade_id=draw(ids),
                exchange=draw(exchanges),
                bid=None if bid is None else decimal(bid),
                ask=None if ask is None else decimal(ask),
            )
        )
        offset += draw(st.integers(1, 3))
    return trades


def decimal(number: int) -> Decimal:
    return Decimal(f"{number // SCALE}.{number % SCALE:010d}")


def to_batch(trades: Sequence[OracleTrade], partition: int = 3) -> TradeBatch:
    """The same trades as columns."""
    rows = np.zeros(len(trades), TRADE)
    text = bytearray()
    for row, trade in zip(rows, trades, strict=True):
        for name in ("symbol", "trade_id", "exchange"):
            value = getattr(trade, name).encode()
            row[f"{name}_at"], row[f"{name}_len"] = len(text), len(value)
            text += value
        for name in ("price", "size", "bid", "ask"):
            value = getattr(trade, name)
            if value is not None:
                number = int(value.scaleb(10, EXACT))
                row[f"{name}_hi"], row[f"{name}_lo"] = number >> 64, number & (2**64 - 1)
                if name in ("bid", "ask"):
                    row[f"has_{name}"] = 1
        row["offset"], row["timestamp_ms"], row["event_time_us"] = trade.offset, trade.timestamp_ms, trade.event_time_us
        row["side"] = SIDES.index(trade.side)
        number = trade.id_number
        row["trade_id_upper"], row["trade_id_number"] = id_columns(number)
    next_offset = trades[-1].offset + 1 if trades else 0
    return TradeBatch("trades", partition, rows, bytes(text), len(trades), next_offset)


def id_columns(number: int | None) -> tuple[int, int]:
    """``trade_id_upper`` and ``trade_id_number`` as decoders write them."""
    if number is None:
        return 0, NO_ID
    return divmod(number, 10**ID_DIGITS) if number < 10 ** (2 * ID_DIGITS) else (LONG_ID, 0)


def wide(row: TradeRow | BarRow, name: str) -> Decimal:
    """A 128-bit column of a row as Decimal."""
    return Decimal((int(row[f"{name}_hi"]) << 64) + int(row[f"{name}_lo"])).scaleb(-10, EXACT)


def trade_of(row: TradeRow, text: bytes) -> OracleTrade:
    """A TRADE row that decoders made, of partition 0."""

    def word(name: str) -> str:
        at = int(row[f"{name}_at"])
        return text[at : at + int(row[f"{name}_len"])].decode()

    trade = OracleTrade(
        partition=0,
        offset=int(row["offset"]),
        timestamp_ms=int(row["timestamp_ms"]),
        event_time_us=int(row["event_time_us"]),
        symbol=word("symbol"),
        price=wide(row, "price"),
        size=wide(row, "size"),
        side=SIDES[row["side"]],
        trade_id=word("trade_id"),
        exchange=word("exchange"),
        bid=wide(row, "bid") if row["has_bid"] else None,
        ask=wide(row, "ask") if row["has_ask"] else None,
    )
    assert (int(row["trade_id_upper"]), int(row["trade_id_number"])) == id_columns(trade.id_number)
    return trade


def bars_of(batch: BarBatch) -> dict[tuple[str, str, int], dict[str, object]]:
    """Bars by (symbol, interval, start_us), every published field as exact values."""
    bars = {}
    for row in batch.rows:
        key = (batch.symbols[row["symbol"]], INTERVALS[row["interval"]].name, int(row["start_us"]))
        limbs = [int(limb) for limb in row["quote_volume"]]
        bars[key] = {
            **{name: wide(row, name) for name in ("open", "high", "low", "close", "volume", "buy_volume", "stddev")},
            "quote_volume": Decimal(sum(limb << (64 * i) for i, limb in enumerate(limbs))).scaleb(-20, EXACT),
            "vwap": wide(row, "vwap") if row["has_vwap"] else None,
            "trade_count": int(row["trade_count"]),
            "version": int(row["version"]),
            "revision": int(row["revision"]),
            "final": bool(row["final"]),
            "from_us": None if row["from_us"] == NEVER else int(row["from_us"]),
        }
    return bars
