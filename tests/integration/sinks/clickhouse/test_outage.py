"""A ClickHouse that is killed, stalled or stopped for during inserts: nothing is lost and nothing stands twice."""

import threading
from pathlib import Path

import pytest

from schemas.errors import Unreachable
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.sink import ClickHouseBarsSink, ClickHouseTradesSink
from tests.servers.clickhouse import ClickHouseServer
from tests.unit.sinks.rows import START_US, bars, trades

pytestmark = pytest.mark.thorough


class Feed:
    """Writes batches of 2,000 trades and 20 bars with rising offsets until told to end."""

    def __init__(self, dsn: str, stop: threading.Event | None = None) -> None:
        self.trades = ClickHouseTradesSink(dsn, "market", 1, rows_max=4000, stop=stop).build_part("t", "00000", None)
        self.bars = ClickHouseBarsSink(dsn, "market", 1, stop=stop).build_part("b", "00000", None)
        self.batches = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        fields = [{"symbol": f"S{n % 7}", "event_time_us": START_US + n} for n in range(2000)]
        while not self._end.is_set():
            first = self.batches * 2000
            self.trades.write_batch([trades(*fields, first_offset=first)])
            self.bars.write_batch([bars(*[{"symbol": f"S{n}", "version": first + n} for n in range(20)])])
            if self.batches % 3 == 0:
                self.trades.snapshot()
                self.bars.snapshot()
            self.batches += 1

    def reach(self, batches: int, deadline_s: float = 60) -> None:
        waited = threading.Event()
        for _ in range(int(deadline_s / 0.02)):
            if self.batches >= batches:
                return
            waited.wait(0.02)
        raise AssertionError(f"no more than {self.batches} of {batches} batches within {deadline_s} s")

    def end(self) -> None:
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self.trades.snapshot()
        self.trades.close()
        self.bars.snapshot()
        self.bars.close()


def test_clickhouse_killed_during_inserts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        feed = Feed(server.dsn)
        for _ in range(3):
            feed.reach(feed.batches + 6)
            server.restart(crash=True)
        feed.reach(feed.batches + 3)
        feed.end()
        total = feed.batches * 2000
        with connect(server.dsn) as client:
            ((count, distinct, last),) = client.execute(
                "SELECT count(), uniqExact(kafka_offset), max(kafka_offset) FROM market.trades_unique"
            )
            versions = client.execute("SELECT symbol, version FROM market.bars_final")
        assert (count, distinct, last) == (total, total, total - 1)
        first = (feed.batches - 1) * 2000
        assert sorted(versions) == sorted((f"S{n}", first + n) for n in range(20))


def test_a_stop_while_clickhouse_is_down_ends_the_write(tmp_path: Path) -> None:
    stop = threading.Event()
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        part = ClickHouseTradesSink(server.dsn, "market", 1, stop=stop).build_part("t", "00000", None)
        part.write_batch([trades({})])
        part.snapshot()
        server.kill()
        part.write_batch([trades({})])
        stop.set()
        with pytest.raises(Unreachable, match="stopped while the server was down"):
            part.snapshot()
        part.close()


def test_a_stalled_clickhouse_is_waited_for(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        feed = Feed(server.dsn + "?send_receive_timeout=1&sync_request_timeout=1&connect_timeout=1")
        feed.reach(6)
        server.pause()
        threading.Event().wait(4)
        server.resume()
        feed.reach(feed.batches + 6)
        feed.end()
        with connect(server.dsn) as client:
            ((count, distinct),) = client.execute("SELECT count(), uniqExact(kafka_offset) FROM market.trades_unique")
        assert (count, distinct) == (feed.batches * 2000,) * 2
