"""The truth, recomputed: bars, tickers and outcomes of trades, in plain Python on ``decimal``.

``tapeflow verify``, the demo and the tests hand in every record of a topic in offset order, and compare what comes out
with what the flows wrote. It shares no code with core and takes no shortcut that core takes: a bar is the list of its
trades, read once more at the end. So it may be slow. When the two differ, this is the one to believe. Reading records
from bytes is next door, in oracle.records.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from math import isqrt
from typing import Final, Literal, NamedTuple

from oracle.ids import id_number
from schemas.intervals import INTERVALS
from schemas.rejects import Reason

__all__ = [
    "INTERVAL_US",
    "Oracle",
    "OracleBar",
    "OracleReject",
    "OracleResult",
    "OracleRules",
    "OracleTicker",
    "OracleTrade",
    "recompute",
]

MINUTE_US: Final = 60_000_000
MONDAY_US: Final = 4 * 24 * 60 * MINUTE_US  # 1970-01-05
INTERVAL_US: Final = {interval.name: interval.length_us for interval in INTERVALS}
UNITS: Final = 10**10
SCALE_10: Final = Decimal(1).scaleb(-10)
SCALE_4: Final = Decimal(1).scaleb(-4)
# Sums of squares of 28-digit prices over 10**19 trades have 94 digits: nothing below is ever rounded by accident.
EXACT: Final = Context(prec=200)

Outcome = Literal["applied", "duplicate", "late", "rejected"]


class OracleTrade(NamedTuple):
    """One valid trade. Times in the unit of their name, decimals exact, ``side`` BUY, SELL or UNKNOWN."""

    partition: int
    offset: int
    timestamp_ms: int
    event_time_us: int
    symbol: str
    price: Decimal
    size: Decimal
    side: str = "UNKNOWN"
    trade_id: str = ""
    exchange: str = ""
    bid: Decimal | None = None
    ask: Decimal | None = None

    @property
    def id_number(self) -> int | None:
        """The trade id where it is a whole number of any length, perhaps with blanks around it or a fraction of zeros
        behind; else None."""
        return id_number(self.trade_id)

    @property
    def identity(self) -> tuple[str, str, int | str] | None:
        """Symbol, exchange and id, by which two trades are the same one; None for a trade without an id."""
        number = self.id_number
        known = self.trade_id.strip(" \t") if number is None else number
        return None if known == "" else (self.symbol, self.exchange, known)


class OracleReject(NamedTuple):
    """One record that is refused before it becomes a trade."""

    partition: int
    offset: int
    reason: Reason


class OracleRules(NamedTuple):
    """What decides about time: the settings of the flow that is checked. ``lateness_us``: as INTERVAL_US.

    dedupe_window: how many ids a partition remembers; dedupe_span_us: from which distance in event time on the same id
    is another trade's. fold_late: bars take what came too late, as after a repair. previous_close: bars open at the
    close before them; exceptions: exchanges, in capitals, whose bars do the contrary.
    """

    out_of_order_us: int = 5_000_000
    lateness_us: Sequence[int] = (60_000_000,) * len(INTERVAL_US)
    dedupe: bool = False
    source_epoch: int = 0
    dedupe_window: int = 100_000
    dedupe_span_us: int = 3_600_000_000
    fold_late: bool = False
    previous_close: bool = False
    exceptions: Sequence[str] = ()


class OracleBar(NamedTuple):
    """One bar, as the contract defines it. ``vwap`` is None where volume is 0; ``version`` is a sequence. from_us: its
    start, or the time of the close that it opened at; None where no record has that."""

    partition: int
    symbol: str
    interval: str
    start_us: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    vwap: Decimal | None
    trade_count: int
    buy_volume: Decimal
    stddev: Decimal
    version: int
    revision: int
    final: bool
    from_us: int | None = 0


class OracleTicker(NamedTuple):
    """One symbol's state after the last trade."""

    partition: int
    symbol: str
    price: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    previous_close: Decimal | None
    change: Decimal | None
    change_percent: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    exchange: str
    sequence: int
    event_time_us: int


