"""Messages of the channel exposure-updates: all totals as S1's clients know them, and figures of a minute.

core.analytics.exposure asks for them. Numbers keep all their digits; a utilisation is rounded once, half to even, and
is null where there is no limit.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from core.analytics.exposure_book import ExposureBook, Total
from core.analytics.numbers import SCALE, number, quotient_number

__all__ = ["change_data", "minute_data", "seconds", "total_fields", "value_fields"]

PERCENT_DIGITS: Final = 6
SECOND_DIGITS: Final = 6


def change_data(book: ExposureBook, limit: int | None, level: str) -> bytes:
    """Data of ``exposure-change``."""
    total = book.total()
    return msgspec.json.encode(
        {
            "totalExposure": number(total.gross, SCALE),
            "netExposure": number(total.net, SCALE),
            "exposureLimit": number(limit, SCALE) if limit else None,
            "utilizationPct": _percent(total.gross, limit),
            "riskLevel": level,
            "bySymbol": _numbers(book.totals("symbol")),
            "byLP": _numbers(book.totals("lp")),
            "byBook": _numbers(book.totals("book")),
        }
    )


def minute_data(
    head: Mapping[str, Any], total: Total, limit: int | None, warning_us: int, critical_us: int
) -> bytes:  # fmt: skip
    """Data of ``exposure-stats``."""
    return msgspec.json.encode(
        {
            "interval": "1m",
            **head,
            **total_fields(total, limit),
            "warningSeconds": seconds(warning_us),
            "criticalSeconds": seconds(critical_us),
        }
    )


def total_fields(total: Total, limit: int | None) -> dict[str, Any]:
    """Fields of a total as it was when a window ended, and of its peak in it."""
    return {
        "totalExposure": number(total.gross, SCALE),
        "netExposure": number(total.net, SCALE),
        "peakExposure": number(total.peak, SCALE),
        "exposureLimit": number(limit, SCALE) if limit else None,
        "utilizationPct": _percent(total.gross, limit),
        "peakUtilizationPct": _percent(total.peak, limit),
    }


def value_fields(net: int, price: int | None) -> dict[str, Any]:
    """Fields of a net amount at a price; null where there is none."""
    return {
        "price": None if price is None else number(price, SCALE),
        "marketValue": None if price is None else number(net * price, 2 * SCALE),
    }


def seconds(length_us: int) -> msgspec.Raw:
    return number(length_us, SECOND_DIGITS)


def _percent(gross: int, limit: int | None) -> msgspec.Raw | None:
    return quotient_number(gross * 100, limit, PERCENT_DIGITS) if limit else None


def _numbers(totals: Mapping[str, int]) -> dict[str, msgspec.Raw]:
    return {name: number(units, SCALE) for name, units in totals.items()}
