"""The report ``exposure-history``: a desk's exposure by windows of ``interval``, in all, by symbol, provider and book.

Each row is a name in a window in which a record came: its totals when the window's last such minute ended, and the peak
in it. Without symbols all scopes are told, of symbols those that the token allows; with symbols those alone. Totals and
limits are of the whole desk, as in the channel.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from core.analytics.exposure_book import Total
from core.analytics.exposure_messages import seconds, total_fields, value_fields
from gateway.messages.values import NULL, Milliseconds, Number, NumberOrNull
from gateway.reports.kind import Kind, Part
from gateway.reports.source import PAGE_ROWS, Source, interval_of
from gateway.reports.visible import visible
from gateway.reports.words import Ask, TooMuch
from gateway.stores.desk_figures import ExposureCell, Span
from schemas.desk import SCOPES

__all__ = ["EXPOSURE_HISTORY", "ExposureRow"]

MINUTE_US: Final = 60_000_000


class ExposureRow(msgspec.Struct, rename="camel"):
    """A name in a window. How long levels were held is told of windows of a minute alone."""

    scope: Literal["total", "symbol", "lp", "book"]
    name: Annotated[str, Meta(description="Symbol, provider or book; empty of the total")]
    time: Annotated[Milliseconds, Meta(description="Start of the window")]
    partition: Annotated[int, Meta(ge=0, description="Of the topic")]
    total_exposure: Annotated[Number, Meta(description="Gross")]
    net_exposure: Number
    peak_exposure: Annotated[Number, Meta(description="Greatest gross")]
    exposure_limit: Annotated[NumberOrNull, Meta(description="Of the gross total")]
    utilization_pct: NumberOrNull
    peak_utilization_pct: NumberOrNull
    warning_seconds: NumberOrNull
    critical_seconds: NumberOrNull
    price: Annotated[NumberOrNull, Meta(description="Of a symbol: the last one of trades then")]
    market_value: Annotated[NumberOrNull, Meta(description="netExposure times price")]


EXAMPLE: Final = {
    "scope": "total",
    "name": "",
    "time": 1767225600000,
    "partition": 0,
    "totalExposure": 820000,
    "netExposure": 310000,
    "peakExposure": 860000,
    "exposureLimit": 1000000,
    "utilizationPct": 82,
    "peakUtilizationPct": 86,
    "warningSeconds": None,
    "criticalSeconds": None,
    "price": None,
    "marketValue": None,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By scope, time and name. Raises TooMuch where there are more rows than a report may have."""
    interval = interval_of(ask)
    span = Span(ask.low_us, ask.high_us, interval.length_us, PAGE_ROWS, True, origin_us=interval.origin_us)
    symbols = list(ask.symbols) if ask.symbols else None
    if symbols is None and "*" not in ask.access:
        symbols = await source.desk.symbols("exposure", span, visible(ask))
    scopes = [
        scope for scope in SCOPES if (scope == "symbol" or not ask.symbols) and (scope != "symbol" or symbols != [])
    ]
    rows = 0
    for number, scope in enumerate(scopes):
        place = span
        while True:
            cells = await source.desk.exposure(place, scope, None, symbols if scope == "symbol" else None)
            rows += len(cells)
            if rows > source.rows_max:
                words = f"exposure has more than the {source.rows_max:,} rows of one report"
                raise TooMuch(words, mend="take a shorter range, fewer symbols or a longer interval")
            is_last = len(cells) < PAGE_ROWS
            if not is_last:
                place = span._replace(beyond=(cells[-1].at_us, cells[-1].name, cells[-1].partition))
            done = 1.0 if is_last else _part_of(span, cells[-1].at_us)
            prices = await source.desk.prices(cells) if scope == "symbol" else [None] * len(cells)
            priced = zip(cells, prices, strict=True)
            yield Part([_row(scope, *each, interval.length_us) for each in priced], (number + done) / len(scopes))
            if is_last:
                break


def _part_of(span: Span, at_us: int) -> float:
    return min(1.0, max(0.0, (at_us - span.low_us) / max(span.high_us - span.low_us, 1)))


def _row(scope: str, cell: ExposureCell, price: int | None, length_us: int) -> ExposureRow:
    totals = total_fields(Total(cell.net, cell.gross, cell.peak), cell.limit)
    value = value_fields(cell.net, price)
    is_minute = length_us == MINUTE_US
    return ExposureRow(
        scope=scope,  # type: ignore[arg-type]  # one of SCOPES
        name=cell.name,
        time=cell.at_us // 1000,
        partition=cell.partition,
        total_exposure=totals["totalExposure"],
        net_exposure=totals["netExposure"],
        peak_exposure=totals["peakExposure"],
        exposure_limit=totals["exposureLimit"] or NULL,
        utilization_pct=totals["utilizationPct"] or NULL,
        peak_utilization_pct=totals["peakUtilizationPct"] or NULL,
        warning_seconds=seconds(cell.warning_us) if is_minute else NULL,
        critical_seconds=seconds(cell.critical_us) if is_minute else NULL,
        price=value["price"] or NULL,
        market_value=value["marketValue"] or NULL,
    )


EXPOSURE_HISTORY: Final = Kind(
    name="exposure-history",
    row=ExposureRow,
    read=read,
    summary="a desk's exposure by windows of interval, by scope and name",
    example=EXAMPLE,
    wide=frozenset({"market_value"}),
    channels=("exposure-updates",),
)
