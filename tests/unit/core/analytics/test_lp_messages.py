"""Messages of providers: S1's fields with all their digits, and figures whose reject rate is one of quotes."""

import json
from decimal import Decimal

from core.analytics.lp_messages import lp_stats_data, metrics_data
from schemas.desk import LpFigures
from tests.property.desk_states import lp_batch, lp_record


def test_a_record_as_s1_has_it() -> None:
    (row,) = lp_batch([lp_record()]).rows
    assert metrics_data(row, "OANDA", "connected") == (
        b'{"lpName":"OANDA","status":"connected","avgSpread":0.9,"executionQuality":0.98,"latencyMs":14.2,'
        b'"quotesPerSecond":120,"rejectRate":0.01,"uptime":99.9}'
    )


def test_a_reject_rate_weighs_by_quotes() -> None:
    unit = 10**10
    figures = LpFigures(
        samples=2, quotes_sum=400 * unit, rejects_sum=(100 * 50 + 300 * 10) * unit * unit // 100, up_us=45_000_000,
        changes=3, status="connected", latency_us_sum=3000, latency_us_max=2000,
    )  # fmt: skip
    data = json.loads(lp_stats_data({"interval": "1m"}, {"LMAX": figures}, 60_000_000), parse_float=Decimal)
    found = data["byLP"]["LMAX"]
    assert (found["rejectRate"], found["uptime"], found["statusChanges"]) == (Decimal("0.2"), 75, 3)
    assert (found["quotesPerSecond"], found["latencyMs"]["mean"]) == (200, Decimal("1.5"))
    empty = json.loads(lp_stats_data({}, {"LMAX": LpFigures()}, 60_000_000))
    assert empty["byLP"]["LMAX"]["rejectRate"] == 0
