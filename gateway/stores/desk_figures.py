"""Reads of a dealing desk's figures from ClickHouse: minutes of decisions, providers and exposure, added up to windows.

REST handlers and reports ask, clickhouse.py runs. Sums leave the server as decimal text and come out as the whole
numbers that core.analytics counts in, so the figures of an hour here are those of the hour's message. Windows are asked
for by their numbers, from the end that is wanted on, as a merging view can't stop early.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.stores.clickhouse import ClickHouse
from gateway.stores.history import nearest
from kernels.decimal_text import SCALE, units
from schemas.contract import YEAR_2300_US
from schemas.desk import LpFigures, RoutingFigures
from schemas.names import BAR_VIEW, EXPOSURE_1M_VIEW, LP_1M_VIEW, ROUTING_1M_TABLE, ROUTING_1M_VIEW

__all__ = ["DeskFigures", "ExposureCell", "LpCell", "Place", "RoutingCell", "Span"]

TIME_US_MAX: Final = YEAR_2300_US - 1_000_000
BEYOND_ALL_US: Final = 1 << 62
WEEK_US: Final = 7 * 86_400_000_000
WHOLE_US: Final = 10**18
"""Longer than any time is late: all minutes are of window 0."""
Place = tuple[int | str, ...]
"""Where a row stands: start of its window in µs, then the names by which rows of a window are in order."""
COLUMN_OF: Final = {"symbol": "symbol", "lp": "lp_selected", "decision": "routing_decision"}

AT: Final = (
    "intDiv(toUnixTimestamp64Micro(start) - toInt64(%(origin)s), toInt64(%(length)s)) * toInt64(%(length)s)"
    " + toInt64(%(origin)s)"
)
IN_RANGE: Final = (
    "start BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')"
    " AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')"
)
ROUTING_SQL: Final = f"""
SELECT at, key_1, key_2, key_3, decisions, volumes, spreads, slippages, executions, longest, gained, lost,
       newest, execution_counts, spread_counts, slippage_counts, all_decisions, all_volumes
FROM (
    SELECT {AT} AS at, {{KEYS}}, sum(count) AS decisions, toString(sum(toDecimal256(volume, 10))) AS volumes,
           toString(sum(toDecimal256(spread_sum, 10))) AS spreads,
           toString(sum(toDecimal256(slippage_sum, 10))) AS slippages,
           toString(sum(toInt256(execution_us_sum))) AS executions, max(execution_us_max) AS longest,
           sum(favourable) AS gained, sum(adverse) AS lost, max(version) AS newest,
           sumMap(execution) AS execution_counts, sumMap(spread) AS spread_counts, sumMap(slippage) AS slippage_counts,
           sum(sum(count)) OVER (PARTITION BY at) AS all_decisions,
           toString(sum(sum(toDecimal256(volume, 10))) OVER (PARTITION BY at)) AS all_volumes
    FROM {{db}}.{ROUTING_1M_VIEW} WHERE {IN_RANGE} {{WHERE}}
    GROUP BY at, key_1, key_2, key_3)
WHERE at {{BEYOND}} toInt64(%(at)s)
   OR (at = toInt64(%(at)s) AND (key_1, key_2, key_3) > (%(key_1)s, %(key_2)s, %(key_3)s))
ORDER BY at {{DESC}}, key_1, key_2, key_3 LIMIT %(limit)s"""  # noqa: S608 - names of ours; values are filled in escaped

LP_SQL: Final = f"""
SELECT at, key_1, key_2, records, spreads, qualities, latencies, longest, quotes, rejects, ups, changes, newest_status,
       newest, latency_counts, spread_counts
FROM (
    SELECT {AT} AS at, toString(lp_name) AS key_1, toInt64(kafka_partition) AS key_2, sum(samples) AS records,
           toString(sum(toDecimal256(spread_sum, 10))) AS spreads,
           toString(sum(toDecimal256(quality_sum, 10))) AS qualities,
           toString(sum(toInt256(latency_us_sum))) AS latencies, max(latency_us_max) AS longest,
           toString(sum(toDecimal256(quotes_sum, 10))) AS quotes,
           toString(sum(toDecimal256(rejects_sum, 20))) AS rejects, sum(up_us) AS ups, sum(status_changes) AS changes,
           argMaxIf(toString(status), start, samples > 0) AS newest_status, max(version) AS newest,
           sumMap(latency) AS latency_counts, sumMap(spread) AS spread_counts
    FROM {{db}}.{LP_1M_VIEW} WHERE {IN_RANGE} {{WHERE}}
    GROUP BY at, key_1, key_2)
WHERE at {{BEYOND}} toInt64(%(at)s)
   OR (at = toInt64(%(at)s) AND (key_1, key_2) > (%(key_1)s, toInt64(%(key_2)s)))
