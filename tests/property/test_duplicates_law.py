"""A trade is a duplicate only if its id was seen, and what can't be told is counted, as the oracle says it."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.shard_kernel import UNJUDGED
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleTrade, recompute
from schemas.intervals import INTERVALS
from tests.property.test_shard_laws import OUTCOMES, oracle_rules
from tests.property.trade_batches import MONDAY_US, decimal, examples, to_batch

SECOND_US = 1_000_000
DAY_S = 86_400


@st.composite
def feeds(draw: st.DrawFn) -> list[OracleTrade]:
    """Feeds of two symbols and venues, one after another: ids restart, are sparse or text, newest first, repeated."""
    trades: list[OracleTrade] = []
    for symbol, exchange in draw(
        st.lists(st.sampled_from([("A", "x"), ("A", "y"), ("B", "x"), ("A", "")]), max_size=6)
    ):
        kind = draw(st.sampled_from(["plain", "sparse", "uuid", "long", "none", "mixed"]))
        count, start_s = draw(st.integers(1, 12)), draw(st.sampled_from([0, 0, 5, 3600, DAY_S]))
        numbers = list(range(count))
        if draw(st.booleans()):
            numbers.reverse()
        trades += [trade_of(symbol, exchange, id_of(kind, n), start_s + n) for n in numbers]
    for _ in range(draw(st.integers(0, 8))):
        if trades:
            again = trades[draw(st.integers(0, len(trades) - 1))]
            later_us = draw(st.sampled_from([0, 0, SECOND_US, 3600 * SECOND_US]))
            trades.insert(
                draw(st.integers(0, len(trades))), again._replace(event_time_us=again.event_time_us + later_us)
            )
    return [trade._replace(offset=offset) for offset, trade in enumerate(trades)]


def id_of(kind: str, number: int) -> str:
    return {
        "plain": str(number),
        "sparse": f"{17145216000010000 + number * 10**6}",
        "uuid": f"498350a3-8c03-affd-cf87-{number:012x}",
        "long": f"{10**20 + number}",
        "none": "",
        "mixed": f"00{number} " if number % 2 else f"{number}x",
    }[kind]


def trade_of(symbol: str, exchange: str, trade_id: str, seconds: int) -> OracleTrade:
    time_us = MONDAY_US + seconds * SECOND_US
    return OracleTrade(3, 0, 0, time_us, symbol, decimal(10**10), decimal(1), trade_id=trade_id, exchange=exchange)


@settings(max_examples=examples(400))
@given(
    trades=feeds(),
    window=st.sampled_from([1, 2, 5, 16, 1000]),
    span_us=st.sampled_from([1, SECOND_US, 3600 * SECOND_US]),
    data=st.data(),
)
def test_the_shard_judges_as_the_oracle_does(
    trades: list[OracleTrade], window: int, span_us: int, data: st.DataObject
) -> None:
    rules = Rules(dedupe=True, dedupe_window=window, dedupe_span_us=span_us, lateness_us=(0,) * len(INTERVALS))
    shard, rest, found = Shard(rules), trades, []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        if data.draw(st.booleans()):
            shard = restore(snapshot(shard), rules)
        batch = to_batch(rest[:size])
        shard.apply(batch)
        shard.take_final()
        found += [OUTCOMES[code] for code in batch.rows["outcome"]]
        rest = rest[size:]
    truth = recompute(trades, oracle_rules(rules))
    assert found == [truth.outcomes[3, trade.offset] for trade in trades]
    assert int(shard.counts[UNJUDGED]) == truth.unjudged.get(3, 0)


@settings(max_examples=100)
@given(trades=feeds(), window=st.sampled_from([1, 3, 1000]))
def test_no_trade_is_refused_whose_id_was_not_seen(trades: list[OracleTrade], window: int) -> None:
    batch = to_batch(trades)
    Shard(Rules(dedupe=True, dedupe_window=window)).apply(batch)
    for index in np.flatnonzero(batch.rows["outcome"] == OUTCOMES.index("duplicate")):
        assert trades[index].identity in {trade.identity for trade in trades[:index]}
