"""Fan-out figures of the WebSocket gateway, against the bare library where that compares.

``python -m bench.gateway_fanout --json FILE [--seconds 3] [--only flood,paced,quiet,symbols,wide,idle]``. The server
has core 0; client, writer and Redis have core 1. Rounds of bare and ours alternate and medians are compared. Every
message that a client reads is checked for order. The flood's ratio is of CPU time per message, which holds also when
others use the machine. The paced cases go the whole way: Redis stream, gateway, socket.
"""

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from bench.gateway_fanout_reader import FIRST_SEQUENCE, Reader, message, snapshot
from bench.report import Figure, commit, write
from local.ports import free_port
from runtime.settings.whole import Settings
from tests.servers.needs import require, two_cores
from tests.servers.redis import redis_binary

SERVE = (
    "from gateway.ws.server import run_websocket_gateway; from runtime.settings.whole import load_settings;"
    "run_websocket_gateway(load_settings())"
)
CASES = ("flood", "paced", "quiet", "symbols", "wide", "idle")
DISCOVERY_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command]


def figures_of_flood(seconds: float, rounds: int, clients: int) -> Iterator[tuple[str, float, str, float | None]]:
    """CPU per message of bare and hub, one and four messages per write."""
    for per_write in (1, 4):
        cost: dict[str, list[float]] = {"bare": [], "hub": []}
        rate: dict[str, list[float]] = {"bare": [], "hub": []}
        for number in range(rounds):
            for side in ("bare", "hub") if number % 2 == 0 else ("hub", "bare"):
                answer = _flood_once(side, seconds, per_write, clients)
                cost[side].append(answer["cpu_s"] / answer["messages"] * 1e6)
                rate[side].append(answer["messages"] / answer["wall_s"])
        bare, ours = statistics.median(cost["bare"]), statistics.median(cost["hub"])
        name = f"fan-out flood, {clients} clients, {per_write} per write"
        yield f"{name}: CPU", ours, "us/msg", None
        yield f"{name}: bare CPU", bare, "us/msg", None
        yield f"{name}: rate by CPU", 1e6 / ours, "msg/s", bare / ours
        fast, slow = statistics.median(rate["hub"]), statistics.median(rate["bare"])
        yield f"{name}: rate by clock", fast, "msg/s", fast / slow


def _flood_once(side: str, seconds: float, per_write: int, clients: int) -> dict[str, float]:
    command = pinned(0, sys.executable, "-m", "bench.gateway_fanout_flood", side)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            reader = Reader(int(server.stdout.readline()), clients)
            if side == "hub":
                reader.subscribe(["S0000"])
            reader.watch()
            server.stdin.write(f"{seconds} {per_write}\n")
            server.stdin.flush()
            answer: list[str] = []
            told_by = server.stdout
            waiting = threading.Thread(target=lambda: answer.append(told_by.readline()))
            waiting.start()
            while waiting.is_alive():
                reader.read_for(0.2)
            told: dict[str, float] = json.loads(answer[0])
            reader.read_for(20, int(told["messages"]))
            assert reader.messages == told["messages"], (reader.messages, told)
            reader.close()
            return told
        finally:
            server.kill()


