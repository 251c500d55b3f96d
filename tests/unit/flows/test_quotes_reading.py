"""From records to quotes: what is refused and why, in words of quotes; what was put back counts nowhere."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from flows.quotes_reading import decode_quotes, quotes_decoder, quotes_settings
from jobs.produce.quotes import written_quotes
from runtime.settings.whole import load_settings
from schemas.columns import PLACE
from schemas.quotes import QuoteBatch
from schemas.rejects import Reason
from tests.property.quote_records import START_US, price_of, quote, quote_batch
from tests.unit.jobs.produce.test_quotes import raw_batch

GOOD = {"symbol": "A", "bid": 1, "ask": "2.5", "bid_size": 3, "ask_size": 0, "event_time": START_US}


def decode(*values: bytes, **settings: Any) -> QuoteBatch:
    own = quotes_settings(load_settings(**{"quotes_format": "json", **settings}))
    return decode_quotes(own, quotes_decoder(own))(raw_batch(list(values)))


def test_settings_of_quotes_stand_where_those_of_trades_do() -> None:
    own = quotes_settings(load_settings(quotes_topic="q", quotes_format="avro", quotes_field_map={"bid": "b"}))
    assert (own.kafka_topic, own.dead_letter_topic, own.value_format) == ("q", "q.dead-letter", "avro")
    assert own.field_map == {"price": "b", "size": "bid_size", "bid": "ask", "ask": "ask_size"}


def test_a_good_quote() -> None:
    batch = decode(json.dumps(GOOD).encode())
    (row,) = batch.rows
    assert not batch.rejects
    assert [price_of(row, name) for name in ("bid", "ask", "bid_size", "ask_size")] == [1, Decimal("2.5"), 3, 0]
    assert batch.text[row["symbol_at"] : row["symbol_at"] + row["symbol_len"]] == b"A"


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"ask": None}, Reason.MISSING_FIELD, "missing: ask"),
        ({"ask_size": None}, Reason.MISSING_FIELD, "missing: ask_size"),
        ({"bid": None}, Reason.MISSING_FIELD, "missing: price (bid)"),
        ({"bid": 0}, Reason.PRICE_NOT_POSITIVE, "bid is 0"),
        ({"ask": -1}, Reason.PRICE_NOT_POSITIVE, "ask is -1"),
        ({"bid_size": -1}, Reason.SIZE_NEGATIVE, "bid_size is -1"),
        ({"ask_size": -1}, Reason.SIZE_NEGATIVE, "ask_size is -1"),
        ({"symbol": "a,b"}, Reason.BAD_SYMBOL, "symbol 'a,b'"),
        ({"event_time": START_US + 10**9}, Reason.FUTURE_TIME, "ahead of the record's timestamp"),
        ({"bid": "1.12345678901"}, Reason.OUT_OF_RANGE, "bid"),
        ({"bid": "x"}, Reason.BAD_VALUE, "bid"),
    ],
)
def test_a_bad_one_is_refused_in_words_of_quotes(changed: dict[str, Any], reason: Reason, detail: str) -> None:
    record = {name: value for name, value in (GOOD | changed).items() if value is not None}
    batch = decode(json.dumps(GOOD).encode(), json.dumps(record).encode())
    (reject,) = batch.rejects
    assert (reject.reason, reject.offset, len(batch.rows), batch.read) == (reason, 1, 1, 2)
    assert detail in reject.detail, reject.detail


def test_bad_avro_is_told_in_words_of_quotes_too() -> None:
    settings = quotes_settings(load_settings())
    values = written_quotes(settings)(quote_batch([quote(0, bid="1"), quote(1, ask="0"), quote(2, bid="3")]))
    batch = decode(values[0], values[1], values[2], b"\0\0\0\0\2x", quotes_format="confluent")
    assert [(each.offset, each.reason.label) for each in batch.rejects] == [(1, "price-not-positive"), (3, "corrupt")]
    assert batch.rejects[0].detail == "ask is 0"
    assert len(batch.rows) == 2, "a crossed one is a quote"


def test_what_was_put_back_is_refused_where_it_stood() -> None:
    own = quotes_settings(load_settings(quotes_format="json"))
    raw = raw_batch([json.dumps(GOOD).encode()])
    places = np.array([(0, int(raw.timestamps_ms[0]))], PLACE)
    (reject,) = decode_quotes(own, quotes_decoder(own), {0: places})(raw).rejects
    assert reject.reason is Reason.REQUEUED
