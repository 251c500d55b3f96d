"""The stack as its users meet it: three real processes on one folder, and what happens when one of them, or we, die."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client
from confluent_kafka.admin import AdminClient
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from local.ports import Ports, free_port
from local.stack import Stack
from schemas.errors import SettingError, Unreachable

DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_every_server_answers_its_own_client(stack: Stack) -> None:
    assert stack.endpoints is not None
    assert stack.start() is stack.endpoints
    with Redis.from_url(stack.endpoints.redis_url) as redis:
        assert redis.ping()
    client = Client.from_url(stack.endpoints.clickhouse_dsn)
    assert client.execute("SELECT getSetting('optimize_on_insert')") == [(False,)]
    client.disconnect()
    assert AdminClient({"bootstrap.servers": stack.endpoints.kafka_bootstrap}).list_topics(timeout=10).brokers
    assert {path.name for path in (stack.data_dir / "logs").glob("*.log")} == {
        "kafka.log",
        "clickhouse.log",
        "redis.log",
    }


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "killed"])
def test_restarted_server_has_its_port_and_data(stack: Stack, crash: bool) -> None:
    assert stack.endpoints is not None
    with Redis.from_url(stack.endpoints.redis_url) as redis:
        redis.set("k", "v")
    client = Client.from_url(stack.endpoints.clickhouse_dsn)
    client.execute("CREATE DATABASE IF NOT EXISTS m")
    client.execute("CREATE OR REPLACE TABLE m.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO m.t VALUES", [(1,)])
    client.disconnect()
    before = {name: stack.server(name).pid for name in ("redis", "clickhouse", "kafka")}
    for name in ("redis", "clickhouse", "kafka"):
        stack.restart(name, crash=crash)
        assert stack.server(name).pid not in {None, before[name]}
    with Redis.from_url(stack.endpoints.redis_url, decode_responses=True) as redis:
        assert redis.get("k") == "v"
    assert client.execute("SELECT a FROM m.t") == [(1,)]
    client.disconnect()


def test_dead_server_is_noticed(stack: Stack) -> None:
    pid = stack.server("redis").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: stack.look() == ["redis"])
    stack.server("redis").start()
    assert stack.look() == []


def test_paused_server_is_silent_and_still_stops(stack: Stack) -> None:
    assert stack.endpoints is not None
    server = stack.server("redis")
    server.pause()
    impatient = Redis.from_url(stack.endpoints.redis_url, socket_timeout=0.2, retry=None)
    with impatient, pytest.raises(RedisTimeoutError):
        impatient.ping()
    server.resume()
    with Redis.from_url(stack.endpoints.redis_url) as redis:
        assert redis.ping()
    server.pause()
    server.stop()
    assert server.pid is None
    server.start()


def test_second_stack_on_the_folder_is_refused(stack: Stack) -> None:
    with pytest.raises(SettingError, match=f"another stack runs on this folder .*process {os.getpid()}"):
        Stack(stack.data_dir).start()


def test_taken_port_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        stack = Stack(tmp_path, Ports(clickhouse=port))
        with pytest.raises(SettingError, match=f"port {port} for clickhouse is not free"):
            stack.start()
    # The folder was given back as well.
    with Stack(tmp_path):
        pass


def test_server_that_cannot_start_tells_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"not an append-only file at all")
    stack = Stack(tmp_path)
    with pytest.raises(Unreachable, match=r"redis ended while starting .*redis\.log.*Bad file format"):
        stack.start()
    assert stack.look() == []


def run_stack(folder: Path) -> tuple["subprocess.Popen[str]", dict[str, str]]:
    ports = [f"--{name}-port={free_port()}" for name in ("kafka", "clickhouse", "redis")]
    command = [sys.executable, "-m", "local", "--data-dir", str(folder), *ports]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, json.loads(process.stdout.readline())


def pids(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in (folder / "logs").glob("*.pid")]


def test_command_ends_cleanly_when_asked(tmp_path: Path) -> None:
    process, environment = run_stack(tmp_path)
    assert set(environment) == {"TAPEFLOW_KAFKA_BOOTSTRAP", "TAPEFLOW_CLICKHOUSE_DSN", "TAPEFLOW_REDIS_URL"}
    children = pids(tmp_path)
    assert len(children) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0
    assert not any(alive(pid) for pid in children)
    assert process.stdout
    process.stdout.close()


def test_killed_parent_takes_its_servers_along_and_the_folder_is_usable_at_once(tmp_path: Path) -> None:
    process, _ = run_stack(tmp_path)
    children = pids(tmp_path)
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()
    # Not waited for: the next stack itself must outwait servers that are still closing.
    with Stack(tmp_path) as stack:
        assert stack.look() == []
        assert not any(alive(pid) for pid in children)