BarKey = tuple[int, str, str, int]
"""Partition, symbol, interval, start in microseconds."""


@dataclass
class OracleResult:
    """Everything that can be compared. ``counts`` per partition add up: read = the four outcomes. ``unjudged``:
    how many of a partition's applied and late trades may be duplicates, too little being remembered to tell."""

    bars: dict[BarKey, OracleBar]
    tickers: dict[tuple[int, str], OracleTicker]
    outcomes: dict[tuple[int, int], Outcome]
    counts: dict[int, dict[str, int]]
    rejects: dict[int, dict[Reason, int]]
    watermark_us: dict[int, int]
    unjudged: dict[int, int] = field(default_factory=dict)

    def sorted_bars(self, intervals: Iterable[str] = tuple(INTERVAL_US)) -> list[OracleBar]:
        """Bars of ``intervals``, by symbol, interval (shortest first) and start."""
        order = {name: index for index, name in enumerate(INTERVAL_US)}
        wanted = set(intervals)
        chosen = [bar for bar in self.bars.values() if bar.interval in wanted]
        return sorted(chosen, key=lambda bar: (bar.symbol, order[bar.interval], bar.start_us))


@dataclass
class _OpenBar:
    end_us: int
    trades: list[OracleTrade] = field(default_factory=list)
    in_time: list[OracleTrade] = field(default_factory=list)
    revision: int = 0


Identity = tuple[str, str, int | str]


class _SeenIds:
    """The last ids of one partition in the order of their arrival, each with its trade's event time."""

    def __init__(self, size: int, span_us: int) -> None:
        self._size, self._span_us = size, span_us
        self._arrivals: deque[tuple[Identity, int]] = deque()
        self._remembered: dict[Identity, tuple[int, int]] = {}
        self._count = 0
        self._forgotten_us: dict[tuple[str, str], int] = {}

    def judge(self, trade: OracleTrade) -> Literal["seen", "judged", "unjudged"]:
        """Whether the trade is a duplicate, is none, or can't be told; its id is remembered unless it is one."""
        identity, time_us = trade.identity, trade.event_time_us
        if identity is None:
            return "unjudged"
        remembered = self._remembered.get(identity)
        if remembered is not None and abs(time_us - remembered[1]) < self._span_us:
            return "seen"
        # Whatever was forgotten had this event time or an earlier one, and so may have been this very trade.
        could_be_forgotten = time_us <= self._forgotten_us.get(identity[:2], time_us - 1)
        if remembered is not None:
            self._forget(identity)
        if len(self._arrivals) == self._size:
            oldest, number = self._arrivals.popleft()
            if oldest in self._remembered and self._remembered[oldest][0] == number:
                self._forget(oldest)
        self._count += 1
        self._arrivals.append((identity, self._count))
        self._remembered[identity] = (self._count, time_us)
        return "unjudged" if could_be_forgotten else "judged"

    def _forget(self, identity: Identity) -> None:
        place, time_us = identity[:2], self._remembered.pop(identity)[1]
        self._forgotten_us[place] = max(time_us, self._forgotten_us.get(place, time_us))


