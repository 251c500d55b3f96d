"""A Redis that is killed, stalled, emptied or refuses: updates wait or come again, and nothing is lost or doubled."""

import threading
from pathlib import Path
from typing import Any

import pytest

from local.redis import bundled_binary
from schemas.errors import Unreachable
from schemas.names import deltas_stream
from sinks.redis import connection, sink
from sinks.redis.connection import connect
from sinks.redis.sink import RedisSink, RedisWriter
from tests.client_messages import decode_message
from tests.integration.sinks.redis_reading import check_stream, update
from tests.servers.redis import RedisServer
from tests.unit.sinks.rows import MINUTE_US, START_US, bars, tickers


class Feed:
    """Writes a rising sequence through a sink's part, in a thread, until told to end."""

    def __init__(self, url: str, **options: Any) -> None:
        self.part = RedisSink(url, 1, **options).build_part("write_redis", "00000", None)
        self.sequence = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.001):
            self.sequence += 1
            n = self.sequence
            self.part.write_batch(
                [
                    update(
                        tickers({"symbol": f"S{n % 5}", "sequence": n, "price": n}, {"symbol": "BUSY", "sequence": n}),
                        bars({"symbol": f"S{n % 5}", "version": n}),
                        bars({"symbol": "BUSY", "version": n, "start_us": START_US + n * MINUTE_US, "final": 1}),
                    )
                ]
            )
            self.part.snapshot()

    def reach(self, sequence: int, deadline_s: float = 30) -> None:
        waited = threading.Event()
        for _ in range(int(deadline_s / 0.01)):
            if self.sequence >= sequence:
                return
            waited.wait(0.01)
        raise AssertionError(f"no more than {self.sequence} of {sequence} updates within {deadline_s} s")

    def end(self) -> None:
        self._end.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.part.close()


def check_end(url: str, feed: Feed) -> None:
    client = connect(url)
    states = check_stream(client)
    last = feed.sequence
    assert {symbol: state.sequence for symbol, state in states.items()} == {
        "BUSY": last,
        **{f"S{n % 5}": n for n in range(last - 4, last + 1)},
    }
    held = [decode_message(member).sequence for member in client.zrange("candles:BUSY:1m", 0, -1)]
    assert held == list(range(1, last + 1))[-1000:]
    client.close()


@pytest.mark.parametrize("keep_data", [True, False])
def test_redis_killed_and_restarted_in_mid_run(tmp_path: Path, keep_data: bool) -> None:
    with RedisServer(tmp_path) as server:
        feed = Feed(server.url)
        feed.reach(50)
        server.restart(keep_data=keep_data, crash=True)
        feed.reach(feed.sequence + 50)
        feed.end()
        check_end(server.url, feed)


def test_a_quiet_symbol_returns_after_redis_lost_its_data(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        writer = RedisWriter(server.url)
        writer.write([update(tickers({"symbol": "QUIET", "sequence": 1}))])
        server.restart(keep_data=False)
        writer.write([update(tickers({"sequence": 2}))])
        assert set(check_stream(connect(server.url))) == {"QUIET", "AAPL"}


@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "flushed"])
def test_a_redis_that_comes_back_empty_is_filled_without_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    monkeypatch.setattr(sink, "LOOK_S", 0.05)
    with RedisServer(tmp_path) as server:
        part = RedisSink(server.url, 1).build_part("write_redis", "00000", None)
        part.write_batch([update(tickers({"symbol": "QUIET", "sequence": 1}), final=bars({"final": 1}))])
        part.snapshot()
        if restart:
            server.restart(keep_data=False, crash=True)
        else:
            connect(server.url).flushdb()
        client, waited = connect(server.url), threading.Event()
        assert any(client.zcard("candles:AAPL:1m") or waited.wait(0.02) for _ in range(1000))
        part.snapshot()
        assert set(check_stream(client)) == {"QUIET"}
        part.close()


def test_looking_changes_nothing_and_waits_for_nobody(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        writer = RedisWriter(server.url)
        writer.look()
        client = connect(server.url)
        assert client.dbsize() == 0, "nothing was written yet"
        writer.write([update(tickers({"sequence": 1}))])
        before = client.xlen(deltas_stream(0))
        writer.look()
        assert client.xlen(deltas_stream(0)) == before
        server.stop()
        writer.look()
        server.start()
        writer.write([update(tickers({"sequence": 2}))])
        assert check_stream(connect(server.url))["AAPL"].sequence == 2


def test_a_stalled_redis_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.3)
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    with RedisServer(tmp_path) as server:
        feed = Feed(server.url)
        feed.reach(20)
        server.pause()
        threading.Event().wait(1.5)
        server.resume()
        feed.reach(feed.sequence + 20)
        feed.end()
        check_end(server.url, feed)


def test_a_stop_while_redis_is_down_ends_the_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    stop = threading.Event()
    with RedisServer(tmp_path) as server:
        part = RedisSink(server.url, 1, stop=stop).build_part("write_redis", "00000", None)
        part.write_batch([update(tickers({"sequence": 1}))])
        part.snapshot()
        server.stop()
        part.write_batch([update(tickers({"sequence": 2}))])
        stop.set()
        with pytest.raises(Unreachable, match="stopped while the server was down"):
            part.snapshot()


@pytest.mark.parametrize(("option", "value"), [("min-replicas-to-write", 1), ("maxmemory", "100kb"), ("replicaof", "")])
def test_the_bundled_release_says_outages_within_a_script_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: object
) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    monkeypatch.setattr("tests.servers.redis.shutil.which", lambda _name: bundled_binary())
    stop = threading.Event()
    with RedisServer(tmp_path) as server, connect(server.url) as client:
        writer = RedisWriter(server.url, stop=stop)
        writer.write([update(tickers({"sequence": 1}))])
        if option == "replicaof":
            client.replicaof("127.0.0.1", 1)
        else:
            client.config_set(option, value)
        stop.set()
        with pytest.raises(Unreachable, match=r"stopped while the server was down .*(NOREPLICAS|OOM|READONLY) "):
            writer.write([update(tickers({"sequence": 2}))])
