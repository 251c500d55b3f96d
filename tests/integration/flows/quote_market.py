"""A market of quotes on a real topic for tests of the quotes flow: what was sent, as the oracle has it."""

import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

from flows.quotes_reading import quotes_settings
from jobs.produce.quotes import written_quotes
from oracle.quotes import OracleQuote
from runtime.settings.whole import Settings
from tests.property.quote_records import START_US, quote_batch

PARTITIONS = 2
SYMBOLS = [f"S{number}" for number in range(6)]


def quote_environment(bootstrap: str, redis_url: str, dsn: str, database: str, folder: Path) -> dict[str, str]:
    """Variables of a test's own topic, of its database and folders."""
    return {
        "TAPEFLOW_QUOTES_TOPIC": f"quotes-{uuid.uuid4().hex[:8]}",
        "TAPEFLOW_KAFKA_BOOTSTRAP": bootstrap,
        "TAPEFLOW_REDIS_URL": redis_url,
        "TAPEFLOW_CLICKHOUSE_DSN": dsn,
        "TAPEFLOW_CLICKHOUSE_DATABASE": database,
        "TAPEFLOW_RECOVERY_DIR": str(folder / "recovery"),
        "TAPEFLOW_QUOTE_INTERVALS": "1m,1h",
        "TAPEFLOW_EPOCH_MS": "200",
        "TAPEFLOW_IDLE_CLOSE_MS": "500",
    }


class QuoteMarket:
    """Sends quotes of a random walk; some are out of order in time, some crossed, one is no quote."""

    def __init__(self, settings: Settings) -> None:
        self._topic, self._write = settings.quotes_topic, written_quotes(quotes_settings(settings))
        self._producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
        self._random = np.random.default_rng(7)
        self.sent: list[OracleQuote] = []
        self._offsets = [0] * PARTITIONS

    def send(self, count: int) -> None:
        for _ in range(count):
            number = len(self.sent)
            symbol = int(self._random.integers(len(SYMBOLS)))
            bid = Decimal(int(self._random.integers(10_000, 11_000))).scaleb(-2)
            ask = bid + Decimal(int(self._random.integers(-2, 20))).scaleb(-3)
            time_us = START_US + 250_000 * number - int(self._random.integers(0, 2_000_000))
            partition = symbol % PARTITIONS
            quote = OracleQuote(partition, self._offsets[partition], time_us, SYMBOLS[symbol], bid, ask)
            self._offsets[partition] += 1
            self.sent.append(quote)
            (value,) = self._write(quote_batch([quote]))
            self._producer.produce(
                self._topic, value, quote.symbol, partition=partition, timestamp=START_US // 1000 + 250 * number
            )
        assert self._producer.flush(30) == 0

    def send_raw(self, value: bytes) -> None:
        self._producer.produce(self._topic, value, b"x", partition=0, timestamp=START_US // 1000)
        self._offsets[0] += 1
        assert self._producer.flush(30) == 0
