"""Figures as messages: numbers with all their digits, quotients rounded once, half to even."""

import json
from decimal import Decimal

import numpy as np

from core.analytics.routing_messages import add_figures, decision_data, stats_data
from core.analytics.sketch import buckets_of
from schemas.desk import RoutingFigures
from tests.property.desk_records import decision, routing_batch


def bucket_of(value: int) -> int:
    return int(buckets_of(np.array([value]))[0])


def figures(count: int, volume: int, slippage: int, execution_us: int) -> RoutingFigures:
    return RoutingFigures(
        count, volume, 3 * count, slippage * count, execution_us * count, execution_us, count if slippage < 0 else 0,
        count if slippage > 0 else 0, count, {bucket_of(execution_us): count}, {bucket_of(3): count},
        {bucket_of(slippage): count},
    )  # fmt: skip


def test_a_decision_with_all_its_digits() -> None:
    row = routing_batch([decision(volume=Decimal("999999999999999999.9999999999"), execution_us=1, side="")]).rows[0]
    assert decision_data(row, "A", "", "REJECT") == (
        b'{"symbol":"A","side":"","volume":999999999999999999.9999999999,"routingDecision":"REJECT","lpSelected":"",'
        b'"executionTimeMs":0.001,"spread":0.8,"slippage":-0.1}'
    )


def test_figures_by_hand() -> None:
    cells = [(("A", "LP", "ABOOK"), figures(1, 10**10, -5, 7)), (("B", "", "BBOOK"), figures(2, 0, 4, 100))]
    data = json.loads(stats_data({"interval": "1m"}, cells), parse_float=Decimal)
    assert (data["interval"], data["count"], data["volume"], data["share"]) == ("1m", 3, 1, 1)
    assert data["byDecision"]["ABOOK"]["share"] == Decimal("0.333333")
    assert data["byDecision"]["BBOOK"]["volumeShare"] == 0
    assert data["byLP"]["LP"]["volumeShare"] == 1
    assert data["executionTimeMs"] == {
        "mean": Decimal("0.069"), "p50": Decimal("0.1"), "p90": Decimal("0.1"), "p99": Decimal("0.1"),
        "max": Decimal("0.1"),
    }  # fmt: skip
    assert data["slippage"] == {
        "mean": Decimal("0.0000000001"), "p50": Decimal("0.0000000004"), "p90": Decimal("0.0000000004"),
        "p99": Decimal("0.0000000004"), "favourable": 1, "adverse": 2,
    }  # fmt: skip
    of_b = json.loads(stats_data({}, cells, "B"), parse_float=Decimal)
    assert (of_b["symbol"], of_b["count"], of_b["volumeShare"]) == ("B", 2, 0)


def test_figures_add_up() -> None:
    total = RoutingFigures()
    for each in (figures(1, 5, -5, 7), figures(2, 6, 4, 9)):
        add_figures(total, each)
    assert total == RoutingFigures(
        3, 11, 9, 3, 25, 9, 1, 2, 2, {bucket_of(7): 1, bucket_of(9): 2}, {bucket_of(3): 3},
        {bucket_of(-5): 1, bucket_of(4): 2},
    )  # fmt: skip
