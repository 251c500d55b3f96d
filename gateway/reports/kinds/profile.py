"""The report ``volume-profile``: how much was traded at which price, from the trades themselves.

The span of a symbol's prices is cut into equal ranges, as many as fit into what was asked for with a width of 1, 2 or 5
times a power of ten. A range holds its lower end and not its upper one. The point of control is the range with the
most volume (of equals the lowest). The value area grows from it, range by range, towards the neighbour with more
volume (of equals upwards), until it holds at least 70 % of all.
"""

from collections.abc import AsyncIterator
from decimal import Context, Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.messages.values import Number, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.source import IN_RANGE, Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask
from schemas.names import TRADES_VIEW

__all__ = ["PROFILE", "ReportProfile", "value_area", "width_of"]

UNIT: Final = Decimal(1).scaleb(-10)
EXACT: Final = Context(prec=120)
AREA: Final = (7, 10)
SPAN_SQL: Final = f"""
SELECT count(), toString(min(price)), toString(max(price))
FROM {{db}}.{TRADES_VIEW} WHERE symbol = %(symbol)s AND {IN_RANGE["trades"]}"""  # noqa: S608 - names of ours
# A price in units of its last digit, as an integer of 256 bits: exact, where a quotient of decimals is cut.
SQL: Final = f"""
SELECT toString(intDiv(toInt256(price * toDecimal256(10000000000, 0)), toInt256(%(width)s))) AS place,
       toString(sum(toDecimal256(size, 10))), toString(sumIf(toDecimal256(size, 10), side = 'BUY')),
       toString(sumIf(toDecimal256(size, 10), side = 'SELL')),
       toString(sum(toDecimal256(price, 10) * toDecimal256(size, 10))), count()
FROM {{db}}.{TRADES_VIEW} WHERE symbol = %(symbol)s AND {IN_RANGE["trades"]}
GROUP BY place"""  # noqa: S608 - names of ours; values are filled in by the driver


class ReportProfile(msgspec.Struct, rename="camel"):
    """One range of prices: ``priceLow`` belongs to it, ``priceHigh`` to the next one."""

    symbol: SymbolName
    price_low: Number
    price_high: Number
    volume: Number
    buy_volume: Number
    sell_volume: Number
    quote_volume: Number
    trade_count: int
    point_of_control: Annotated[bool, Meta(description="The range with the most volume")]
    value_area: Annotated[bool, Meta(description="Of those around it that hold 70 % of the volume")]


EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "priceLow": 64000,
    "priceHigh": 64020,
    "volume": 55.2301,
    "buyVolume": 30.1,
    "sellVolume": 25.1301,
    "quoteVolume": 3535278.91,
    "tradeCount": 3011,
    "pointOfControl": True,
    "valueArea": True,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By symbol and price; ranges without a trade stand there with zeros, between others."""
    names = await source.names(ask, "trades", visible(ask))
    for number, symbol in enumerate(names, 1):
        rows: list[ReportProfile] = []
        ((count, low, high),) = await source.select(SPAN_SQL, ask, symbol=symbol)
        if count:
            width = width_of(_units(low), _units(high), ask.buckets)
            found = await source.select(SQL, ask, symbol=symbol, width=str(width))
            rows = _rows(symbol, width, {int(row[0]): row[1:] for row in found})
        yield Part(rows, number / len(names))


def width_of(low: int, high: int, buckets: int) -> int:
    """The least width of 1, 2 or 5 times a power of ten with which prices from ``low`` to ``high`` fall into at most
    ``buckets`` ranges; all in units of the last digit."""
    power = 1
    while True:
        for width in (power, 2 * power, 5 * power):
            if high // width - low // width < buckets:
                return width
        power *= 10


def value_area(volumes: list[int]) -> tuple[int, range]:
    """The point of control among ``volumes``, and the places of the value area around it."""
    control = volumes.index(max(volumes))
    low, high, held, all_of_it = control, control, volumes[control], sum(volumes)
    while held * AREA[1] < all_of_it * AREA[0]:
        above = volumes[high + 1] if high + 1 < len(volumes) else -1
        below = volumes[low - 1] if low else -1
        if above >= below:
            high += 1
            held += above
        else:
            low -= 1
            held += below
    return control, range(low, high + 1)


def _rows(symbol: str, width: int, found: dict[int, tuple[Any, ...]]) -> list[ReportProfile]:
    first, last = min(found), max(found)
    nothing = ("0", "0", "0", "0", 0)
    volumes = [_units(found.get(place, nothing)[0]) for place in range(first, last + 1)]
    control, area = value_area(volumes) if any(volumes) else (-1, range(0))
    rows = []
    for number, place in enumerate(range(first, last + 1)):
        volume, bought, sold, quote, count = found.get(place, nothing)
        rows.append(
            ReportProfile(
                symbol,
                raw(_price(place * width)),
                raw(_price((place + 1) * width)),
                raw(volume),
                raw(bought),
                raw(sold),
                raw(quote),
                count,
                number == control,
                number in area,
            )
        )
    return rows


def _units(digits: str) -> int:
    return int(EXACT.divide(Decimal(digits), UNIT))


def _price(units: int) -> str:
    return f"{EXACT.multiply(Decimal(units), UNIT).normalize(EXACT):f}"


PROFILE: Final = Kind(
    name="volume-profile",
    row=ReportProfile,
    read=read,
    summary="volume by ranges of price",
    example=EXAMPLE,
    wide=frozenset({"volume", "buy_volume", "sell_volume", "quote_volume"}),
)
