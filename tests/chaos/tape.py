"""What the killer's victims read: a seeded market on a real topic, with everything that goes wrong in real topics.

The checker reads back what the broker took. Record timestamps follow market time, so that an hour of downtime can be
had by setting the market's clock. The market runs sixty times as fast as ours, so that bars of every interval close
in a short run. Each symbol trades at two venues, whose ids begin anew each market hour and are numbers, long numbers
or text; records come again soon and late; and a few symbols lie in two partitions, as where clients of two
partitioners write.
"""

import json
import random
import struct
import zlib
from collections import deque
from collections.abc import Callable
from typing import Final

from connectors.avro.encode import encode_trades, split_values
from connectors.synthetic import Disorder, SyntheticMarket, symbol_names
from jobs.produce.bad_records import bad_records
from schemas.avro import load_schema
from schemas.columns import TradeBatch
from tests.chaos.feeder import Feeder
from tests.servers.registry import RegistryServer

__all__ = ["Tape"]

SLICE_S: Final = 0.05
SPEED: Final = 60
DISORDER: Final = Disorder(swapped=0.1, swapped_ms=3_000, late=0.01, late_ms=600_000, repeated=0.01)
BEFORE_MONDAY_US: Final = 5 * 60_000_000
MONDAY_US: Final = 1_767_571_200_000_000
"""2026-01-05 00:00 UTC."""
HOUR_US: Final = 3_600_000_000
VENUES: Final = (b"SYNTH", b"OTHER")
AGAIN: Final = 0.02
"""Share of records that come once more after others, up to REMEMBERED_MAX of them."""
REMEMBERED_MAX: Final = 3_000
DOUBLED_EVERY: Final = 13
"""One symbol of so many lies in two partitions."""
FLAGS: Final = {"name": "flags", "type": "int", "default": 0}
VENUE: Final = {"name": "venue", "type": "string", "default": ""}


class Tape(Feeder):
    """Sends ``rate`` trades a second. ``doubled``: whether some symbols lie in two partitions."""

    def __init__(self, bootstrap: str, topic: str, registry: RegistryServer, *, seed: int, rate: int, partitions: int,
                 symbols: int = 40, doubled: bool = True) -> None:  # fmt: skip
        super().__init__(bootstrap, name="tape", slice_s=SLICE_S)
        self._topic, self._rate, self._partitions = topic, rate, partitions
        self._random = random.Random(seed)
        self._names = symbol_names(symbols)
        self._market = SyntheticMarket(self._names, seed=seed, start_us=MONDAY_US - BEFORE_MONDAY_US, disorder=DISORDER)
        self.symbols = tuple(self._names)
        self.doubled = frozenset(self._names[3::DOUBLED_EVERY] if doubled else ())
        self._firsts: dict[tuple[int, bytes], int] = {}
        self._sent: deque[tuple[bytes, bytes, int]] = deque(maxlen=REMEMBERED_MAX)
        self._writers = schemas_of(registry, topic)
        self._writer = 0
        self._bad = bad_records(self._encode, lambda: self._market.now_us)

    def jump(self, seconds: int) -> None:
        """The market goes on ``seconds`` later, as after a downtime of everybody."""
        with self.lock:
            self._market.now_us += seconds * 1_000_000

    def change_schema(self) -> None:
        """Later trades are written with another schema of the registry: fields before or behind ours."""
        with self.lock:
            self._writer = (self._writer + 1) % len(self._writers)

    def send_corrupt(self, count: int) -> None:
        """A burst of records that must be refused, of every kind, among good ones."""
        with self.lock:
            stamp = self._market.now_us // 1000
            for index, (record, _) in zip(range(count), self._bad, strict=False):
                self._send(record, b"corrupt", index % self._partitions, stamp)
            for value in (None, b"", self._random.randbytes(40), b"\0" * 1_000_001, struct.pack(">bI", 0, 101)):
                self._send(value, b"corrupt", self._random.randrange(self._partitions), stamp)
        self.send(20)

    def send(self, count: int) -> None:
        """The next ``count`` trades, now."""
        with self.lock:
            self._send_trades(count)

    def send_slice(self) -> None:
        self._send_trades(max(int(self._rate * SLICE_S), 1))

    def _send_trades(self, count: int) -> None:
        batch = self._market.take(count, int(count / self._rate * SPEED * 1_000_000))
        self._rename(batch)
        values = self._encode(batch)
        ats, sizes = batch.rows["symbol_at"].tolist(), batch.rows["symbol_len"].tolist()
        stamp = self._market.now_us // 1000
        for value, at, size in zip(values, ats, sizes, strict=True):
            symbol = batch.text[at : at + size]
            partition = zlib.crc32(symbol)
            if symbol.decode() in self.doubled:
                partition += self._random.randrange(2)
            record = value, symbol, partition % self._partitions
            self._send(*record, stamp)
            self._sent.append(record)
            if self._random.random() < AGAIN:
                self._send(*self._random.choice(self._sent), stamp)

    def _rename(self, batch: TradeBatch) -> None:
        """Venues and ids of their own: odd numbers of a symbol are the other venue's, both count anew each hour."""
        text, hour = bytearray(batch.text), self._market.now_us // HOUR_US
        for row in batch.rows:
            symbol = batch.text[row["symbol_at"] : row["symbol_at"] + row["symbol_len"]]
            number = int(row["trade_id_number"])
            count = number - self._firsts.setdefault((hour, symbol), number) + REMEMBERED_MAX
            venue, kind = VENUES[number % 2], zlib.crc32(symbol) % 3
            trade_id = (b"%d", b"1025234%015d", b"a3-%x")[kind] % (count // 2)
            for name, value in (("exchange", venue), ("trade_id", trade_id)):
                row[f"{name}_at"], row[f"{name}_len"] = len(text), len(value)
                text += value
        batch.text = bytes(text)

    def _send(self, value: bytes | None, key: bytes, partition: int, timestamp_ms: int) -> None:
        self.produce(self._topic, value, key, partition, timestamp_ms)

    def _encode(self, batch: TradeBatch) -> list[bytes]:
        return self._writers[self._writer](batch)


def schemas_of(registry: RegistryServer, topic: str) -> list[Callable[[TradeBatch], list[bytes]]]:
    """Encoders of three compatible schemas, each registered: ours, one with a field behind it, one with one before."""
    fields = load_schema("Trade")["fields"]
    kinds = ((fields, b"", b""), ([*fields, FLAGS], b"", b"\x0e"), ([VENUE, *fields], b"\x06abc", b""))
    return [
        writer(
            registry.add(f"{topic}-value", {"schema": json.dumps({**load_schema("Trade"), "fields": each})}), *around
        )
        for each, *around in kinds
    ]


def writer(schema_id: int, prefix: bytes, suffix: bytes) -> Callable[[TradeBatch], list[bytes]]:
    def encode(batch: TradeBatch) -> list[bytes]:
        frame = struct.pack(">bI", 0, schema_id)
        return [frame + prefix + body + suffix for body in split_values(*encode_trades(batch.rows, batch.text, None))]

    return encode
