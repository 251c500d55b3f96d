"""Alerts as bytes: texts, actions, states that only rise."""

import numpy as np

from schemas.desk import DeskAlert
from sinks.clickhouse.alert_block import ALERT_COLUMNS, STATE_COLUMNS, alert_block, state_block, texts

OPENED = DeskAlert("a", "open", 5_000, "error", "lp", "t", "m", "analytics", ("x", "yy"))
ENDED = DeskAlert("b", "resolved", 6_999, "error", "lp", "t", "m", "analytics")


def test_texts_have_their_lengths() -> None:
    assert texts(["a", "é" * 70]) == b"\1a" + bytes([0x8C, 1]) + "é".encode() * 70


def test_a_block_of_alerts() -> None:
    block = alert_block([OPENED, ENDED])
    assert (block.rows, block.columns) == (2, ALERT_COLUMNS)
    assert block.data[0] == np.array([5, 6], np.int64).tobytes()
    assert block.data[-1] == np.array([2, 2], np.uint64).tobytes() + b"\1x\2yy"


def test_a_block_of_states() -> None:
    block = state_block([OPENED, ENDED])
    assert (block.rows, block.columns) == (2, STATE_COLUMNS)
    assert block.data[0] == b"\1a\1b"
    assert block.data[-1] == np.array([1, 3], np.int64).tobytes()
