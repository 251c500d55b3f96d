"""Reads the fan-out streams as a client would that never misses an entry, and believes nothing.

The checker compares it with the oracle. A delta applies to what the stream said last, sequences of a symbol only rise,
a bar never goes back, and what the stream said last is what stands in the keys. Only a new ``md:epoch`` allows a client
to forget; then everything must come again. A symbol that two shards write has no one order over their streams, so it is
checked against the keys alone.
"""

import redis

from oracle.truth import OracleResult
from schemas.names import EPOCH_KEY, RedisKeys, deltas_stream
from tests.client_messages import BarMessage, Delta, Snapshot, apply, decode_batch, decode_message

__all__ = ["StreamFollower"]

ENTRIES: int = 1000


class StreamFollower:
    """Follows the streams of all shards. ``follow`` before the data is wiped, and at each check."""

    def __init__(self, client: redis.Redis, shards: int, *, doubled: frozenset[str] = frozenset()) -> None:
        self._client = client
        self._doubled = doubled
        self._shards = shards
        self._keys = RedisKeys()
        self._epoch: bytes | None = None
        self._forget()

    def _forget(self) -> None:
        self._last = dict.fromkeys(range(self._shards), b"0")
        self._tickers: dict[str, Snapshot] = {}
        self._live: dict[tuple[str, str], tuple[int, int, bool]] = {}
        self._finals: dict[tuple[str, str, int], int] = {}

    def follow(self) -> tuple[int, list[str]]:
        """Read to the end. Returns messages read, and what contradicted."""
        epoch = self._client.get(EPOCH_KEY)
        if epoch != self._epoch:
            self._epoch = epoch
            self._forget()
        rows, wrong = 0, []
        for shard in range(self._shards):
            while entries := self._client.xrange(deltas_stream(shard), b"(" + self._last[shard], b"+", ENTRIES):
                for entry, fields in entries:
                    batch = decode_batch(fields[b"batch"])
                    if int(fields[b"n"]) != len(batch):
                        wrong.append(f"stream {shard} {entry}: n says {fields[b'n']} of {len(batch)}")
                    for message in batch:
                        rows += 1
                        if trouble := self._take(message):
                            wrong.append(f"stream {shard} {entry!r}: {trouble}")
                    self._last[shard] = entry
        return rows, wrong

    def compare(self, result: OracleResult, client: redis.Redis) -> tuple[int, list[str]]:
        """What the streams said last against the keys, and every final bar against the oracle."""
        wrong = []
        for symbol, state in self._tickers.items():
            stored = client.get(self._keys.price(symbol))
            if stored is None or decode_message(stored) != state:
                wrong.append(f"the stream left {symbol} at {state.sequence}, price:{symbol} is {stored!r}")
        finals = [bar for bar in result.bars.values() if bar.final and bar.symbol not in self._doubled]
        for bar in finals:
            told = self._finals.get((bar.symbol, bar.interval, bar.start_us // 1000))
            if told != bar.version:
                wrong.append(f"final bar {bar.symbol} {bar.interval} {bar.start_us}: stream {told}, not {bar.version}")
        return len(self._tickers) + len(finals), wrong

    def _take(self, message: Snapshot | Delta | BarMessage) -> str:
        if message.symbol in self._doubled:
            return ""
        if isinstance(message, BarMessage):
            return self._bar(message)
        known = self._tickers.get(message.symbol)
        if known is not None and message.sequence <= known.sequence:
            return f"{message.symbol} went from {known.sequence} to {message.sequence}"
        if isinstance(message, Snapshot):
            self._tickers[message.symbol] = message
        elif known is None or message.previous != known.sequence:
            return f"a delta of {message.symbol} applies to {message.previous}, not {known and known.sequence}"
        else:
            self._tickers[message.symbol] = apply(known, message)
        return ""

    def _bar(self, bar: BarMessage) -> str:
        if bar.final:
            key = bar.symbol, bar.interval, bar.time
            before = self._finals.get(key, -1)
            self._finals[key] = bar.sequence
            return f"final bar {key} from {before} to {bar.sequence}" if bar.sequence <= before else ""
        room, place = (bar.symbol, bar.interval), (bar.time, bar.sequence, bar.final)
        last = self._live.get(room)
        self._live[room] = place
        return f"bar {room} from {last} to {place}" if last is not None and place <= last else ""
