"""Best bids and asks reach the batch digit by digit, each number in the column that the quotes topic has for it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from core.quotes.rows import quote_rows
from feeds.rows import Quote
from jobs.ingest.quote_batches import QuoteBatches
from kernels.decimal_text import from_pair

SCALE = 10**10
numbers = st.decimals(min_value=0, max_value=10**17, places=10)


def raw(number: Decimal) -> Raw:
    return Raw(f'"{number:f}"'.encode())


@given(st.tuples(numbers, numbers, numbers, numbers))
def test_all_digits_arrive_in_their_places(four: tuple[Decimal, Decimal, Decimal, Decimal]) -> None:
    quote = Quote("BTC/USDT", "BTCUSDT", *map(raw, four), 1_700_000_000_000_000)
    row = quote_rows(QuoteBatches("OKX").make([quote]).rows)[0]
    made = [
        from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"])) for name in ("bid", "ask", "bid_size", "ask_size")
    ]
    assert made == [int(number * SCALE) for number in four]
    assert int(row["event_time_us"]) == 1_700_000_000_000_000


def test_what_no_topic_takes_is_named_by_its_position() -> None:
    good = Quote("A/B", "AB", Raw(b"1"), Raw(b"2"), Raw(b"3"), Raw(b"4"), 1_700_000_000_000_000)
    bad = Quote("A/B", "AB", Raw(b'"cheap"'), Raw(b"2"), Raw(b"3"), Raw(b"4"), 1_700_000_000_000_000)
    batch = QuoteBatches("OKX").make([good, bad])
    assert len(batch) == 1
    assert [reject.offset for reject in batch.rejects] == [1]
