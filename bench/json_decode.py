"""JSON trades into columns: our compiled decoder against msgspec, in one process, in the same run.

``python -m bench.json_decode --json FILE``. Both make symbol texts, exact prices and sizes in units of 10**-10, times,
sides and ids of the same records; the results are compared before anything is timed. Rounds alternate and medians are
compared. The library's way is one typed decode of the whole batch and a loop that puts its objects into columns, since
it makes objects; a second row has the decode alone, which is the least that the library costs.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from bench.report import Figure, commit, write
from connectors.json.decoder import JsonDecoder
from connectors.synthetic import SyntheticMarket, symbol_names
from jobs.produce.encoding import json_encoder
from kernels.decimal_text import from_pair
from schemas.columns import RawBatch, TradeRows

COMMAND = "python -m bench.json_decode"
SCALE = 10
WORD = 1 << 64
SIDES = {"BUY": 0, "SELL": 1, "UNKNOWN": 2}


class LibraryTrade(msgspec.Struct):
    """The fields that both ways read."""

    symbol: str
    price: Decimal
    size: Decimal
    side: str
    trade_id: str
    event_time: int


def values_of(count: int) -> list[bytes]:
    market = SyntheticMarket(symbol_names(100), start_us=1_800_000_000_000_000)
    return json_encoder(time_unit="us")(market.take(count, 60_000_000))


def raw_of(values: list[bytes]) -> RawBatch:
    count = len(values)
    ends = np.cumsum([len(value) for value in values], dtype=np.int64)
    stamps = np.full(count, 1_800_000_000_000)
    return RawBatch("trades", 0, b"".join(values), ends, np.arange(count), stamps, [None] * count)


def by_library(decoder: "msgspec.json.Decoder[list[LibraryTrade]]", values: list[bytes]) -> tuple[Any, ...]:
    """Columns: symbols, ids, prices and sizes as (high, low) words, times, sides."""
    trades = decoder.decode(b"[" + b",".join(values) + b"]")
    prices = [int(each.price.scaleb(SCALE)) for each in trades]
    sizes = [int(each.size.scaleb(SCALE)) for each in trades]
    return (
        [each.symbol for each in trades],
        [each.trade_id for each in trades],
        *(np.array([number // WORD for number in numbers], np.int64) for numbers in (prices, sizes)),
        *(np.array([number % WORD for number in numbers], np.uint64) for numbers in (prices, sizes)),
        np.array([each.event_time for each in trades], np.int64),
        np.array([SIDES[each.side] for each in trades], np.uint8),
    )


def check_equal(rows: TradeRows, text: bytes, columns: tuple[Any, ...]) -> None:
    symbols, ids, price_hi, size_hi, price_lo, size_lo, times, sides = columns
    names = (("price_hi", price_hi), ("price_lo", price_lo), ("size_hi", size_hi), ("size_lo", size_lo))
    for name, column in (*names, ("event_time_us", times), ("side", sides)):
        assert (rows[name] == column).all(), name
    for name, texts in (("symbol", symbols), ("trade_id", ids)):
        found = [
            text[at : at + length].decode()
            for at, length in zip(rows[f"{name}_at"].tolist(), rows[f"{name}_len"].tolist(), strict=True)
        ]
        assert found == texts, name
    assert from_pair(int(rows["price_hi"][0]), int(rows["price_lo"][0])) > 0


def timed_us(action: Callable[[], object], count: int) -> float:
    """Microseconds for each record."""
    began_s = time.perf_counter()
    action()
    return (time.perf_counter() - began_s) * 1e6 / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json")
    args = parser.parse_args()
    values = values_of(args.records)
    raw, ours = raw_of(values), JsonDecoder(time_unit="us")
    library = msgspec.json.Decoder(list[LibraryTrade])
    batch = ours.decode(raw)  # compiles too
    assert len(batch.rows) == args.records
    check_equal(batch.rows, batch.text, by_library(library, values))
    joined = b"[" + b",".join(values) + b"]"
    ways: dict[str, Callable[[], object]] = {
        "json_msgspec_to_columns": lambda: by_library(library, values),
        "json_msgspec_objects_only": lambda: library.decode(joined),
        "json_ours_to_columns": lambda: ours.decode(raw),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, action in ways.items():
            found[name].append(timed_us(action, args.records))
    medians = {name: statistics.median(times) for name, times in found.items()}
    bare = medians["json_msgspec_to_columns"]
    figures = [
        Figure(f"{name}_per_record", us, "us", None if us == bare else bare / us, COMMAND, commit())
        for name, us in medians.items()
    ]
    write(figures, args.json)


if __name__ == "__main__":
    main()
