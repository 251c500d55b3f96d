"""The oracle of a desk's reports, by hand."""

from decimal import Decimal

from oracle.desk import OracleCell
from oracle.desk_exposure import OracleMinute, OracleTotals
from oracle.desk_lp import OracleLpCell
from oracle.desk_reports import exposure_of, scorecard_of
from tests.property.desk_states import lp_record

MINUTE_US = 60_000_000


def test_a_scorecard_by_hand() -> None:
    routed = {
        ("A", 0): [OracleCell(Decimal(1), 0, [2000, 1000], [Decimal(1), Decimal(2)], [Decimal(-1), Decimal(0)])],
        ("", 0): [OracleCell(Decimal(2), 0, [7], [Decimal(3)], [Decimal(5)])],
    }
    records = [
        lp_record(0, quotes=Decimal(100), reject_rate=Decimal("0.1"), latency_us=10_000),
        lp_record(1, quotes=Decimal(300), reject_rate=Decimal("0.3"), latency_us=20_000),
    ]
    told = {("B", 0): OracleLpCell(records, 0, records, 30_000_000, 2)}
    scores = scorecard_of(routed, told, 2)
    assert list(scores) == ["", "A", "B"]
    of_a, of_b = scores["A"].figures, scores["B"].figures
    assert (of_a["decisions"], of_a["share"], of_a["volumeShare"]) == (2, Decimal("0.666667"), Decimal("0.333333"))
    assert (of_a["executionMeanMs"], of_a["executionMaxMs"], of_a["spreadMean"]) == (Decimal("1.5"), 2, Decimal("1.5"))
    assert (of_a["favourable"], of_a["adverse"], of_a["slippageMean"]) == (1, 0, Decimal("-0.5"))
    assert (of_a["samples"], of_a["uptime"], of_a["rejectRate"]) == (0, None, None)
    assert (of_b["decisions"], of_b["volume"], of_b["executionMeanMs"], of_b["share"]) == (0, 0, None, 0)
    assert (of_b["samples"], of_b["uptime"], of_b["statusChanges"]) == (2, 25, 2)
    assert (of_b["rejectRate"], of_b["quotesPerSecond"], of_b["latencyMeanMs"]) == (Decimal("0.25"), 200, 15)
    assert (scores["A"].executions_us, scores["B"].latencies_us) == ([1000, 2000], [10_000, 20_000])


def test_exposure_by_hand() -> None:
    total, euro = ("total", ""), ("symbol", "EUR")
    minutes = {
        0: OracleMinute(0, {total: OracleTotals(Decimal(-5), Decimal(5))}, {total: Decimal(9), euro: Decimal(9)}),
        3 * MINUTE_US: OracleMinute(
            1, {total: OracleTotals(Decimal(2), Decimal(2))}, {total: Decimal(5)}, Decimal(8)
        ),
    }  # fmt: skip
    found = exposure_of(minutes, 5 * MINUTE_US)
    assert set(found) == {("total", 0, ""), ("symbol", 0, "EUR")}
    assert found["total", 0, ""] == {
        "totalExposure": 2, "netExposure": 2, "peakExposure": 9, "exposureLimit": 8, "utilizationPct": 25,
        "peakUtilizationPct": Decimal("112.5"),
    }  # fmt: skip
    assert found["symbol", 0, "EUR"]["totalExposure"] == 0
    assert found["symbol", 0, "EUR"]["peakExposure"] == 9
    by_minute = exposure_of(minutes, MINUTE_US, 1)
    assert by_minute["total", 1 - MINUTE_US, ""]["exposureLimit"] is None
    assert by_minute["total", 1 - MINUTE_US, ""]["utilizationPct"] is None