class Oracle:
    """Takes the records of any partitions, each partition in offset order; ``result`` may be asked at any time."""

    def __init__(self, rules: OracleRules) -> None:
        self._rules = rules
        self._intervals = [
            (name, length_us, MONDAY_US if name == "1W" else 0, rules.lateness_us[index])
            for index, (name, length_us) in enumerate(INTERVAL_US.items())
        ]
        self._bars: dict[BarKey, _OpenBar] = {}
        self._seen: dict[int, _SeenIds] = defaultdict(lambda: _SeenIds(rules.dedupe_window, rules.dedupe_span_us))
        self._unjudged: Counter[int] = Counter()
        self._newest_us: dict[int, int] = {}
        self._day_trades: dict[tuple[int, str], list[OracleTrade]] = defaultdict(list)
        self._outcomes: dict[tuple[int, int], Outcome] = {}
        self._counts: dict[int, Counter[str]] = defaultdict(Counter)
        self._rejects: dict[int, Counter[Reason]] = defaultdict(Counter)

    def take(self, item: OracleTrade | OracleReject) -> Outcome:
        """Apply one trade, or one refused record, and say what became of it."""
        if isinstance(item, OracleReject):
            self._rejects[item.partition][item.reason] += 1
            outcome: Outcome = "rejected"
        else:
            outcome = self._trade(item)
        self._outcomes[item.partition, item.offset] = outcome
        self._counts[item.partition]["read"] += 1
        self._counts[item.partition][outcome] += 1
        return outcome

    def _trade(self, trade: OracleTrade) -> Outcome:
        partition, symbol, time_us = trade.partition, trade.symbol, trade.event_time_us
        if self._rules.dedupe:
            verdict = self._seen[partition].judge(trade)
            if verdict == "seen":
                return "duplicate"
            self._unjudged[partition] += verdict == "unjudged"
        newest_us = self._newest_us.get(partition)
        outcome: Outcome = "applied"
        for name, length_us, origin_us, lateness_us in self._intervals:
            start_us = time_us - (time_us - origin_us) % length_us
            end_us = start_us + length_us
            ended = newest_us is not None and end_us <= newest_us - self._rules.out_of_order_us
            late = newest_us is not None and end_us + lateness_us <= newest_us - self._rules.out_of_order_us
            if late and not self._rules.fold_late:
                outcome = "late"
                continue
            bar = self._bars.get((partition, symbol, name, start_us))
            if bar is None:
                bar = self._bars[partition, symbol, name, start_us] = _OpenBar(end_us)
            elif ended:
                bar.revision += 1
            bar.trades.append(trade)
            if not late:
                bar.in_time.append(trade)
            if name == "1D":
                self._day_trades[partition, symbol].append(trade)
        self._newest_us[partition] = time_us if newest_us is None else max(newest_us, time_us)
        return outcome

    def result(self) -> OracleResult:
        watermark_us = {each: newest - self._rules.out_of_order_us for each, newest in self._newest_us.items()}
        with localcontext(EXACT):
            bars = {
                key: _close(key, bar, self._rules.source_epoch, watermark_us[key[0]]) for key, bar in self._bars.items()
            }
            tickers = _tickers(bars, self._day_trades, self._rules.source_epoch)
            bars = self._opened(bars) if self._rules.previous_close or self._rules.exceptions else bars
        names = ("read", "applied", "duplicate", "late", "rejected")
        counts = {partition: {name: count[name] for name in names} for partition, count in self._counts.items()}
        rejects = {partition: dict(reasons) for partition, reasons in self._rejects.items()}
        unjudged = {partition: self._unjudged[partition] for partition in counts}
        return OracleResult(bars, tickers, dict(self._outcomes), counts, rejects, watermark_us, unjudged)

    def _opened(self, bars: dict[BarKey, OracleBar]) -> dict[BarKey, OracleBar]:
        """``bars``, which have the numbers of their own trades, as their venues open them."""
        opened, before = dict(bars), None
        for key, bar in sorted(bars.items()):
            if all(self._opens_at_previous(trade.exchange) for trade in self._bars[key].trades):
                opened[key] = bar._replace(from_us=None)
                if before is not None and key[:3] == before[:3]:
                    last = _in_order(self._bars[before].in_time)[-1]
                    version = sequence_of(self._bars[before].in_time[-1], self._rules.source_epoch)
                    one = bar._replace(version=max(bar.version, version), from_us=last.event_time_us, open=last.price)
                    opened[key] = one._replace(high=max(bar.high, last.price), low=min(bar.low, last.price))
            before = key if self._bars[key].in_time else before
        return opened

    def _opens_at_previous(self, exchange: str) -> bool:
        return self._rules.previous_close != (exchange.upper() in self._rules.exceptions)


