"""Live updates in a real Redis: what keys and streams hold, and that nothing ever goes back or comes twice."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from local.redis import bundled_binary
from schemas.errors import SettingError, TapeflowError, Unreachable
from schemas.names import EPOCH_KEY, UPDATES_CHANNEL, deltas_stream
from sinks.redis.bounds import RedisBounds
from sinks.redis.connection import connect
from sinks.redis.sink import RedisSink, RedisWriter
from sinks.redis.state import MESSAGES_MAX
from tests.client_messages import BarMessage, Delta, Snapshot, decode_message
from tests.integration.sinks.redis_reading import bar_at, check_stream, entries, moved, update
from tests.servers.redis import RedisServer
from tests.unit.sinks.rows import MINUTE_US, START_US, bars, tickers


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_an_update_lands_in_keys_and_stream(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url)
    writer.write([update(tickers({"sequence": 1}), bars({"version": 1}))])
    writer.write([update(tickers({"sequence": 5, "price": 2}), bars({"version": 5}), bars({"version": 4, "final": 1}))])
    first, second = entries(client)
    assert [type(message) for message in first] == [Snapshot]
    assert [type(message) for message in second] == [BarMessage, Delta]
    assert moved(client) == [{"1m": ["AAPL"]}] * 2
    assert check_stream(client)["AAPL"].price == 2
    assert client.hgetall("symbol:AAPL") == {
        b"exchange": b"XNAS", b"shard": b"0",
        b"first_seen": str(START_US // 1000).encode(), b"last_seen": str(START_US // 1000).encode(),
    }  # fmt: skip
    assert bar_at(client, "candle:AAPL:1m").sequence == 5
    ((member, score),) = client.zrange("candles:AAPL:1m", 0, -1, withscores=True)
    assert decode_message(member).sequence == 4
    assert score == START_US // 1000
    assert client.exists(EPOCH_KEY)


def test_however_a_long_queue_is_cut_redis_has_all_of_it(
    redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = [START_US + number * MINUTE_US for number in range(MESSAGES_MAX + 1)]
    finals = bars(*[{"start_us": start, "version": 9, "final": 1} for start in starts])
    prices = [tickers({"sequence": number, "price": number}) for number in range(1, 6)]
    monkeypatch.setattr("sinks.redis.sink.CALLS_MAX", 1)
    monkeypatch.setattr("sinks.redis.sink.ROWS_MAX", len(finals) + 1)
    RedisWriter(redis_url).write([update(price, final=finals) for price in prices])
    said = [message for entry in entries(client) for message in entry]
    assert [message.time for message in said if isinstance(message, BarMessage)] == [at // 1000 for at in starts]
    assert [message.sequence for message in said if isinstance(message, Snapshot | Delta)] == [2, 4, 5], "two at a time"
    assert check_stream(client)["AAPL"].price == 5


def test_when_a_symbol_was_seen_is_told_once_a_second_and_its_exchange_at_once(
    redis_url: str, client: redis.Redis
) -> None:
    writer = RedisWriter(redis_url)
    told = []
    for sequence, (exchange, passed_ms) in enumerate([("XNAS", 0), ("XNAS", 999), ("XNAS", 1_000), ("A" * 300, 1_001),
                                                      ("A" * 300, 1_500), ("A" * 300, 2_000)]):  # fmt: skip
        event_time_us = START_US + passed_ms * 1_000
        writer.write([update(tickers({"sequence": sequence, "event_time_us": event_time_us, "exchange": exchange}))])
        seen_ms, named = client.hmget("symbol:AAPL", ["last_seen", "exchange"])
        told.append((int(seen_ms or 0) - START_US // 1_000, named))
    assert told == [(0, b"XNAS"), (0, b"XNAS"), (1_000, b"XNAS"), *[(1_001, b"A" * 300)] * 2, (2_000, b"A" * 300)]
    assert check_stream(client)["AAPL"].sequence == 5


def test_the_same_update_again_changes_nothing(redis_url: str, client: redis.Redis) -> None:
    change = update(tickers({"sequence": 3}), bars({"version": 3}), bars({"version": 2, "final": 1}))
    RedisWriter(redis_url).write([change])
    before = entries(client)
    for _ in range(2):
        RedisWriter(redis_url).write([change, change])
    assert entries(client) == before


def test_an_older_writer_takes_nothing_back(redis_url: str, client: redis.Redis) -> None:
    ahead, behind = RedisWriter(redis_url), RedisWriter(redis_url)
    behind.write([update(tickers({"sequence": 1}), bars({"version": 1}))])
    later = START_US + MINUTE_US
    ahead.write(
        [update(tickers({"sequence": 9}), bars({"version": 9, "start_us": later}), bars({"version": 8, "final": 1}))]
    )
    behind.write([update(tickers({"sequence": 5}), bars({"version": 10}), bars({"version": 7, "final": 1}))])
    assert check_stream(client)["AAPL"].sequence == 9
    assert bar_at(client, "candle:AAPL:1m").time == later // 1000
    assert [decode_message(member).sequence for member in client.zrange("candles:AAPL:1m", 0, -1)] == [8]
    # What it believes to be a delta from 5 on can't apply, so it goes out whole.
    behind.write([update(tickers({"sequence": 11, "price": 7}))])
    assert isinstance(entries(client)[-1][0], Snapshot)
    check_stream(client)


def test_a_bar_that_turns_final_at_the_same_sequence_replaces_itself(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url)
    writer.write([update(live=bars({"version": 3}))])
    writer.write([update(final=bars({"version": 3, "final": 1}))])
    assert bar_at(client, "candle:AAPL:1m").final
    assert len(entries(client)) == 2
    writer.write([update(live=bars({"version": 3}), final=bars({"version": 3, "final": 1}))])
    assert len(entries(client)) == 2


def test_a_revision_replaces_its_member(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url)
    writer.write([update(final=bars({"version": 3, "final": 1, "close": 1}))])
    writer.write([update(final=bars({"version": 8, "final": 1, "close": 2, "revision": 1}))])
    (member,) = client.zrange("candles:AAPL:1m", 0, -1)
    bar = decode_message(member)
    assert isinstance(bar, BarMessage)
    assert (bar.close, bar.revision) == (2, 1)


def test_candles_keep_the_last_n(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url, bounds=RedisBounds(candles_kept=3))
    starts = [START_US + number * MINUTE_US for number in range(5)]
    writer.write([update(final=bars(*[{"start_us": start, "version": 9, "final": 1} for start in starts]))])
    kept = [decode_message(member).time for member in client.zrange("candles:AAPL:1m", 0, -1)]
    assert kept == [start // 1000 for start in starts[2:]]
    before = len(entries(client))
    writer.write([update(final=bars({"start_us": starts[0], "version": 99, "final": 1}))])
    assert len(entries(client)) == before


def test_updates_channel_carries_whole_prices(redis_url: str, client: redis.Redis) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(UPDATES_CHANNEL)
        listener.get_message(timeout=2)
        RedisWriter(redis_url, publish_updates=True).write([update(tickers({"symbol": "BTC/USDT", "sequence": 1}))])
        message = None
        while message is None:
            message = listener.get_message(timeout=5)
    body = msgspec.json.decode(message["data"])
    assert (body["type"], body["symbol"], body["source"]) == ("price_update", "BTC/USDT", body["data"]["exchange"])
    assert body["data"]["price"] == 1.5


def test_thousands_of_messages_in_one_update(redis_url: str, client: redis.Redis) -> None:
    names = [f"S{number}" for number in range(3000)]
    writer = RedisWriter(redis_url)
    for sequence in (1, 2):
        writer.write(
            [
                update(
                    tickers(*[{"symbol": name, "sequence": sequence, "price": sequence} for name in names]),
                    bars(*[{"symbol": name, "version": sequence} for name in names]),
                )
            ]
        )
    assert len(check_stream(client)) == 3000
    assert sum(len(batch) for batch in entries(client)) == 6_000
    assert sum(len(each.get("1m", ())) for each in moved(client)) == 6_000
    assert client.xlen(deltas_stream(0)) == 2 * 6_000 / MESSAGES_MAX


def test_random_writers_leave_what_one_would(redis_url: str, client: redis.Redis) -> None:
    """Two writers replay the same log from arbitrary places, as after crashes; the result is the log's end."""
    chance = random.Random(7)
    log = [
        update(
            tickers({"symbol": f"S{n % 3}", "sequence": n, "price": n, "volume": n // 5}),
            bars({"symbol": f"S{n % 3}", "version": n, "start_us": START_US + n // 10 * MINUTE_US}),
            bars(
                {
                    "symbol": f"S{n % 3}",
                    "version": n,
                    "start_us": START_US + n // 10 * MINUTE_US - MINUTE_US,
                    "final": 1,
                }
            ),
        )
        for n in range(1, 60)
    ]
    places = [0, 0]
    writers = [RedisWriter(redis_url), RedisWriter(redis_url)]
    while min(places) < len(log):
        who = chance.randrange(2)
        if chance.random() < 0.1:
            writers[who], places[who] = RedisWriter(redis_url), chance.randrange(places[who] + 1)
        if places[who] < len(log):
            writers[who].write([log[places[who]]])
            places[who] += 1
    states = check_stream(client)
    assert {symbol: state.sequence for symbol, state in states.items()} == {"S0": 57, "S1": 58, "S2": 59}


def test_scripts_forgotten_by_redis_are_loaded_again(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url)
    writer.write([update(tickers({"sequence": 1}))])
    client.script_flush()
    writer.write([update(tickers({"sequence": 2}))])
    assert check_stream(client)["AAPL"].sequence == 2


def test_a_flushed_redis_gets_everything_again(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url)
    writer.write(
        [update(tickers({"sequence": 1}), bars({"version": 1}), bars({"symbol": "B", "version": 1, "final": 1}))]
    )
    client.flushdb()
    writer.write([update(tickers({"symbol": "C", "sequence": 2}))])
    assert set(check_stream(client)) == {"AAPL", "C"}
    assert bar_at(client, "candle:AAPL:1m").sequence == 1
    assert client.zcard("candles:B:1m") == 1


def test_a_node_of_a_cluster_is_refused_in_one_line(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--cluster-enabled", "yes") as server:
        with pytest.raises(SettingError, match=f"cluster mode.*127.0.0.1:{server.port}.*redis\\+cluster") as caught:
            connect(server.url)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)


def test_a_login_that_may_not_ask_for_info_connects(redis_url: str, client: redis.Redis) -> None:
    client.acl_setuser("noinfo", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", "-info"])
    try:
        connect(redis_url.replace("://", "://noinfo:word@")).close()
    finally:
        client.acl_deluser("noinfo")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (("-xadd",), r"user few XADD on md:deltas:\*: the right to the command is missing .* \+xadd"),
        (("-evalsha",), r"user few EVALSHA: the right to the command is missing"),
        (("resetkeys", "~md:*"), r"user few MGET on price:\*: the right to the keys is missing"),
        (("resetkeys", "~other:*"), r"user few EVALSHA on md:epoch or md:deltas:\*: the right to the keys"),
        ((), r"holds symbol:AAPL \(a string\) as another type than HSET writes"),
    ],
)
def test_the_bundled_release_refuses_in_words_that_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: tuple[str, ...], says: str
) -> None:
    monkeypatch.setattr("tests.servers.redis.shutil.which", lambda _name: bundled_binary())
    with RedisServer(tmp_path) as server, connect(server.url) as client:
        client.execute_command("ACL", "SETUSER", "few", "on", ">word", "+@all", "~*", *rules)
        if not rules:
            client.set("symbol:AAPL", "x")
        writer = RedisWriter(server.url.replace("://", "://few:word@"))
        with pytest.raises(TapeflowError, match=says) as caught:
            writer.write([update(tickers({"sequence": 1}))])
        assert caught.value.exit_code == 2


def test_a_refused_login_or_absent_server_is_one_line(redis_url: str) -> None:
    with pytest.raises(Unreachable, match=r"Redis does not answer \(redis://127.0.0.1:1/0\)"):
        connect("redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(SettingError, match="bad Redis URL"):
        connect("127.0.0.1:6379")


def test_a_first_bar_from_before_1970_is_kept(client: redis.Redis, redis_url: str) -> None:
    """The week of 1970-01-01 began in 1969."""
    writer = RedisWriter(redis_url)
    week_us = -259_200_000_000
    writer.write([update(final=bars({"interval": "1W", "start_us": week_us, "version": 1, "final": 1}))])
    assert client.zcard("candles:AAPL:1W") == 1
    assert bar_at(client, "candle:AAPL:1W").time == week_us // 1000
    writer.close()


def test_the_past_rests_nine_times_as_long_as_its_tickers_took(redis_url: str, client: redis.Redis) -> None:
    sink = RedisSink(redis_url, 1)
    part = sink.build_part("write_redis", "00000", None)
    part.write_batch([update(final=bars(*({"version": 1, "final": 1, "symbol": f"S{n}"} for n in range(500))))])
    part.snapshot()
    assert not sink.past_rests, "final bars rest for nothing"
    begun = time.monotonic()
    part.write_batch([update(tickers(*({"sequence": 1, "symbol": f"S{n}"} for n in range(500))))])
    part.snapshot()
    took_s = time.monotonic() - begun
    assert sink.past_rests
    while sink.past_rests:
        assert time.monotonic() - begun <= 10 * took_s + 1
    part.close()
