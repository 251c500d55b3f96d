"""A large report through what can happen to it: its gateway is killed, it is cancelled, its reader is slow."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.reports.jobs import QUEUE
from tests.integration.gateway.rest_server import Answer, Market, RestServer, eventually

pytestmark = pytest.mark.thorough

BASE_US = 1_767_225_600_000_000
COUNT = 300_000
SYMBOL = "BIG/TRADES"
SLOW_READERS = 8
RSS_GROWTH_MAX_MB = 80


@pytest.fixture(scope="module", autouse=True)
def many_trades(market: Market) -> None:
    market.clickhouse.execute(
        f"INSERT INTO {market.database}.trades SELECT '{SYMBOL}',"
        f" fromUnixTimestamp64Micro(toInt64({BASE_US} + number * 1000), 'UTC'), toDecimal128(100 + number % 977, 10),"
        " toDecimal128(1 + number % 13, 10), 'BUY', toString(number), 'X', NULL, NULL, number, 0, number, 0,"
        f" fromUnixTimestamp64Milli(toInt64({BASE_US} / 1000), 'UTC') FROM numbers({COUNT})"
    )


@pytest.fixture(autouse=True)
def nothing_waits(market: Market) -> None:
    market.redis.delete(QUEUE)


@pytest.fixture(scope="module")
def server(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    with RestServer(tmp_path_factory.mktemp("reports"), **market.settings()) as found:
        yield found


def ask_for(server: RestServer, user: str) -> str:
    """Where the report is."""
    wanted = {"kind": "trades", "symbols": [SYMBOL], "startTime": BASE_US // 1000, "endTime": BASE_US // 1000 + COUNT}
    answer = server.ask("POST", "/api/reports", token=server.token(user), body=json.dumps(wanted).encode())
    assert answer.status == 202, answer.body
    return answer.headers["location"]


def job_of(server: RestServer, where: str, user: str) -> dict[str, Any]:
    return server.get(where, token=server.token(user)).json()


def begun(server: RestServer, where: str, user: str) -> dict[str, Any]:
    """The report, when a part of it is made."""
    return eventually(lambda: (job := job_of(server, where, user))["state"] == "running" and job["rows"] > 0 and job)


def done(server: RestServer, where: str, user: str, within_s: float = 60) -> dict[str, Any]:
    job = eventually(lambda: (job := job_of(server, where, user))["state"] in ("done", "failed") and job, within_s)
    assert job["state"] == "done", job
    assert job["rows"] == COUNT
    return job


def offsets(answer: Answer) -> list[int]:
    return [row["offset"] for row in json.loads(answer.body)]


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def test_a_gateway_that_is_killed_leaves_its_report_to_another(market: Market, tmp_path: Path) -> None:
    user = "killed"
    with RestServer(tmp_path / "first", **market.settings()) as first:
        where = ask_for(first, user)
        assert begun(first, where, user)["progress"] < 1
        first.process.kill()
        with RestServer(tmp_path / "second", **market.settings()) as second:
            assert job_of(second, where, user)["state"] == "running", "its lease isn't over yet"
            done(second, where, user)
            assert offsets(second.get(f"{where}/result", token=second.token(user))) == list(range(COUNT))
            runs = market.clickhouse.execute(
                f"SELECT DISTINCT run FROM {market.database}.report_chunks WHERE report = %(id)s",
                {"id": where.rpartition("/")[2]},
            )
            assert (2,) in runs


def test_a_gateway_that_stops_gives_its_report_to_another_at_once(market: Market, tmp_path: Path) -> None:
    user = "stopped"
    with RestServer(tmp_path / "first", **market.settings()) as first:
        where = ask_for(first, user)
        begun(first, where, user)
        pid = first.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: first.process.pid is None)
    with RestServer(tmp_path / "second", **market.settings()) as second:
        done(second, where, user)
        assert job_of(second, where, user)["error"] is None


def test_a_report_that_is_cancelled_ends_its_work_and_leaves_nothing(server: RestServer, market: Market) -> None:
    user = "cancels"
    where = ask_for(server, user)
    begun(server, where, user)
    assert server.ask("DELETE", where, token=server.token(user)).status == 204
    assert server.get(where, token=server.token(user)).status == 404

    def is_quiet() -> bool:
        return b"tapeflow_reports_under_way 0.0" in server.get("/metrics", token="").body

    eventually(is_quiet)
    left = f"SELECT count() FROM {market.database}.report_chunks WHERE report = %(id)s"
    eventually(lambda: market.clickhouse.execute(left, {"id": where.rpartition("/")[2]}) == [(0,)])
    assert market.redis.zcard(QUEUE) == 0


def test_slow_readers_cost_little_memory_and_get_everything(server: RestServer) -> None:
    user = "slow"
    where = ask_for(server, user)
    size = int(done(server, where, user)["bytes"])
    assert size > 50_000_000
    pid = server.process.pid
    assert pid is not None
    before = rss_mb(pid)
    head = f"GET {where}/result HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    request = f"{head}Authorization: Bearer {server.token(user)}\r\n\r\n"
    readers = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(SLOW_READERS)]
    try:
        for reader in readers:
            reader.sendall(request.encode())
        read = [reader.recv(4096, socket.MSG_WAITALL) for reader in readers]
        assert all(b"200 OK" in head for head in read)
        # Each has a part before it that doesn't go out; the server is asked other things meanwhile.
        for _ in range(20):
            assert server.get("/api/reports", token=server.token(user)).status == 200
        grown = rss_mb(pid) - before
        print(f"{SLOW_READERS} readers of {size / 1e6:.0f} MB: {before:.0f} MB before, {grown:+.0f} MB")
        assert grown < RSS_GROWTH_MAX_MB
    finally:
        for reader in readers[1:]:
            reader.close()
    whole = bytearray(read[0])
    while part := readers[0].recv(1 << 20):
        whole += part
    readers[0].close()
    assert whole.endswith(b"0\r\n\r\n")
    assert len(whole) > size
    assert rss_mb(pid) - before < RSS_GROWTH_MAX_MB
