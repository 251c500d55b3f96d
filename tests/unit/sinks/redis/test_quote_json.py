"""JSON of quotes: every digit, mid and spread exact, neither where bid and ask cross."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.quotes.book import QuoteBook, QuoteRules
from kernels.decimal_text import plain, units
from oracle.quotes import OracleQuote, mid_of, spread_of
from sinks.redis.encode import TextTable
from sinks.redis.quote_json import quote_messages
from tests.property.quote_records import START_US, quote, quote_batch


def messages(*quotes: OracleQuote) -> list[bytes]:
    book, symbols, exchanges = QuoteBook(QuoteRules()), TextTable(), TextTable()
    book.apply(quote_batch(quotes))
    states = book.take_changed()
    for symbol in states.symbols:
        symbols.add(symbol.encode())
    exchanges.add(json.dumps(states.exchanges[0]).encode() if states.exchanges else b'""')
    return quote_messages(states.rows, symbols.texts, exchanges.texts)


def test_the_fields_and_their_order() -> None:
    first, second = messages(quote(3, "A", "1.1", "1.2"), quote(4, "B/Ü", "3", "2", after_us=1500))
    assert first.decode() == (
        '{"type":"quote","symbol":"A","bid":1.1,"ask":1.2,"bidSize":1,"askSize":1,"mid":1.15,"spread":0.1,'
        f'"quoteTimestamp":{START_US // 1000},"quoteSequence":3,"exchange":"XNAS"}}'
    )
    crossed: dict[str, Any] = json.loads(second)
    assert (crossed["bid"], crossed["ask"], crossed["mid"], crossed["spread"]) == (3, 2, None, None)
    assert (crossed["symbol"], crossed["quoteTimestamp"]) == ("B/Ü", START_US // 1000 + 1)
    assert messages() == []


prices = st.decimals("0.0000000001", "999999999999999999.9999999999", places=10)


@given(prices, prices)
def test_mid_and_spread_are_the_oracles(bid: Decimal, ask: Decimal) -> None:
    (message,) = messages(OracleQuote(0, 0, START_US, "A", bid, ask))
    told = json.loads(message, parse_float=str, parse_int=str)
    mid, spread = mid_of(bid, ask), spread_of(bid, ask)
    assert told["mid"] == (None if mid is None else plain(units(mid)))
    assert told["spread"] == (None if spread is None else plain(units(spread)))
    assert (told["bid"], told["ask"]) == (plain(units(bid)), plain(units(ask)))
