"""Columns of a desk's tables as bytes: wide numbers, words, counts by bucket."""

from decimal import Decimal

import numpy as np

from schemas.desk import ExposureRow, LpFigures, LpRow, RoutingFigures, RoutingRow
from sinks.clickhouse.desk_block import (
    DECISION_COLUMNS,
    EXPOSURE_COLUMNS,
    LP_COLUMNS,
    ROUTING_COLUMNS,
    decision_block,
    exposure_block,
    longs,
    lp_block,
    maps,
    routing_block,
    wides,
    words,
)
from tests.property.desk_records import START_US, decision, routing_batch


def column(block: object, name: str) -> bytes:
    names = [each for each, _ in block.columns]  # type: ignore[attr-defined]
    data: bytes = block.data[names.index(name)]  # type: ignore[attr-defined]
    return data


def test_single_columns() -> None:
    assert longs([1, -1]) == np.array([1, -1], np.int64).tobytes()
    assert wides([-1, 2]) == b"\xff" * 16 + (2).to_bytes(16, "little")
    assert words([]) == b""
    assert words(["b", "a", "b"]).endswith(bytes([0, 1, 0]))
    ends, keys, counts = np.array([2, 2, 3], np.uint64), np.array([-1, 5, 7], np.int16), np.array([9, 8, 7], np.uint64)
    assert maps([{5: 8, -1: 9}, {}, {7: 7}]) == ends.tobytes() + keys.tobytes() + counts.tobytes()


def test_a_block_of_decisions() -> None:
    batches = [
        routing_batch([decision(7, volume=Decimal(2**70)), decision(8, symbol="B", timestamp_ms=-1)]),
        routing_batch([decision(9, partition=4, symbol="B")]),
    ]
    block = decision_block(batches, 1)
    assert (block.rows, block.columns) == (3, DECISION_COLUMNS)
    assert column(block, "volume")[:16] == (2**70 * 10**10).to_bytes(16, "little")
    assert column(block, "slippage") == (-(10**9)).to_bytes(16, "little", signed=True) * 3
    assert np.frombuffer(column(block, "sequence"), np.uint64).tolist() == [(1 << 44) + each for each in (7, 8, 9)]
    assert np.frombuffer(column(block, "kafka_partition"), np.uint32).tolist() == [0, 0, 4]
    assert np.frombuffer(column(block, "kafka_time"), np.int64).tolist() == [START_US // 1000, 0, START_US // 1000]
    assert column(block, "symbol").endswith(bytes([0, 1, 1]))


def test_a_block_of_figures() -> None:
    figures = RoutingFigures(2, 3, -4, 5, 6, 7, 8, 9, 10, {1: 2}, {-3: 4}, {})
    block = routing_block([[RoutingRow(60, "A", "LP", "ABOOK", 1, figures)], []])
    assert (block.rows, block.columns) == (1, ROUTING_COLUMNS)
    assert column(block, "spread_sum") == (-4).to_bytes(16, "little", signed=True)
    assert column(block, "version") == (10).to_bytes(8, "little")
    assert column(block, "slippage") == bytes(8)


def test_a_block_of_providers() -> None:
    figures = LpFigures(samples=1, rejects_sum=5 * 10**20, up_us=7, changes=2, status="up", version=3, latency={9: 1})
    block = lp_block([[LpRow(60, "LMAX", 2, figures)]])
    assert (block.rows, block.columns) == (1, LP_COLUMNS)
    assert column(block, "rejects_sum") == (5 * 10**20).to_bytes(16, "little")
    assert column(block, "up_us") == (7).to_bytes(8, "little")


def test_a_block_of_exposure() -> None:
    rows = [ExposureRow(60, scope, name, 0, -1, 1, 2, 0, 3, 4, 5) for scope, name in (("total", ""), ("book", "B"))]
    block = exposure_block([rows[:1], rows[1:]])
    assert (block.rows, block.columns) == (2, EXPOSURE_COLUMNS)
    assert column(block, "scope") == bytes([0, 3])
    assert column(block, "net") == (-1).to_bytes(16, "little", signed=True) * 2
