"""Turns alerts into the column bytes of ClickHouse's Native format: what was opened, and what became of it.

For sinks.desk_alerts. An alert stands once in ``alerts``, as it was opened; ``alert_states`` holds its state, of which
the greatest rank counts, so that an opening which is written again doesn't undo what came after it.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from schemas.alert_states import STATE_RANKS
from schemas.desk import DeskAlert
from sinks.clickhouse.desk_block import LOW, longs, words
from sinks.clickhouse.native_block import Block, varint

__all__ = ["ALERT_COLUMNS", "STATE_COLUMNS", "alert_block", "state_block"]

STAMP: Final = "DateTime64(3, 'UTC')"
ALERT_COLUMNS: Final = (
    ("time", STAMP),
    ("id", "String"),
    ("severity", LOW),
    ("category", LOW),
    ("title", "String"),
    ("message", "String"),
    ("source", LOW),
    ("actions", "Array(String)"),
)
STATE_COLUMNS: Final = (("id", "String"), ("state", LOW), ("time", STAMP), ("by", "String"), ("rank", "UInt64"))


def alert_block(alerts: Sequence[DeskAlert]) -> Block:
    """One block of alerts as they were opened."""
    data = (
        longs(each.time_us // 1000 for each in alerts),
        texts([each.id for each in alerts]),
        words(each.severity for each in alerts),
        words(each.category for each in alerts),
        texts([each.title for each in alerts]),
        texts([each.message for each in alerts]),
        words(each.source for each in alerts),
        np.array(list(accumulate(len(each.actions) for each in alerts)), np.uint64).tobytes()
        + texts([action for each in alerts for action in each.actions]),
    )
    return Block(len(alerts), ALERT_COLUMNS, data)


def state_block(alerts: Sequence[DeskAlert]) -> Block:
    """One block of what they are now."""
    data = (
        texts([each.id for each in alerts]),
        words(each.state for each in alerts),
        longs(each.time_us // 1000 for each in alerts),
        texts([each.source for each in alerts]),
        longs(STATE_RANKS[each.state] for each in alerts),
    )
    return Block(len(alerts), STATE_COLUMNS, data)


def texts(values: Sequence[str]) -> bytes:
    """String: each a length and its bytes."""
    coded = [value.encode() for value in values]
    return b"".join(varint(len(each)) + each for each in coded)