ORDER BY at {{DESC}}, key_1, key_2 LIMIT %(limit)s"""  # noqa: S608 - as above

# Each minute that is told has a row of every name that is held, and always one of the total: a name without a row in
# the window's last one is not held any more.
EXPOSURE_SQL: Final = f"""
SELECT at, key_1, key_2, net_end, gross_end, highest, limit_end, warnings, criticals, toUnixTimestamp64Micro(last_told)
FROM (
    SELECT {AT} AS at, toString(scope) AS of, toString(name) AS key_1, toInt64(kafka_partition) AS key_2,
           max(start) AS told, max(max(start)) OVER (PARTITION BY at, key_2) AS last_told,
           toString(if(told = last_told, argMax(net, start), 0)) AS net_end,
           toString(if(told = last_told, argMax(gross, start), 0)) AS gross_end, toString(max(peak)) AS highest,
           toString(argMax(argMax(exposure_limit, start), max(start)) OVER (PARTITION BY at, key_2)) AS limit_end,
           sum(warning_us) AS warnings, sum(critical_us) AS criticals
    FROM {{db}}.{EXPOSURE_1M_VIEW} WHERE {IN_RANGE} AND scope IN (%(scope)s, 'total')
    GROUP BY at, of, key_1, key_2)
WHERE of = %(scope)s {{WHERE}}
  AND (at {{BEYOND}} toInt64(%(at)s)
       OR (at = toInt64(%(at)s) AND (key_1, key_2) > (%(key_1)s, toInt64(%(key_2)s))))
