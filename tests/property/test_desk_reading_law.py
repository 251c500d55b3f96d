"""The law of reading a desk: the decoder's rows are the oracle's records, and both refuse the same values."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.desk.decoder import DeskDecoder
from jobs.produce.desk import DeskMarket, desk_encoder
from kernels.decimal_text import from_pair, units
from oracle.desk import OracleDecision
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from oracle.desk_records import DeskReader, OracleDeskRecord
from schemas.columns import RawBatch
from schemas.desk import DESK_KINDS, SIDE_NAMES, DeskBatch, DeskKind

STAMP_MS = 1_760_313_600_500
NAMES = (
    *("symbol", "side", "volume", "routingDecision", "lpSelected", "executionTimeMs", "spread", "slippage"),
    *("lpName", "status", "avgSpread", "executionQuality", "latencyMs", "quotesPerSecond", "rejectRate", "uptime"),
    *("book", "exposure", "exposureLimit", "eventTime"),
)
TEXTS = (
    *("null", "true", '""', '"EUR/USD"', '" x"', '"BUY"', '"sell"', '"a|b"', "[1]", "{}", '"1.5"', '"abc"', '"NaN"'),
    *("0", "-1", "1", "1.0000000001", "0.00000000001", "100", "100.1", "1e17", "1e18", "899999999.9", "900000000"),
    *("1e400", "-0.0", "2.0005", "2.0015", "0.5", str(STAMP_MS), str(STAMP_MS + 60_001), "1760313600499.9999"),
    *('"2025-10-13T00:00:00Z"', '"2025-10-13T02:00:00.123456+02:00"', '"2025-10-13T00:00:00"', '"yesterday"'),
    "10413792000000",
)


@settings(max_examples=300)
@given(
    st.sampled_from(DESK_KINDS),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((*TEXTS, None)), max_size=3),
    st.sampled_from((STAMP_MS, -1)),
)
def test_json_is_read_as_the_oracle_reads_it(
    kind: DeskKind, seed: int, changes: dict[str, str | None], stamp_ms: int
) -> None:
    [record] = DeskMarket(kind, 5, seed).take(1, STAMP_MS * 1000, 0)
    plain = json.loads(desk_encoder(kind, "json")(record), parse_float=Decimal)
    fields = {name: str(value) if isinstance(value, Decimal) else json.dumps(value) for name, value in plain.items()}
    fields |= {name: text for name, text in changes.items() if text is not None}
    for name, text in changes.items():
        if text is None:
            fields.pop(name, None)
    check(kind, "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}", stamp_ms)


@settings(max_examples=60)
@given(st.sampled_from(DESK_KINDS), st.integers(0, 99), st.integers(0, 3), st.integers(0, 60))
def test_frames_are_read_as_the_oracle_reads_them(kind: DeskKind, seed: int, harm: int, place: int) -> None:
    [record] = DeskMarket(kind, 5, seed).take(1, STAMP_MS * 1000, 0)
    value = desk_encoder(kind, "confluent")(record)
    harmed = (value, value[:place], value + b"x", b"\0\0\0\1\0" + value[5:])[harm]
    check(kind, harmed, STAMP_MS)


def check(kind: DeskKind, value: bytes | str, stamp_ms: int) -> None:
    data = value.encode() if isinstance(value, str) else value
    one, seven, stamp = (np.array([number], np.int64) for number in (len(data), 7, stamp_ms))
    raw = RawBatch("t", 0, data, one, seven, stamp, [None])
    batch = DeskDecoder(kind, future_us=60_000_000, value_bytes_max=1_000_000).decode(raw)
    found = DeskReader(kind).read(0, 7, stamp_ms, data)
    assert (found is None) == bool(batch.rejects), (found, batch.rejects)
    if found is not None:
        assert as_told(found) == as_read(batch)


def as_told(record: OracleDeskRecord) -> tuple[Any, ...]:
    return tuple(units(part) if isinstance(part, Decimal) else part for part in record[1:])


def as_read(batch: DeskBatch) -> tuple[Any, ...]:
    row, words = batch.rows[0], batch.words
    place = (int(row["offset"]), int(row["timestamp_ms"]), int(row["event_time_us"]))
    if batch.kind == "routing":
        made: tuple[Any, ...] = OracleDecision(
            0, *place, words[row["symbol"]], SIDE_NAMES[row["side"]],
            from_pair(int(row["volume_hi"]), int(row["volume_lo"])), words[row["decision"]], words[row["lp"]],
            int(row["execution_us"]), int(row["spread"]), int(row["slippage"]),
        )  # type: ignore[arg-type]  # fmt: skip
    elif batch.kind == "lp":
        names = ("spread", "quality", "latency_us", "quotes", "reject_rate", "uptime")
        numbers = [int(row[name]) for name in names]
        made = OracleLpRecord(0, *place, words[row["lp"]], words[row["status"]], *numbers)  # type: ignore[arg-type]
    else:
        limit = from_pair(int(row["limit_hi"]), int(row["limit_lo"])) if row["has_limit"] else None
        made = OracleState(
            0, *place, words[row["symbol"]], words[row["lp"]], words[row["book"]],
            from_pair(int(row["exposure_hi"]), int(row["exposure_lo"])), limit,
        )  # type: ignore[arg-type]  # fmt: skip
    return made[1:]
