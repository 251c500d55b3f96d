"""``tapeflow ingest`` as a process of its own between a scripted venue and a real broker."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.integration import waiting
from tests.servers.kafka import make_topic
from tests.servers.vendor import ScriptedVendor
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import ScriptedTrade

__all__ = ["Ingester", "eventually", "row_of"]

RUN = "import sys; from tapeflow.cli import main; sys.exit(main())"
Row = tuple[str, str, Decimal, Decimal, str, int]
"""Symbol, id, price, size, side, time in us."""


eventually = partial(waiting.eventually, within_s=60.0)


def row_of(trade: ScriptedTrade) -> Row:
    numbers = Decimal(trade.price), Decimal(trade.size)
    return trade.symbol, str(trade.trade_id), *numbers, trade.side, trade.time_ms * 1000


class Ingester:
    """``start`` it again after ``kill``: the topic stays the same."""

    def __init__(
        self, bootstrap: str, folder: Path, venue: ScriptedVenue | ScriptedVendor, *words: str, partitions: int = 1
    ) -> None:
        self.bootstrap, self.partitions = bootstrap, partitions
        self.topic = make_topic(bootstrap, f"live-{secrets.token_hex(4)}", partitions)
        self._words, self._venue, self._folder = words, venue, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.quotes_topic = ""
        self.settings: dict[str, str] = {"FEED_PAUSE_MS": "20", "FEED_SILENCE_MS": "5000", "FEED_FILL_MS": "5000"}

    def start(self) -> None:
        environment = {
            **os.environ,
            "TAPEFLOW_KAFKA_BOOTSTRAP": self.bootstrap,
            "TAPEFLOW_VALUE_FORMAT": "json",
            "TAPEFLOW_LOG_FORMAT": "json",
            "TAPEFLOW_QUOTES_FORMAT": "json",
            "TAPEFLOW_QUOTES_TOPIC": self.quotes_topic or "quotes",
            "TAPEFLOW_FEED_ADDRESSES": self._venue.addresses,
            **{f"TAPEFLOW_{name}": value for name, value in self.settings.items()},
        }
        quotes = [] if self.quotes_topic else ["--no-quotes"]
        command = [sys.executable, "-c", RUN, "ingest", "--topic", self.topic, *quotes, *self._words]
        with self.log.open("ab") as log, self.output.open("wb") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=log, cwd=self._folder)

    @property
    def log(self) -> Path:
        return self._folder / "log"

    @property
    def output(self) -> Path:
        return self._folder / "output"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return await self.ended()

    async def ended(self) -> int:
        process = self._process
        assert process is not None
        await eventually(lambda: process.poll() is not None)
        return process.returncode

    def events(self, name: str) -> list[Mapping[str, Any]]:
        """Lines of the log of one event."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if line["event"] == name]

    def count(self) -> int:
        """Records of the topic."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "count"})
        places = [TopicPartition(self.topic, partition) for partition in range(self.partitions)]
        found = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.close()
        return found

    async def until(self, count: int, within_s: float = 60.0) -> None:
        """Until the topic has as many records."""

        async def has_all() -> bool:
            return await asyncio.to_thread(self.count) >= count  # the venue shares this event loop, and goes on

        await eventually(has_all, within_s=within_s)

    def rows(self) -> list[Row]:
        """Every trade of the topic, by partition and in order."""
        return [self._row(value) for value in self.values(self.topic)]

    def letters(self) -> list[bytes]:
        return self.values(f"{self.topic}.feed-dead-letter")

    def values(self, topic: str) -> list[bytes]:
        partitions = self.partitions if topic == self.topic else 1
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "rows", "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        found, ended = [], 0
        while ended < partitions:
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                ended += 1
            else:
                found.append(message.value())
        consumer.close()
        return found

    @staticmethod
    def _row(value: bytes) -> Row:
        found = json.loads(value, parse_float=Decimal, parse_int=Decimal)
        numbers = Decimal(found["price"]), Decimal(found["size"])
        return found["symbol"], found["trade_id"], *numbers, found["side"], int(found["event_time"])
