"""What the live flow may fill of a real Redis: streams by bytes and minutes, final bars by bytes."""

from collections.abc import Callable, Iterator

import pytest
import redis

from local.redis import bundled_binary
from schemas.names import SYMBOLS_KEY, deltas_stream
from sinks.redis.bounds import BAR_BYTES, SHARES, RedisBounds
from sinks.redis.connection import connect
from sinks.redis.sink import RedisWriter
from tests.client_messages import BarMessage
from tests.integration.sinks.redis_reading import check_stream, entries, moved, update
from tests.servers.redis import RedisServer
from tests.unit.sinks.rows import MINUTE_US, START_US, bars, tickers

STREAM = deltas_stream(0)
NAMES = [f"S{number}" for number in range(40)]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture(params=["here", "bundled"])
def writer_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[redis.Redis, Callable[..., RedisWriter]]]:
    """A client, and writers with bounds of their own, on the machine's Redis and on the bundled release (6.2)."""
    if request.param == "bundled":
        monkeypatch.setattr("tests.servers.redis.shutil.which", lambda _name: bundled_binary())
    with RedisServer(tmp_path_factory.mktemp("redis")) as server, connect(server.url) as client:
        yield client, lambda **bounds: RedisWriter(server.url, bounds=RedisBounds(**bounds))


def held_bytes(client: redis.Redis) -> int:
    return sum(len(fields[b"batch"]) + len(fields[b"moved"]) + 256 for _, fields in client.xrange(STREAM))


def a_price(sequence: int) -> object:
    return update(tickers(*({"symbol": name, "sequence": sequence, "price": sequence} for name in NAMES)))


def test_the_stream_stays_below_its_bytes_with_two_writers_and_after_a_restart(
    writer_of: tuple[redis.Redis, Callable[..., RedisWriter]],
) -> None:
    client, writer = writer_of
    writers = [writer(stream_mb=0.1), writer(stream_mb=0.1)]
    for sequence in range(1, 60):
        if sequence == 30:
            writers = [writer(stream_mb=0.1), writer(stream_mb=0.1)]
        writers[sequence % 2].write([a_price(sequence)])  # type: ignore[list-item]
        assert held_bytes(client) <= 100_000
    assert held_bytes(client) > 85_000, "no more than needed goes"
    first, last = client.xrange(STREAM, count=1)[0][1], client.xrevrange(STREAM, count=1)[0][1]
    before_first = int(first[b"sum"]) - len(first[b"batch"]) - len(first[b"moved"]) - 256
    assert int(last[b"sum"]) - before_first == held_bytes(client), "sum tells what lies between two entries"
    check_stream(client)


def test_a_lower_bound_is_reached_soon_and_an_entry_beyond_it_still_goes_out(
    writer_of: tuple[redis.Redis, Callable[..., RedisWriter]],
) -> None:
    client, writer = writer_of
    for sequence in range(1, 120):
        writer().write([a_price(sequence)])  # type: ignore[list-item]
    assert client.xlen(STREAM) == 119
    low = writer(stream_mb=0.02)
    for sequence in range(120, 124):
        low.write([a_price(sequence)])  # type: ignore[list-item]
    assert held_bytes(client) <= 20_000
    writer(stream_mb=0.001).write([a_price(124)])  # type: ignore[list-item]
    assert len(entries(client)) == 1


def test_entries_older_than_the_minutes_go(redis_url: str, client: redis.Redis) -> None:
    writer = RedisWriter(redis_url, bounds=RedisBounds(stream_minutes=5))
    seconds, _ = client.time()
    for age_s in (600, 299, 1):
        client.xadd(
            STREAM, {"batch": "[]", "moved": "{}", "n": 0, "ts": 1, "sum": 1000 - age_s}, f"{seconds - age_s}000-0"
        )
    writer.write([update(tickers({"sequence": 1}))])
    ages = [seconds - int(entry.split(b"-")[0]) // 1000 for entry, _ in client.xrange(STREAM)]
    assert ages[:2] == [299, 1], "as seen from the newest entry"
    assert len(ages) == 3


def test_what_an_earlier_release_left_goes_at_once(redis_url: str, client: redis.Redis) -> None:
    for _ in range(300):
        client.xadd(STREAM, {"batch": "[" + "1," * 500 + "1]", "n": 1, "ts": 1})
    writer = RedisWriter(redis_url)
    writer.write([update(tickers({"sequence": 1}))])
    writer.write([update(tickers({"sequence": 2, "price": 3}))])
    assert len(entries(client)) == 2
    check_stream(client)


def test_bars_that_ended_share_their_bytes_and_quiet_symbols_shrink_too(redis_url: str, client: redis.Redis) -> None:
    """Forty symbols come one after the other, and each is quiet once it has all that it may keep then."""
    bounds = RedisBounds(candles_mb=BAR_BYTES * sum(SHARES.values()) * 80 / 8 / 1e6)
    writer = RedisWriter(redis_url, bounds=bounds)
    for count, name in enumerate(NAMES, 1):
        writer.write([update(tickers({"symbol": name, "sequence": count}))])
        starts = [START_US + number * MINUTE_US for number in range(85)]
        rows = [{"symbol": name, "start_us": start, "version": count, "final": 1} for start in starts]
        writer.write([update(final=bars(*rows))])
        assert client.zcard(f"candles:{name}:1m") == bounds.kept("1m", count) == max(1, 80 // count)
    assert client.scard(SYMBOLS_KEY) == 40
    for number in range(120):
        start = START_US + (100 + number) * MINUTE_US
        writer.write([update(final=bars({"symbol": NAMES[-1], "start_us": start, "version": 99 + number, "final": 1}))])
    kept = sum(client.zcard(key) for key in client.scan_iter("candles:*"))
    assert kept <= 80, "a symbol that gets no bars any more shrinks in its turn"


def test_the_last_open_state_of_a_bar_stands_in_the_stream_when_the_next_begins(
    redis_url: str, client: redis.Redis
) -> None:
    writer = RedisWriter(redis_url)
    later = START_US + MINUTE_US
    for version, start in ((1, START_US), (2, START_US), (3, later), (4, later)):
        writer.write([update(live=bars({"version": version, "start_us": start}))])
    assert moved(client) == [{"1m": ["AAPL"]}] * 4
    assert [len(batch) for batch in entries(client)] == [0, 0, 1, 0]
    (bar,) = entries(client)[2]
    assert isinstance(bar, BarMessage)
    assert (bar.time, bar.sequence, bar.final) == (START_US // 1000, 2, False)
    # A bar that had already closed when the next one began was in the stream as such.
    writer.write([update(final=bars({"version": 4, "start_us": later, "final": 1}))])
    writer.write([update(live=bars({"version": 5, "start_us": later + MINUTE_US}))])
    assert [len(batch) for batch in entries(client)][4:] == [1, 0]


@pytest.mark.parametrize("symbols", [200, 2_000, 20_000])
def test_the_defaults_fit_a_gigabyte(symbols: int) -> None:
    assert RedisBounds().expected_bytes(symbols) < 900e6
