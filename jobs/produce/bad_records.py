"""Records that must be refused, one for each way in which bad data reaches a topic, for the demo and the tests.

``produce`` and the demo mix them into good trades. Each comes with the reason that the flows must give for it, so that
the dead letters can be counted against what was sent. Records that break the rules of times and numbers are good Avro,
made by the same encoder as good trades; the rest are broken bytes.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Final, NamedTuple

import numpy as np

from connectors.synthetic import SyntheticMarket
from schemas.columns import TradeBatch
from schemas.rejects import Reason

__all__ = ["BadRecord", "bad_records"]

SYMBOL: Final = "BAD/USDT"
UNKNOWN_SCHEMA_ID: Final = 987_654_321
HOUR_US: Final = 3_600_000_000


class BadRecord(NamedTuple):
    """``reason`` is what a flow with Confluent framing says about ``value``."""

    value: bytes
    reason: Reason


def bad_records(encode: Callable[[TradeBatch], list[bytes]], now_us: Callable[[], int]) -> Iterator[BadRecord]:
    """Bad records without end, reasons in turn. ``encode`` frames as Confluent does; ``now_us`` is asked for each."""
    makers: tuple[Callable[[bytes], BadRecord], ...] = (
        lambda good: BadRecord(good[:-3], Reason.CORRUPT),
        lambda good: BadRecord(b"\x00" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + good[5:], Reason.UNKNOWN_SCHEMA),
        lambda good: BadRecord(b"\x07" + good[1:], Reason.BAD_FRAME),
        lambda _: BadRecord(b"", Reason.EMPTY_VALUE),
        lambda _: _broken(encode, now_us(), Reason.PRICE_NOT_POSITIVE),
        lambda _: _broken(encode, now_us(), Reason.SIZE_NEGATIVE),
        lambda _: _broken(encode, now_us(), Reason.FUTURE_TIME),
        lambda _: _broken(encode, now_us(), Reason.BEFORE_1970),
        lambda _: _broken(encode, now_us(), Reason.BAD_SYMBOL),
    )
    for make in cycle(makers):
        yield make(encode(_good(SYMBOL, now_us()))[0])


def _good(symbol: str, now_us: int) -> TradeBatch:
    return SyntheticMarket([symbol], start_us=now_us).take(1, 1)


def _broken(encode: Callable[[TradeBatch], list[bytes]], now_us: int, reason: Reason) -> BadRecord:
    batch = _good("BAD|SYMBOL" if reason is Reason.BAD_SYMBOL else SYMBOL, now_us)
    row = batch.rows[0]
    if reason is Reason.PRICE_NOT_POSITIVE:
        row["price_lo"] = 0
    elif reason is Reason.SIZE_NEGATIVE:
        row["size_hi"], row["size_lo"] = -1, np.iinfo(np.uint64).max
    elif reason is Reason.FUTURE_TIME:
        row["event_time_us"] = now_us + 24 * HOUR_US
    elif reason is Reason.BEFORE_1970:
        row["event_time_us"] = -1
    return BadRecord(encode(batch)[0], reason)