def recompute(items: Iterable[OracleTrade | OracleReject], rules: OracleRules) -> OracleResult:
    """Everything that follows from ``items``: each partition's records in offset order."""
    oracle = Oracle(rules)
    for item in items:
        oracle.take(item)
    return oracle.result()


def sequence_of(trade: OracleTrade, source_epoch: int) -> int:
    return source_epoch * 2**44 + trade.offset


def _in_order(trades: Sequence[OracleTrade]) -> list[OracleTrade]:
    # The trade id speaks only where every trade of the bar has a numeric one.
    ids = [trade.id_number for trade in trades]
    if None in ids:
        return sorted(trades, key=lambda trade: (trade.event_time_us, trade.offset))
    return sorted(trades, key=lambda trade: (trade.event_time_us, trade.id_number, trade.offset))


def _close(key: BarKey, bar: _OpenBar, source_epoch: int, watermark_us: int) -> OracleBar:
    partition, symbol, interval, start_us = key
    trades = bar.trades
    ordered = _in_order(trades)
    prices = [trade.price for trade in trades]
    volume = sum((trade.size for trade in trades), Decimal(0))
    quote_volume = sum((trade.price * trade.size for trade in trades), Decimal(0))
    return OracleBar(
        partition=partition,
        symbol=symbol,
        interval=interval,
        start_us=start_us,
        open=ordered[0].price,
        high=max(prices),
        low=min(prices),
        close=ordered[-1].price,
        volume=volume,
        quote_volume=quote_volume,
        vwap=(quote_volume / volume).quantize(SCALE_10, ROUND_HALF_EVEN) if volume else None,
        trade_count=len(trades),
        buy_volume=sum((trade.size for trade in trades if trade.side == "BUY"), Decimal(0)),
        stddev=_stddev(prices),
        version=sequence_of(trades[-1], source_epoch),
        revision=bar.revision,
        final=watermark_us >= bar.end_us,
        from_us=start_us,
    )


def _stddev(prices: Sequence[Decimal]) -> Decimal:
    # In whole units of 10**-10: sqrt(n * sum(p*p) - sum(p)**2) / n, rounded half up without a fraction on the way:
    # floor(x / n + 1/2) = floor((2x + n) / 2n), and flooring x first changes nothing as n is whole.
    units = [int(price * UNITS) for price in prices]
    count = len(units)
    spread = count * sum(unit * unit for unit in units) - sum(units) ** 2
    return Decimal((isqrt(4 * spread) + count) // (2 * count)) / UNITS


def _tickers(
    bars: dict[BarKey, OracleBar], day_trades: dict[tuple[int, str], list[OracleTrade]], source_epoch: int
) -> dict[tuple[int, str], OracleTicker]:
    days: dict[tuple[int, str], list[OracleBar]] = defaultdict(list)
    for bar in bars.values():
        if bar.interval == "1D":
            days[bar.partition, bar.symbol].append(bar)
    tickers = {}
    for (partition, symbol), trades in day_trades.items():
        by_day = sorted(days[partition, symbol], key=lambda bar: bar.start_us)
        day, previous_close = by_day[-1], by_day[-2].close if len(by_day) > 1 else None
        change = day.close - previous_close if previous_close is not None else None
        bids = [trade.bid for trade in trades if trade.bid is not None]
        asks = [trade.ask for trade in trades if trade.ask is not None]
        tickers[partition, symbol] = OracleTicker(
            partition=partition,
            symbol=symbol,
            price=day.close,
            open=day.open,
            high=day.high,
            low=day.low,
            volume=day.volume,
            previous_close=previous_close,
            change=change,
            change_percent=(100 * change / previous_close).quantize(SCALE_4, ROUND_HALF_EVEN)
            if change is not None and previous_close is not None
            else None,
            bid=bids[-1] if bids else None,
            ask=asks[-1] if asks else None,
            exchange=trades[-1].exchange,
            sequence=sequence_of(trades[-1], source_epoch),
            event_time_us=max(trade.event_time_us for trade in trades),
        )
    return tickers
