"""What reports about a desk should say, in plain Python on ``decimal``, from what oracle.desk and its kin found.

Tests hand in the minutes that lie in a report's range. Percentiles are left as the sorted values that they are of, as
the report's are approximate by law; everything else is exact or rounded once, half to even.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal

from oracle.desk import OracleCell
from oracle.desk_exposure import OracleMinute
from oracle.desk_lp import OracleLpCell, OracleLpRecord

__all__ = ["OracleScore", "exposure_of", "scorecard_of"]

EXACT = Context(prec=200)


@dataclass(slots=True)
class OracleScore:
    """A provider over a range. figures: by the field of the report; executions_us, slippages, latencies_us: sorted."""

    figures: dict[str, Decimal | int | None] = field(default_factory=dict)
    executions_us: list[int] = field(default_factory=list)
    slippages: list[Decimal] = field(default_factory=list)
    latencies_us: list[int] = field(default_factory=list)


def scorecard_of(
    routed: Mapping[tuple[str, int], list[OracleCell]], told: Mapping[tuple[str, int], OracleLpCell], minutes: int
) -> dict[str, OracleScore]:
    """By provider, from minutes by (provider, start); ``minutes``: how long the range is."""
    every = [cell for cells in routed.values() for cell in cells]
    all_count, all_volume = sum(len(cell.executions_us) for cell in every), sum(cell.volume for cell in every)
    scores: dict[str, OracleScore] = {}
    for lp in sorted({lp for lp, _ in (*routed, *told)}):
        score = scores[lp] = OracleScore()
        cells = [cell for (name, _), own in routed.items() if name == lp for cell in own]
        score.executions_us = sorted(value for cell in cells for value in cell.executions_us)
        score.slippages = sorted(value for cell in cells for value in cell.slippages)
        spreads = [value for cell in cells for value in cell.spreads]
        count, volume = len(spreads), sum((cell.volume for cell in cells), Decimal(0))
        score.figures = {
            "decisions": count,
            "share": _ratio(Decimal(count), Decimal(all_count), 6),
            "volume": volume,
            "volumeShare": _ratio(volume, Decimal(all_volume), 6),
            "executionMeanMs": _ratio(Decimal(sum(score.executions_us)), Decimal(count * 1000), 3) if count else None,
            "executionMaxMs": Decimal(score.executions_us[-1]) / 1000 if count else None,
            "spreadMean": _ratio(sum(spreads, Decimal(0)), Decimal(count), 10) if count else None,
            "slippageMean": _ratio(sum(score.slippages, Decimal(0)), Decimal(count), 10) if count else None,
            "favourable": sum(value < 0 for value in score.slippages),
            "adverse": sum(value > 0 for value in score.slippages),
        }
        own_minutes = [cell for (name, _), cell in told.items() if name == lp]
        records = [each for cell in own_minutes for each in cell.records]
        score.latencies_us = sorted(each.latency_us for each in records)
        score.figures |= _told(own_minutes, records, minutes)
    return scores


def _told(cells: list[OracleLpCell], records: list[OracleLpRecord], minutes: int) -> dict[str, Decimal | int | None]:
    count, quotes = Decimal(len(records)), sum((each.quotes for each in records), Decimal(0))
    rejected = sum((EXACT.multiply(each.quotes, each.reject_rate) for each in records), Decimal(0))
    means = {
        "avgSpread": sum((each.spread for each in records), Decimal(0)),
        "executionQuality": sum((each.quality for each in records), Decimal(0)),
        "quotesPerSecond": quotes,
    }
    return {
        "samples": len(records),
        "uptime": _ratio(Decimal(100 * sum(cell.up_us for cell in cells)), Decimal(minutes * 60_000_000), 6)
        if cells
        else None,
        "statusChanges": sum(cell.changes for cell in cells),
        **{name: _ratio(total, count, 10) if records else None for name, total in means.items()},
        "latencyMeanMs": _ratio(Decimal(sum(each.latency_us for each in records)), count * 1000, 3)
        if records
        else None,
        "latencyMaxMs": Decimal(max(each.latency_us for each in records)) / 1000 if records else None,
        "rejectRate": _ratio(rejected, quotes, 10) if records else None,
    }


def exposure_of(
    minutes: Mapping[int, OracleMinute], length_us: int, origin_us: int = 0
) -> dict[tuple[str, int, str], dict[str, Decimal | None]]:
    """By (scope, start, name) of windows that are so long, from minutes by start."""
    windows: dict[int, list[int]] = {}
    for start_us in sorted(minutes):
        windows.setdefault(start_us - (start_us - origin_us) % length_us, []).append(start_us)
    found: dict[tuple[str, int, str], dict[str, Decimal | None]] = {}
    for window_us, starts in windows.items():
        last = minutes[starts[-1]]
        names = {name for start_us in starts for name, peak in minutes[start_us].peaks.items() if peak}
        for scope, name in names | {("total", "")}:
            net, gross = last.totals.get((scope, name), (Decimal(0), Decimal(0)))
            peak = max(minutes[start_us].peaks.get((scope, name), Decimal(0)) for start_us in starts)
            has_limit = last.limit > 0
            found[scope, window_us, name] = {
                "totalExposure": gross,
                "netExposure": net,
                "peakExposure": peak,
                "exposureLimit": last.limit if has_limit else None,
                "utilizationPct": _ratio(100 * gross, last.limit, 6) if has_limit else None,
                "peakUtilizationPct": _ratio(100 * peak, last.limit, 6) if has_limit else None,
            }
    return found


def _ratio(part: Decimal, whole: Decimal, digits: int) -> Decimal:
    """0 of nothing."""
    if not whole:
        return Decimal(0)
    return EXACT.divide(part, whole).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, EXACT)
