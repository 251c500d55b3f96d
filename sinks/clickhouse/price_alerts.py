"""What users' rules fired, as a block of ClickHouse's Native format.

For sinks.alerts, which inserts it by sinks.clickhouse.sink. Firings are few beside trades, so they are Python objects.
The bytes are exactly those of PRICE_ALERT_COLUMNS, which the migration creates and the sink checks on the server.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.alert_rules import Firing
from sinks.clickhouse.native_block import Block, low_cardinality, varint

__all__ = ["PRICE_ALERT_COLUMNS", "price_alert_block"]

PRICE_ALERT_COLUMNS: Final = (
    ("event_time", "DateTime64(6, 'UTC')"),
    ("id", "String"),
    ("rule_id", "String"),
    ("user_id", "String"),
    ("symbol", "LowCardinality(String)"),
    ("condition", "LowCardinality(String)"),
    ("series", "LowCardinality(String)"),
    ("window", "LowCardinality(String)"),
    ("threshold", "Decimal(38, 10)"),
    ("price", "Decimal(38, 10)"),
    ("value", "Decimal(38, 10)"),
    ("sequence", "UInt64"),
    ("kafka_partition", "UInt32"),
    ("note", "String"),
)


def price_alert_block(firings: Sequence[Firing]) -> Block:
    """One block of all ``firings``."""
    rules = [firing.rule for firing in firings]
    data = (
        np.array([firing.event_time_us for firing in firings], np.int64).tobytes(),
        _strings([firing.id for firing in firings]),
        _strings([rule.id for rule in rules]),
        _strings([rule.user for rule in rules]),
        _words([rule.symbol for rule in rules]),
        _words([rule.condition for rule in rules]),
        _words([rule.series for rule in rules]),
        _words([rule.window for rule in rules]),
        _decimals([firing.threshold for firing in firings]),
        _decimals([firing.price for firing in firings]),
        _decimals([firing.value for firing in firings]),
        np.array([firing.sequence for firing in firings], np.uint64).tobytes(),
        np.array([firing.partition for firing in firings], np.uint32).tobytes(),
        _strings([rule.note for rule in rules]),
    )
    return Block(len(firings), PRICE_ALERT_COLUMNS, data)


def _strings(texts: Sequence[str]) -> bytes:
    values = [text.encode() for text in texts]
    return b"".join(varint(len(value)) + value for value in values)


def _words(texts: Sequence[str]) -> bytes:
    numbers: dict[str, int] = {}
    keys = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
    return low_cardinality([text.encode() for text in numbers], keys)


def _decimals(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(16, "little", signed=True) for number in numbers)
