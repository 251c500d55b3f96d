"""Quotes in a real Redis: keys never go back, the stream is numbered and cut, and what Redis loses is written again."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from core.quotes.book import QuoteBook, QuoteRules
from oracle.quotes import OracleQuote
from schemas.errors import SettingError, Unreachable
from schemas.quotes import QuoteStates
from schemas.shards import part_name, shard_key
from sinks.redis import quotes as module
from sinks.redis.quotes import QuotesSink, QuotesWriter
from sinks.redis.sink import RedisWriter
from tests.integration.sinks.redis_reading import update
from tests.property.quote_records import START_US, quote, quote_batch
from tests.servers.redis import RedisServer
from tests.unit.sinks.rows import tickers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


class Flow:
    """States as the flow hands them over."""

    def __init__(self) -> None:
        self.book = QuoteBook(QuoteRules())

    def states(self, *quotes: OracleQuote) -> QuoteStates:
        self.book.apply(quote_batch(quotes))
        return self.book.take_changed()


def held(client: redis.Redis, symbol: str = "A") -> dict[str, Any]:
    found: Any = client.get(f"md:quote:{symbol}")
    return json.loads(found) if found else {}


def entries(client: redis.Redis) -> list[tuple[int, list[dict[str, Any]]]]:
    found: Any = client.xrange("md:quotes:0")
    return [(int(fields[b"number"]), json.loads(fields[b"batch"])) for _, fields in found]


def test_keys_and_stream_have_what_is_newest_and_never_go_back(server: RedisServer) -> None:
    writer, flow = QuotesWriter(server.url), Flow()
    first, second = flow.states(quote(0, "A"), quote(1, "B/Ü")), flow.states(quote(2, "A", "1.5", after_us=1))
    writer.write([first, second])
    QuotesWriter(server.url).write([first])
    with redis.Redis.from_url(server.url) as client:
        assert (held(client)["bid"], held(client)["quoteSequence"], held(client, "B/Ü")["quoteSequence"]) == (1.5, 2, 1)
        ((number, batch),) = entries(client)
        assert (number, [(each["symbol"], each["quoteSequence"]) for each in batch]) == (1, [("A", 2), ("B/Ü", 1)])
        writer.write([flow.states(quote(3, "A", after_us=2))])
        assert [(number, len(batch)) for number, batch in entries(client)] == [(1, 2), (2, 1)]


def test_many_symbols_go_in_several_calls(server: RedisServer) -> None:
    writer, flow = QuotesWriter(server.url), Flow()
    writer.write([flow.states(*(quote(number, f"S{number}") for number in range(4_500)))])
    with redis.Redis.from_url(server.url) as client:
        assert [len(batch) for _, batch in entries(client)] == [2_000, 2_000, 500]
        assert held(client, "S4499")["quoteSequence"] == 4_499


def test_entries_are_kept_for_a_time(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_KEPT_MS", 0)
    writer, flow = QuotesWriter(server.url), Flow()
    with redis.Redis.from_url(server.url) as client:
        for number in range(3):
            writer.write([flow.states(quote(number, "A"))])
            before = client.time()
            while client.time() == before:
                pass
        assert entries(client)[-1][0] == 3
        assert len(entries(client)) <= 2


def test_what_redis_lost_is_written_again_also_in_a_quiet_market(server: RedisServer) -> None:
    writer, flow = QuotesWriter(server.url), Flow()
    writer.look()
    writer.write([flow.states(quote(0, "A"), quote(1, "B"))])
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        writer.write([flow.states(quote(2, "A", after_us=1))])
        assert (held(client)["quoteSequence"], held(client, "B")["quoteSequence"]) == (2, 1)
        client.flushall()
        writer.look()
        assert (held(client)["quoteSequence"], held(client, "B")["quoteSequence"]) == (2, 1)
        length = client.xlen("md:quotes:0")
        writer.look()
        assert client.xlen("md:quotes:0") == length
    server.stop()
    writer.look()


def test_a_right_that_is_missing_is_named(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "poor", "on", ">p", "+@all", "~md:quotes*")
    url = server.url.replace("redis://", "redis://poor:p@")
    with pytest.raises(SettingError, match="user poor"):
        QuotesWriter(url).write([Flow().states(quote(0, "A"))])


def test_a_sink_waits_for_redis_and_ends_when_it_is_told(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    stop, written = threading.Event(), list[int]()
    sink = QuotesSink(server.url, 2, stop=stop, on_written=lambda done: written.extend(map(len, done)))
    flow = Flow()
    assert sink.list_parts() == [part_name(0), part_name(1)]
    part = sink.build_part("write", part_name(sink.part_fn(shard_key(0))), None)
    assert not sink.is_behind
    part.write_batch([flow.states(quote(0, "A"), quote(1, "B"))])
    part.snapshot()
    assert written == [2]
    server.stop()
    part.write_batch([flow.states(quote(2, "A"))])
    stop.set()
    with pytest.raises(Unreachable):
        part.snapshot()
    part.close()


def test_simple_consumers_are_told_of_a_bid_and_ask_as_the_gateway_shows_them(server: RedisServer) -> None:
    trades, flow = RedisWriter(server.url, publish_updates=True), Flow()
    quotes = QuotesWriter(server.url, publish_updates=True)
    with redis.Redis.from_url(server.url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("market-data:updates")
        listener.get_message(timeout=2)

        def told() -> list[dict[str, Any]]:
            """All that was published so far, up to a mark."""
            client.publish("market-data:updates", "mark")
            found: list[dict[str, Any]] = []
            while (message := listener.get_message(timeout=5)) is None or message["data"] != b"mark":
                if message is not None:
                    found.append(json.loads(message["data"]))
            return found

        def best() -> list[tuple[object, object]]:
            return [(each["data"]["bid"], each["data"]["ask"]) for each in told()]

        def quoted(number: int, bid: str, ask: str, time_us: int) -> None:
            quotes.write([flow.states(quote(number, "A", bid, ask, after_us=time_us - START_US))])

        def traded(sequence: int, time_us: int, bid: str | None = None, ask: str | None = None) -> None:
            row = {"symbol": "A", "sequence": sequence, "event_time_us": time_us, "bid": bid, "ask": ask}
            trades.write([update(tickers(row))])

        second = 1_000_000
        quoted(0, "1.25", "1.5", START_US)
        assert told() == [], "it hasn't traded"
        traded(1, START_US + second)
        (first,) = told()
        assert (first["type"], first["symbol"], first["source"]) == ("price_update", "A", first["data"]["exchange"])
        assert (first["data"]["bid"], first["data"]["ask"], first["data"]["sequence"]) == (1.25, 1.5, 1)
        quoted(1, "1.25", "1.5", START_US + second)
        assert told() == [], "nothing of it is new"
        quoted(2, "1.375", "1.5", START_US + second + 1)
        assert best() == [(1.375, 1.5)]
        traded(2, START_US + 2 * second, "2", "3")
        assert best() == [(2, 3)], "later than the quote"
        quoted(3, "1.5", "1.75", START_US + second + 2)
        assert told() == [], "older than what the trades say"
        quoted(4, "1.625", "1.75", START_US + 2 * second)
        assert best() == [(1.625, 1.75)], "of the same time the quote's"
        client.set("price:A", '{"type":"snapshot","symbol":"A"}')
        quoted(5, "1", "2", START_US + 3 * second)
        assert told() == [], "a ticker of another shape is left alone"
