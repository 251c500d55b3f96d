"""The killer's quotes: best bids and asks that never end, beside the trades of the same symbols, and what they make.

Their time runs as fast as that of the trades. Some are older than their symbol's newest, some cross, some records are
no quotes. At each check everything is recomputed by the oracle from the topic, and held against the bars in ClickHouse,
the newest quotes in Redis, the streams that tell of them, and the dead letters.
"""

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import redis

from flows.quotes_reading import quotes_settings
from jobs.produce.quotes import written_quotes
from jobs.redis_now import quote_differences
from jobs.verify_quotes import QuotesTopic, compare_quote_bars, read_quotes
from oracle.quotes import OracleQuote, recompute_quotes
from runtime.settings.whole import Settings
from schemas.names import RedisNames
from tests.chaos.feeder import Feeder
from tests.chaos.tape import MONDAY_US, SPEED
from tests.chaos.truth import dead_letters
from tests.property.quote_records import quote_batch

__all__ = ["QUOTES_PARTITIONS", "QuoteTape", "check_quotes"]

QUOTES_PARTITIONS: Final = 2
RATE: Final = 80
SLICE_S: Final = 0.05
OUTDATED: Final = 0.05
OUTDATED_US: Final = 90_000_000
CROSSED: Final = 0.03
BAD: Final = 0.01


class QuoteTape(Feeder):
    """``symbols``: those of the trades."""

    def __init__(self, settings: Settings, symbols: Sequence[str], *, seed: int) -> None:
        super().__init__(settings.kafka_bootstrap, name="quotes", slice_s=SLICE_S)
        self._topic, self._symbols = settings.quotes_topic, symbols
        self._random = random.Random(seed)
        self._write = written_quotes(quotes_settings(settings))
        self._prices = dict.fromkeys(symbols, 10_000)
        self._now_us = MONDAY_US

    def send_slice(self) -> None:
        chance = self._random
        for _ in range(int(RATE * SLICE_S)):
            self._now_us += int(SPEED * 1_000_000 / RATE)
            symbol = chance.choice(self._symbols)
            self._prices[symbol] = max(self._prices[symbol] + chance.randrange(-3, 4), 100)
            width = -1 if chance.random() < CROSSED else chance.randrange(6)
            late_us = chance.randrange(OUTDATED_US) if chance.random() < OUTDATED else 0
            bid = Decimal(self._prices[symbol]).scaleb(-2)
            ask = bid + Decimal(width).scaleb(-2)
            (value,) = self._write(quote_batch([OracleQuote(0, 0, self._now_us - late_us, symbol, bid, ask)]))
            if chance.random() < BAD:
                value = chance.choice((b"", b"nonsense", value[:-3], b"\0\0\0\0\x63quote"))
            key = symbol.encode()
            self.produce(self._topic, value, key, zlib.crc32(key) % QUOTES_PARTITIONS, self._now_us // 1000)


def check_quotes(settings: Settings, client: redis.Redis) -> tuple[int, list[str]]:
    """Rows compared, and differences."""
    topic = read_quotes(settings)
    bars = compare_quote_bars(settings, topic)
    rows, wrong = bars.compared, [str(each) for each in bars.differences]
    for compared, differences in (
        check_newest(client, topic),
        check_streams(client),
        check_letters(quotes_settings(settings), topic),
    ):
        rows += compared
        wrong += differences
    return rows, wrong


def check_newest(client: redis.Redis, topic: QuotesTopic) -> tuple[int, list[str]]:
    """Of each symbol the quote that the oracle holds for the newest."""
    newest = [each for quotes in topic.quotes.values() for each in recompute_quotes(quotes).newest.values()]
    return len(newest), [f"Redis {each}" for each in quote_differences(client, newest)]


def check_streams(client: Any) -> tuple[int, list[str]]:
    """Entries are numbered one by one, and within a symbol quotes rise."""
    shards = range(QUOTES_PARTITIONS)
    entries = [(shard, fields) for shard in shards for _, fields in client.xrange(RedisNames().quotes(shard))]
    return len(entries), list(stream_faults(entries))


def stream_faults(entries: list[tuple[int, dict[bytes, bytes]]]) -> Iterator[str]:
    numbers: dict[int, int] = {}
    last: dict[str, int] = {}
    for shard, fields in entries:
        number = int(fields[b"number"])
        if number != numbers.get(shard, number - 1) + 1:
            yield f"stream of quotes {shard}: entry {number} behind {numbers[shard]}"
        numbers[shard] = number
        for quote in json.loads(fields[b"batch"]):
            symbol, sequence = quote["symbol"], quote["quoteSequence"]
            if sequence <= last.get(symbol, -1):
                yield f"stream of quotes {shard}: {symbol} went from {last[symbol]} to {sequence}"
            last[symbol] = sequence


def check_letters(own: Settings, topic: QuotesTopic) -> tuple[int, list[str]]:
    """Each refused record has a letter, which says why."""
    found = {(int(each["partition"]), int(each["offset"])): each["reason"] for each in dead_letters(own)}
    wanted = {place: reason.label for place, reason in topic.refused.items()}
    return len(wanted), [
        f"dead letter of quotes {place}: {wanted.get(place, 'none')} expected, {found.get(place, 'none')} found"
        for place in sorted(wanted.keys() | found.keys())
        if wanted.get(place) != found.get(place)
    ]
