"""The law of arrays: several trades in one record are read alike by flows and oracle, and refused with their record.

A record's good trades stand together with their places in it, or the record is refused whole, once; an account of
trades and refused records adds up, and so do the bars that a shard makes of them.
"""

import json
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.json.decoder import JsonDecoder
from core.bars.requeued import refuse_requeued
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.validation import validate
from oracle.records import OracleReader
from oracle.truth import Oracle, OracleReject, OracleRules, OracleTrade
from schemas.columns import PLACE, TradeBatch
from tests.property.trade_batches import examples, trade_of
from tests.unit.connectors.batches import TIMESTAMP_MS, raw_batch

FUTURE_US = 60_000_000
OBJECTS = {
    "symbol": "s", "price": "data[].p", "size": "data[].q", "event_time": "data[].t", "trade_id": "data[].i",
    "side": "data[].m",
}  # fmt: skip
TOP = {name: path.replace("data[]", "[]") for name, path in OBJECTS.items()} | {"symbol": "[].s"}
PLACES = {"symbol": "3", "price": "1[].0", "size": "1[].1", "event_time": "1[].2"}
NESTED = {"symbol": "data.list[].s.n", "price": "data.list[].p", "size": "data.list[].q", "event_time": "at"}
times = st.integers(TIMESTAMP_MS - 200_000, TIMESTAMP_MS + 100)
prices = st.one_of(st.integers(1, 9), st.sampled_from(["1.5", "2", "x", -1, None, 0.5, [], {}]))
trades = st.fixed_dictionaries(
    {"p": prices, "q": st.integers(0, 3), "t": times},
    optional={"i": st.integers(1, 30), "m": st.booleans(), "s": st.sampled_from(["A", "B", "\u00e9", {"n": "C"}])},
)
items = st.lists(st.one_of(trades, st.sampled_from([None, 1, [], {}])), max_size=5)
good_items = st.lists(trades.map(lambda trade: trade | {"p": 2, "s": "A"}), max_size=5)
arrays = st.one_of(items, good_items, good_items)
odd = st.sampled_from([None, 1, "x", {}, {"list": 1}, [1]])


def spelled(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


values = st.one_of(
    st.builds(lambda found, s: spelled({"s": s, "data": found}), arrays, st.sampled_from(["A", "", "BTC"])),
    st.builds(lambda found: spelled({"data": found, "x": [{"p": 1}], "s": "A"}), arrays),
    st.builds(lambda found: spelled({"data": {"list": found}, "at": TIMESTAMP_MS}), arrays),
    arrays.map(spelled),
    st.builds(lambda found: spelled([0, [[i["p"], i["q"], i["t"]] for i in found], "trade", "XBT/USD"]), good_items),
    odd.map(lambda found: spelled({"s": "A", "data": found})),
    st.sampled_from([b"", b"{", b"[", b"[{}", b'{"data":[{]}', b'{"s":"A","data":[]} ', b"null", b'{"data":[{"p":1}']),
)  # fmt: skip


@given(st.lists(values, min_size=1, max_size=12), st.sampled_from([OBJECTS, TOP, PLACES, NESTED]), st.integers(-1, 11))
@example([b'{"s":"A","data":[]}', b'{"s":"A","data":[{"p":1,"q":1,"t":1700000000000}]}'], OBJECTS, -1)
@settings(max_examples=examples(600))
def test_arrays_of_trades(records: list[bytes], field_map: dict[str, str], requeued: int) -> None:
    raw = raw_batch(records)
    places = np.array([(100 + requeued, TIMESTAMP_MS)], PLACE)
    decoder = JsonDecoder(field_map=field_map)
    rows, text = decoder.decode_rows(raw)
    validate(rows, text, FUTURE_US)
    refuse_requeued(rows, places)
    batch: TradeBatch = decoder.finish(raw, rows, text)

    reader = OracleReader(
        value_format="json", field_map=field_map, future_us=FUTURE_US, requeued={(3, 100 + requeued, TIMESTAMP_MS)}
    )
    expected = [reader.read_all(3, 100 + at, TIMESTAMP_MS, value) for at, value in enumerate(records)]
    good = [trade for found in expected for trade in found if isinstance(trade, OracleTrade)]
    refused = [reject for found in expected for reject in found if isinstance(reject, OracleReject)]
    assert [trade_of(row, batch.text)._replace(partition=3) for row in batch.rows] == good
    assert [(reject.offset, reject.reason) for reject in batch.rejects] == [
        (each.offset, each.reason) for each in refused
    ]
    assert all(reject.value == records[reject.offset - 100] for reject in batch.rejects)
    assert batch.read == len(good) + len(refused)
    assert batch.next_offset == 100 + len(records)
    for offset in np.unique(batch.rows["offset"]):
        of_one = batch.rows["index"][batch.rows["offset"] == offset]
        assert of_one.tolist() == list(range(len(of_one)))

    shard, oracle = Shard(Rules()), Oracle(OracleRules())
    done = shard.apply(batch)
    for found in expected:
        for item in found:
            oracle.take(item)
    counts = oracle.result().counts.get(3, {"applied": 0, "late": 0, "read": 0})
    assert (done.applied, done.late, shard.read) == (counts["applied"], counts["late"], counts["read"])
    bars = {(key[1], key[2], key[3]): bar for key, bar in oracle.result().bars.items()}
    finals = shard.open_bars()
    for row in finals.rows:
        key = (
            finals.symbols[row["symbol"]],
            ("1m", "5m", "15m", "1h", "4h", "1D", "1W")[row["interval"]],
            int(row["start_us"]),
        )
        assert int(row["trade_count"]) == bars[key].trade_count
        assert int(row["close_lo"]) == int(bars[key].close.scaleb(10))
        assert int(row["open_lo"]) == int(bars[key].open.scaleb(10))