@contextmanager
def store() -> Iterator[redis.Redis]:
    """A redis-server on core 1, empty."""
    folder, port = Path(tempfile.mkdtemp(prefix="tapeflow-bench-")), free_port()
    process = subprocess.Popen(
        pinned(1, redis_binary(), "--port", str(port), "--save", "", "--dir", str(folder)), stdout=subprocess.DEVNULL
    )
    client = redis.Redis(port=port)
    try:
        _until(lambda: bool(client.ping()))
        yield client
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def serving(port: int, command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Process id of a server on core 0 that listens on ``port``."""
    process = subprocess.Popen(
        pinned(0, *command), env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until(lambda: _listens(port))
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def gateway(serve: Sequence[str] = ("-c", SERVE), **others: Any) -> Iterator[tuple[int, int, redis.Redis]]:
    """(port, process id, Redis) of a real gateway on core 0; ``serve``: what Python is to run."""
    port = free_port()
    with store() as client:
        settings = gateway_settings(client, port, gateway_clients_max=100_000, **others)
        with serving(port, [sys.executable, *serve], settings.environment()) as process_id:
            yield port, process_id, client


def gateway_settings(client: redis.Redis, port: int, **others: Any) -> Settings:
    """Of a gateway that takes all clients from one address, over the Redis of ``client``, which gets its epoch here."""
    client.set("md:epoch", "bench")
    return Settings(
        redis_url=f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}/0",
        gateway_port=port,
        gateway_clients_per_ip=100_000,
        gateway_drain_ms=0,
        **others,
    )


def entry(messages: Sequence[bytes]) -> dict[str, Any]:
    """Of the stream that a gateway reads."""
    return {"batch": b"[" + b",".join(messages) + b"]", "ts": time.time_ns() // 10**6, "n": len(messages)}


def _until(holds: object) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if holds():  # type: ignore[operator]
                return
        except (redis.ConnectionError, OSError):
            pass  # not up yet
        time.sleep(0.05)
    raise TimeoutError("a server of the bench did not come up")


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_bytes(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * resource.getpagesize()


class Writer(threading.Thread):
    """Puts ``per_entry`` deltas of each symbol into the stream, ``per_s`` times a second."""

    def __init__(self, store: redis.Redis, symbols: int, per_s: float, per_entry: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.store, self.symbols, self.per_s, self.per_entry, self.seconds = store, symbols, per_s, per_entry, seconds
        self.sequence = FIRST_SEQUENCE
        self.sent = 0
        pipeline = store.pipeline()
        for symbol in range(symbols):
            pipeline.set(f"price:S{symbol:04d}", snapshot(symbol))
            pipeline.hset(f"symbol:S{symbol:04d}", "shard", "0")
        pipeline.xadd("md:deltas:0", entry([*map(snapshot, range(symbols))]))  # type: ignore[arg-type]
        pipeline.execute()
        time.sleep(2 * DISCOVERY_S)  # a gateway looks for new shards once a second

    def run(self) -> None:
        start = time.monotonic()
        slots = max(1, self.symbols)  # symbols are spread over the second
        for number in range(int(self.seconds * self.per_s) * slots):
            due = start + number / self.per_s / slots
            time.sleep(max(0.0, due - time.monotonic()))
            symbol, step = number % slots, number // slots
            base = FIRST_SEQUENCE + step * self.per_entry
            messages = [message(symbol, base + 1 + index) for index in range(self.per_entry)]
            self.store.xadd("md:deltas:0", entry(messages), maxlen=10_000)  # type: ignore[arg-type]
            self.sent += self.per_entry


def figures_of_stream(
    name: str, clients: int, symbols: int, per_s: float, per_entry: int, seconds: float
) -> Iterator[tuple[str, float, str, float | None]]:
    """Redis stream → gateway → sockets at a given rate: CPU, delivered share, delivery percentiles."""
    with gateway() as (port, process_id, store):
        writer = Writer(store, symbols, per_s, per_entry, seconds)
        reader = Reader(port, clients)
        reader.subscribe([f"S{number:04d}" for number in range(symbols)])
        reader.watch()
        cpu_s, wall_s = cpu_seconds(process_id), time.monotonic()
        writer.start()
        while writer.is_alive():
            reader.read_for(0.2, latency=True)
        cpu_s, wall_s = cpu_seconds(process_id) - cpu_s, time.monotonic() - wall_s
        reader.read_for(3, writer.sent * clients, latency=True)
        yield f"{name}: delivered", reader.messages / wall_s, "msg/s", None
        yield f"{name}: delivered share", 100 * reader.messages / (writer.sent * clients), "%", None
        yield f"{name}: core", 100 * cpu_s / wall_s, "%", None
        yield f"{name}: delivery p50", reader.percentile_ms(0.5), "ms", None
        yield f"{name}: delivery p99", reader.percentile_ms(0.99), "ms", None
        reader.close()


def figures_of_wide(clients: int, seconds: float) -> Iterator[tuple[str, float, str, float | None]]:
    """One symbol that ``clients`` follow, two messages a second: how long a flush holds the loop, and what comes."""
    _may_open(clients + 100)
    with tempfile.NamedTemporaryFile("r") as notes, gateway(("-m", "bench.gateway_fanout_beat", notes.name)) as served:
        port, _process_id, store = served
        writer = Writer(store, 1, 2, 1, seconds)
        reader = Reader(port, clients)
        reader.subscribe(["S0000"])
        reader.watch()
        began_ms = time.monotonic() * 1000
        writer.start()
        while writer.is_alive():
            reader.read_for(0.2, latency=True)
        reader.read_for(3, writer.sent * clients, latency=True)
        pauses = [late for moment, late in (map(float, line.split()) for line in notes) if moment - late > began_ms]
        name = f"{clients} clients x 2 msg/s"
        yield f"{name}: longest the loop was held", max(pauses, default=0.0), "ms", None
        yield f"{name}: delivered share", 100 * reader.messages / (writer.sent * clients), "%", None
        yield f"{name}: delivery p50", reader.percentile_ms(0.5), "ms", None
        yield f"{name}: delivery p99", reader.percentile_ms(0.99), "ms", None
        reader.close()


def _may_open(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, files)), hard))


def figures_of_idle(clients: int) -> Iterator[tuple[str, float, str, float | None]]:
    _may_open(clients + 100)
    with gateway() as (port, process_id, _store):
        warm = Reader(port, 100)
        before = resident_bytes(process_id)
        reader = Reader(port, clients - 100)
        yield (
            f"{clients} idle connections: memory each",
            (resident_bytes(process_id) - before) / (clients - 100),
            "B",
            None,
        )
        reader.close()
        warm.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--only", default=",".join(CASES))
    arguments = parser.parse_args()
    require("bench", "taskset", two_cores, redis_binary)
    os.sched_setaffinity(0, {1})
    seconds, clients = arguments.seconds, arguments.clients
    chosen = arguments.only.split(",")
    found: list[tuple[str, float, str, float | None]] = []
    if "flood" in chosen:
        found += figures_of_flood(seconds, arguments.rounds, clients)
    if "paced" in chosen:
        found += figures_of_stream(f"{clients} clients x 62.5 flushes/s x 4", clients, 1, 62.5, 4, seconds)
    if "quiet" in chosen:
        found += figures_of_stream(f"{clients} clients x 20 msg/s", clients, 1, 20, 1, seconds)
    if "symbols" in chosen:
        found += figures_of_stream("100 clients x 50 symbols x 1/s", 100, 50, 1, 1, max(seconds, 10))
    if "wide" in chosen:
        found += figures_of_wide(arguments.idle, max(seconds, 5))
    if "idle" in chosen:
        found += figures_of_idle(arguments.idle)
    command = "python -m bench.gateway_fanout " + " ".join(sys.argv[1:])
    write([Figure(*each, command.strip(), commit()) for each in found], arguments.json)


if __name__ == "__main__":
    main()
