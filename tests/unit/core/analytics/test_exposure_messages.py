"""Messages of exposure without a limit: nulls, and everything else."""

import json

from core.analytics.exposure_book import ExposureBook, Total
from core.analytics.exposure_messages import change_data, minute_data, value_fields


def test_without_a_limit() -> None:
    book = ExposureBook()
    book.set(("A", "", ""), -5)
    data = json.loads(change_data(book, None, "unknown"))
    assert (data["exposureLimit"], data["utilizationPct"], data["riskLevel"]) == (None, None, "unknown")
    assert data["netExposure"] == -5e-10
    minute = json.loads(minute_data({"startTime": 1}, Total(1, 2, 3 * 10**10), None, 1_500_000, 0))
    assert (minute["interval"], minute["peakExposure"], minute["warningSeconds"]) == ("1m", 3, 1.5)
    assert (minute["utilizationPct"], minute["peakUtilizationPct"]) == (None, None)


def test_a_value_has_all_its_digits() -> None:
    told = {name: bytes(each) for name, each in value_fields(-15 * 10**9, 10**10 + 1).items()}
    assert told == {"price": b"1.0000000001", "marketValue": b"-1.50000000015"}
    assert value_fields(1, None) == {"price": None, "marketValue": None}
