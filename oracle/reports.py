"""What reports should say, recomputed: figures of trades and bars in plain Python on ``decimal``.

Tests hand in the trades or bars that lie in a report's range, and compare its rows with what comes out. It shares no
code with the gateway and takes none of its ways: no query, no integers in parts, no NumPy. So it may be slow. When the
two differ, this is the one to believe.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final, NamedTuple

from oracle.truth import OracleBar, OracleTrade

__all__ = [
    "OracleMove",
    "OracleRange",
    "OracleStats",
    "correlation_of",
    "movers_of",
    "profile_of",
    "stats_of",
    "volatility_of",
]

EXACT: Final = Context(prec=250)
YEAR_DAYS: Final = 365
DAY_US: Final = 86_400_000_000


class OracleStats(NamedTuple):
    """Figures over the trades of one symbol."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    buy_volume: Decimal
    quote_volume: Decimal
    vwap: Decimal | None
    tick_count: int
    trades: int
    volatility: Decimal
    first_time_us: int
    last_time_us: int


class OracleMove(NamedTuple):
    """A symbol that rose or fell."""

    symbol: str
    open: Decimal
    close: Decimal
    change: Decimal
    change_percent: Decimal
    volume: Decimal


class OracleRange(NamedTuple):
    """A range of prices, and whether it is the point of control, and in the value area."""

    low: Decimal
    high: Decimal
    volume: Decimal
    buy_volume: Decimal
    sell_volume: Decimal
    quote_volume: Decimal
    trade_count: int
    control: bool
    area: bool


def stats_of(trades: Sequence[OracleTrade]) -> OracleStats:
    """Of at least one trade."""
    numbered = all(trade.id_number is not None for trade in trades)
    ordered = sorted(
        trades,
        key=lambda trade: (trade.event_time_us, (trade.id_number or 0) if numbered else 0, trade.offset),
    )
    with localcontext(EXACT):
        prices = [trade.price for trade in trades]
        volume = sum((trade.size for trade in trades), Decimal(0))
        quote = sum((trade.price * trade.size for trade in trades), Decimal(0))
        squares = sum((price * price for price in prices), Decimal(0))
        variance = (len(prices) * squares - sum(prices, Decimal(0)) ** 2) / Decimal(len(prices) ** 2)
        return OracleStats(
            ordered[0].price,
            max(prices),
            min(prices),
            ordered[-1].price,
            volume,
            sum((trade.size for trade in trades if trade.side == "BUY"), Decimal(0)),
            quote,
            None if volume == 0 else (quote / volume).quantize(Decimal("1e-10"), ROUND_HALF_EVEN),
            len(trades),
            sum(trade.size > 0 for trade in trades),
            variance.sqrt().quantize(Decimal("1e-10"), ROUND_HALF_UP),
            ordered[0].event_time_us,
            ordered[-1].event_time_us,
        )


def movers_of(bars: Mapping[str, Sequence[OracleBar]], limit: int) -> tuple[list[OracleMove], list[OracleMove]]:
    """Those that rose most and those that fell most, from the bars of each symbol."""
    moves = []
    with localcontext(EXACT):
        for symbol, held in bars.items():
            ordered = sorted(held, key=lambda bar: bar.start_us)
            first, last = ordered[0].open, ordered[-1].close
            shown = ((last - first) * 100 / first).quantize(Decimal("1e-4"), ROUND_HALF_EVEN)
            volume = sum((bar.volume for bar in held), Decimal(0))
            moves.append((last / first, OracleMove(symbol, first, last, last - first, shown, volume)))
    up = sorted((move for move in moves if move[1].change > 0), key=lambda move: (-move[0], move[1].symbol))
    down = sorted((move for move in moves if move[1].change < 0), key=lambda move: (move[0], move[1].symbol))
    return [move for _, move in up[:limit]], [move for _, move in down[:limit]]


def profile_of(trades: Sequence[OracleTrade], buckets: int) -> list[OracleRange]:
    """Ranges from the lowest price to the highest, of at least one trade."""
    with localcontext(EXACT):
        prices = [trade.price for trade in trades]
        width = next(
            digit * power
            for power in (Decimal(1).scaleb(exponent) for exponent in range(-10, 60))
            for digit in (1, 2, 5)
            if max(prices) // (digit * power) - min(prices) // (digit * power) + 1 <= buckets
        )
        first, last = min(prices) // width, max(prices) // width
        ranges = []
        for number in range(int(last - first) + 1):
            low = (first + number) * width
            held = [trade for trade in trades if low <= trade.price < low + width]
            bought, sold = (
                sum((each.size for each in held if each.side == side), Decimal(0)) for side in ("BUY", "SELL")
            )
            volume = sum((each.size for each in held), Decimal(0))
            quote = sum((each.price * each.size for each in held), Decimal(0))
            ranges.append(OracleRange(low, low + width, volume, bought, sold, quote, len(held), False, False))
        most = max(each.volume for each in ranges)
        if most == 0:
            return ranges
        control = next(number for number, each in enumerate(ranges) if each.volume == most)
        area = {control}
        while sum(ranges[number].volume for number in area) < Decimal("0.7") * sum(each.volume for each in ranges):
            above, below = max(area) + 1, min(area) - 1
            upwards = below < 0 or (above < len(ranges) and ranges[above].volume >= ranges[below].volume)
            area.add(above if upwards else below)
        return [each._replace(control=at == control, area=at in area) for at, each in enumerate(ranges)]


def returns_of(closes: Mapping[int, Decimal], length_us: int) -> dict[int, Decimal]:
    """By the start of its bar, the logarithm of a close over that of the bar right before, at 9 decimals."""
    context = Context(prec=70)
    found = {}
    for start, close in closes.items():
        before = closes.get(start - length_us)
        if before is not None:
            found[start] = context.divide(close, before).ln(context).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
    return found


def volatility_of(closes: Mapping[int, Decimal], length_us: int) -> tuple[int, Decimal, Decimal | None]:
    """Number of returns, realised volatility, and that of a year."""
    returns = list(returns_of(closes, length_us).values())
    with localcontext(EXACT):
        squares = sum((each * each for each in returns), Decimal(0))
        whole = squares.sqrt().quantize(Decimal("1e-9"), ROUND_HALF_UP)
        if not returns:
            return 0, whole, None
        year = squares * YEAR_DAYS * DAY_US / (len(returns) * length_us)
        return len(returns), whole, year.sqrt().quantize(Decimal("1e-9"), ROUND_HALF_UP)


def correlation_of(
    one: Mapping[int, Decimal], other: Mapping[int, Decimal], length_us: int
) -> tuple[int, Decimal | None]:
    """Number of returns that both have, and Pearson's coefficient over them at 6 decimals."""
    first, second = returns_of(one, length_us), returns_of(other, length_us)
    common = first.keys() & second.keys()
    count = len(common)
    if count < 2:
        return count, None
    with localcontext(EXACT):
        mean_x = sum((first[at] for at in common), Decimal(0)) / count
        mean_y = sum((second[at] for at in common), Decimal(0)) / count
        covariance = sum(((first[at] - mean_x) * (second[at] - mean_y) for at in common), Decimal(0))
        spread_x = sum(((first[at] - mean_x) ** 2 for at in common), Decimal(0))
        spread_y = sum(((second[at] - mean_y) ** 2 for at in common), Decimal(0))
        if len({first[at] for at in common}) == 1 or len({second[at] for at in common}) == 1:
            return count, None
        return count, (covariance / (spread_x * spread_y).sqrt()).quantize(Decimal("1e-6"), ROUND_HALF_UP)