ORDER BY at {{DESC}}, key_1, key_2 LIMIT %(limit)s"""  # noqa: S608 - as above

# The last final bar of a minute of each symbol that begins no later than the minute of the same number.
CLOSES_SQL: Final = f"""
SELECT held.number, toString(bars.close)
FROM (
    SELECT tupleElement(one, 1) AS symbol, fromUnixTimestamp64Micro(toInt64(tupleElement(one, 2)), 'UTC') AS start,
           tupleElement(one, 3) AS number
    FROM (SELECT arrayJoin(arrayZip(%(symbols)s, %(minutes)s, %(numbers)s)) AS one)
) AS held
ASOF JOIN (
    SELECT toString(symbol) AS symbol, start, close FROM {{db}}.{BAR_VIEW}
    WHERE interval = '1m' AND symbol IN %(symbols)s AND {IN_RANGE}
) AS bars ON held.symbol = bars.symbol AND held.start >= bars.start
WHERE held.start <= bars.start + toIntervalDay(7)"""  # noqa: S608 - as above

NAMES_SQL: Final = {
    "routing": f"SELECT DISTINCT toString(symbol) FROM {{db}}.{ROUTING_1M_TABLE} WHERE {IN_RANGE}",  # noqa: S608
    "exposure": f"SELECT DISTINCT toString(name) FROM {{db}}.{EXPOSURE_1M_VIEW} "  # noqa: S608 - as above
    f"WHERE {IN_RANGE} AND scope = 'symbol'",
}


class Span(NamedTuple):
    """Which windows: those of ``length_us`` that start within [low_us, high_us], or with 0 all minutes that do as one;
    ``origin_us`` is the start of one of them.

    The newest ``limit`` rows before the place ``beyond``, newest first; ``forward``: the first ones after it.
    """

    low_us: int
    high_us: int
    length_us: int
    limit: int
    forward: bool = False
    beyond: Place | None = None
    origin_us: int = 0


class RoutingCell(NamedTuple):
    """Decisions of a window by what was asked for, the others being "". all: count and volume of the whole window."""

    at_us: int
    symbol: str
    lp: str
    decision: str
    figures: RoutingFigures
    all: RoutingFigures


class LpCell(NamedTuple):
    at_us: int
    lp: str
    partition: int
    figures: LpFigures


class ExposureCell(NamedTuple):
    """Amounts in units of 10**-10, as they were when the last minute of the window ended that a record came in, the one
    that starts at ``minute_us``."""

    at_us: int
    name: str
    partition: int
    net: int
    gross: int
    peak: int
    limit: int
    warning_us: int
    critical_us: int
    minute_us: int


class DeskFigures:
    """Queries of one database."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def routing(
        self, span: Span, by: frozenset[str], wanted: Mapping[str, str], symbols: list[str] | None = None
    ) -> list[RoutingCell]:
        """``by``, and the keys of ``wanted``: of symbol, lp, decision. symbols: those that count; None for all."""
        keys = [f"toString({COLUMN_OF[name]})" if name in by else "''" for name in COLUMN_OF]
        named = ", ".join(f"{key} AS key_{number}" for number, key in enumerate(keys, 1))
        where = "".join(f" AND {COLUMN_OF[name]} = %(wanted_{name})s" for name in wanted)
        where += "" if symbols is None else " AND symbol IN %(symbols)s"
        given = {"symbols": symbols, **{f"wanted_{name}": value for name, value in wanted.items()}}
        rows = await self._rows(ROUTING_SQL.replace("{KEYS}", named), where, span, given, ("", "", ""))
        return [_routing_cell(row) for row in rows]

    async def lp(self, span: Span, name: str | None) -> list[LpCell]:
        """By provider and partition."""
        where = "" if name is None else " AND lp_name = %(name)s"
        rows = await self._rows(LP_SQL, where, span, {"name": name}, ("", -1))
        return [_lp_cell(row) for row in rows]

    async def exposure(
        self, span: Span, scope: str, name: str | None, symbols: list[str] | None = None
    ) -> list[ExposureCell]:
        """By name of the scope and partition. symbols: those that may be told, None for all."""
        where = "" if name is None else " AND key_1 = %(name)s"
        where += "" if symbols is None else " AND key_1 IN %(symbols)s"
        given = {"scope": scope, "name": name, "symbols": symbols}
        rows = await self._rows(EXPOSURE_SQL, where, span, given, ("", -1))
        return [ExposureCell(*row[:3], *map(units, row[3:7]), *row[7:]) for row in rows]

    async def prices(self, cells: Sequence[ExposureCell]) -> list[int | None]:
        """Of cells by symbol: the last price of trades, by event time, when the minute ended, in units of 10**-10;
        None where there was none in the week before."""
        prices: list[int | None] = [None] * len(cells)
        if cells:
            minutes = [cell.minute_us for cell in cells]
            given: dict[str, object] = {"symbols": [cell.name for cell in cells], "minutes": minutes}
            given |= {"numbers": list(range(len(cells))), "low": min(minutes) - WEEK_US, "high": max(minutes)}
            for number, close in zip(*await self._clickhouse.select(CLOSES_SQL, given), strict=True):
                prices[number] = units(close)
        return prices

    async def symbols(self, kind: str, span: Span, allowed: Callable[[str], bool]) -> list[str]:
        """Symbols with figures in the span that are ``allowed``. kind: routing or exposure."""
        given: dict[str, object] = {"low": span.low_us, "high": min(span.high_us + span.length_us, TIME_US_MAX)}
        columns = await self._clickhouse.select(NAMES_SQL[kind], given)
        return sorted(filter(allowed, columns[0])) if columns else []

    async def _rows(
        self, sql: str, where: str, span: Span, given: Mapping[str, object], nowhere: Place
    ) -> list[tuple[Any, ...]]:
        length_us, origin_us = span.length_us or WHOLE_US, span.origin_us
        sql = sql.replace("{WHERE}", where)
        sql = sql.replace("{DESC}", "ASC" if span.forward else "DESC").replace("{BEYOND}", ">" if span.forward else "<")
        at_us, *keys = span.beyond or (-1 if span.forward else BEYOND_ALL_US, *nowhere)
        place = {
            "length": length_us,
            "origin": origin_us,
            "at": at_us,
            **{f"key_{number}": key for number, key in enumerate(keys, 1)},
        }

        async def ask(low_us: int, high_us: int, limit: int) -> list[tuple[Any, ...]]:
            ends = {"low": low_us, "high": min(high_us, TIME_US_MAX), "limit": limit}
            return list(zip(*await self._clickhouse.select(sql, {**given, **place, **ends}), strict=True))

        async def fetch(low: int, high: int, limit: int) -> list[tuple[Any, ...]]:
            return await ask(low * length_us + origin_us, (high + 1) * length_us + origin_us - 1, limit)

        if not span.length_us:
            return await ask(span.low_us, span.high_us, span.limit)
        low = -((origin_us - span.low_us) // length_us)
        high = (min(span.high_us, TIME_US_MAX) - origin_us) // length_us
        if span.beyond is not None and isinstance(at_us, int):
            at = (at_us - origin_us) // length_us
            low, high = (max(low, at), high) if span.forward else (low, min(high, at))
        return await nearest(fetch, low, high, span.limit + 2, span.limit, forward=span.forward) if low <= high else []


def _routing_cell(row: tuple[Any, ...]) -> RoutingCell:
    at_us, symbol, lp, decision, count, volume, spread, slippage, execution, *rest, all_count, all_volume = row
    figures = RoutingFigures(count, units(volume), units(spread), units(slippage), int(execution), *rest)
    return RoutingCell(at_us, symbol, lp, decision, figures, RoutingFigures(all_count, units(all_volume)))


def _lp_cell(row: tuple[Any, ...]) -> LpCell:
    at_us, lp, partition, records, spread, quality, latency, longest, quotes, rejects, *rest = row
    up_us, changes, status, version, latencies, spreads = rest
    figures = LpFigures(
        records, units(spread), units(quality), int(latency), longest, units(quotes), units(rejects, 2 * SCALE), up_us,
        changes, version, status, latency=latencies, spread=spreads,
    )  # fmt: skip
    return LpCell(at_us, lp, partition, figures)
