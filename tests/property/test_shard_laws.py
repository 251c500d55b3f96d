"""However records are cut into batches, and wherever it recovers, a shard publishes the oracle's bars and tickers."""

from decimal import Context, localcontext

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.shard_kernel import UNJUDGED
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleResult, OracleRules, OracleTrade, recompute
from schemas.intervals import INTERVALS
from tests.property.trade_batches import bars_of, examples, to_batch, trade_lists, wide

OUTCOMES = ("applied", "duplicate", "late")
second = 1_000_000
rules_drawn = st.builds(
    Rules,
    out_of_order_us=st.sampled_from([0, 5 * second, 120 * second]),
    lateness_us=st.one_of(
        st.sampled_from([(0,) * len(INTERVALS), (60 * second,) * len(INTERVALS)]),
        st.tuples(*[st.sampled_from([0, 1, 30 * second, 4000 * second]) for _ in INTERVALS]),
    ),
    dedupe=st.booleans(),
    dedupe_window=st.sampled_from([1, 2, 3, 7, 100_000]),
    dedupe_span_us=st.sampled_from([1, 30 * second, 3600 * second, 2**62]),
    source_epoch=st.sampled_from([0, 3]),
    previous_close=st.booleans(),
    exceptions=st.sampled_from([(), (), ("XNAS",)]),
)


def oracle_rules(rules: Rules) -> OracleRules:
    return OracleRules(
        rules.out_of_order_us, rules.lateness_us, rules.dedupe, rules.source_epoch,
        rules.dedupe_window, rules.dedupe_span_us, previous_close=rules.previous_close, exceptions=rules.exceptions,
    )  # fmt: skip


class Run:
    """Everything a shard published, the newest version of a bar winning, as a store would keep it."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.shard = rules, Shard(rules)
        self.finals: dict[tuple[str, str, int], dict[str, object]] = {}
        self.tickers: dict[str, np.void] = {}
        self.outcomes: list[str] = []
        self.unjudged = 0

    def take(self, trades: list[OracleTrade], *, recover: bool = False, look: bool = True) -> None:
        """``look``: what is open is taken afterwards, as live does it now and then and history never."""
        if recover:
            self.shard = restore(snapshot(self.shard), self.rules)
        batch = to_batch(trades)
        done = self.shard.apply(batch)
        assert sum(done[:3]) == len(batch)
        self.unjudged += done.unjudged
        self.outcomes += [OUTCOMES[code] for code in batch.rows["outcome"]]
        for key, bar in bars_of(self.shard.take_final()).items():
            known = self.finals.get(key)
            assert known is None or (known["version"], known["revision"]) < (bar["version"], bar["revision"])
            assert bar["final"]
            self.finals[key] = bar
        if look:
            self.look()

    def look(self) -> None:
        tickers, _ = self.shard.take_live()
        for row in tickers.rows:
            self.tickers[tickers.symbols[row["symbol"]]] = row.copy()

    def bars(self) -> dict[tuple[str, str, int], dict[str, object]]:
        still_open = bars_of(self.shard.open_bars())
        assert not still_open.keys() & self.finals.keys()
        return {**self.finals, **still_open}


def expected_bars(truth: OracleResult) -> dict[tuple[str, str, int], dict[str, object]]:
    bars = {}
    for (_, *key), bar in truth.bars.items():
        fields = bar._asdict()
        for name in ("partition", "symbol", "interval", "start_us"):
            del fields[name]
        bars[tuple(key)] = fields
    return bars


@settings(max_examples=examples(300))
@given(trades=trade_lists(), rules=rules_drawn, data=st.data())
def test_any_cut_and_any_recovery_give_the_oracles_bars(
    trades: list[OracleTrade], rules: Rules, data: st.DataObject
) -> None:
    run, rest = Run(rules), trades
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        run.take(rest[:size], recover=data.draw(st.booleans()), look=data.draw(st.booleans()))
        rest = rest[size:]
    run.look()
    truth = recompute(trades, oracle_rules(rules))
    assert (run.unjudged, int(run.shard.counts[UNJUDGED])) == (truth.unjudged[3],) * 2
    assert run.outcomes == [truth.outcomes[3, trade.offset] for trade in trades]
    assert run.bars() == expected_bars(truth)
    assert run.tickers.keys() == {symbol for _, symbol in truth.tickers}
    for (_, symbol), ticker in truth.tickers.items():
        row = run.tickers[symbol]
        for name in ("price", "open", "high", "low", "volume"):
            assert wide(row, name) == getattr(ticker, name)
        for name in ("bid", "ask", "previous_close"):
            assert (wide(row, name) if row[f"has_{name}"] else None) == getattr(ticker, name)
        assert (row["sequence"], row["event_time_us"]) == (ticker.sequence, ticker.event_time_us)


@settings(max_examples=examples(100))
@given(trades=trade_lists(max_size=12), seed=st.randoms(), previous_close=st.booleans())
def test_arrival_order_within_the_bound_changes_no_number(
    trades: list[OracleTrade], seed: object, previous_close: bool
) -> None:
    rules = Rules(out_of_order_us=10**15, previous_close=previous_close)
    shuffled = list(trades)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    # Offsets stay with the trades for the tie-break; arrival alone is shuffled, so versions and sequences may differ.
    results = []
    for order in (trades, shuffled):
        shard = Shard(rules)
        shard.apply(to_batch(order))
        bars = bars_of(shard.open_bars())
        for bar in bars.values():
            del bar["version"]
        results.append(bars)
    assert results[0] == results[1]


@settings(max_examples=examples(50))
@given(trades=trade_lists(), previous_close=st.booleans())
def test_announcing_quiet_bars_changes_nothing_but_when_they_are_published(
    trades: list[OracleTrade], previous_close: bool
) -> None:
    rules = Rules(previous_close=previous_close)
    plain, announcing = Run(rules), Run(rules)
    for trade in trades:
        plain.take([trade])
        announcing.take([trade], look=False)
        for key, bar in bars_of(announcing.shard.announce(trade.event_time_us)).items():
            assert bar["final"]
            announcing.finals[key] = bar
    assert announcing.outcomes == plain.outcomes
    numbers = [
        {key: {**bar, "final": None} for key, bar in {**run.finals, **bars_of(run.shard.open_bars())}.items()}
        for run in (plain, announcing)
    ]
    with localcontext(Context(prec=200)):
        assert numbers[0] == numbers[1]
