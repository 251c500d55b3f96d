"""How old a trade is when a WebSocket client has it, at a steady rate, with everything on this machine's cores.

``python -m bench.gateway_flow --json FILE``. Producer, broker, live flow, Redis, gateway and the reading clients share
the cores. A delta's sequence is the offset of the last trade in it: its age is the client's clock at arrival less that
trade's Kafka timestamp, which is set when the producer was handed it. A trade's own age is that of the first delta that
covers it, so it holds the conflation as well. Every message from the warm-up on is measured, none may leave a gap, and
at the end each symbol must stand where Redis does.
"""

import argparse
import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import redis
from confluent_kafka import Consumer, TopicPartition
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench.latency import cpu_seconds, plain, produce
from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, Rig, servers
from bench.stages import ONE_IN, TracedTrade, stage_lines, stages_ms
from bench.strangers import busy_s, disturbed
from connectors.synthetic import symbol_names
from local.ports import free_port
from processes.gateway_processes import GatewayProcesses, prepare_gateway
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from schemas.names import RedisKeys
from tests.servers.kafka import make_topic  # type: ignore[attr-defined]  # not the folder beside it
from tests.servers.otlp import Collector

WARM_UP_S = 5.0
START_S = 240.0
DRAIN_S = 20.0
SYMBOLS_EACH = 20
"""Of one client: at 40 deltas a second each it stays below the 1,000 messages a second that one client may get."""
OFFSET_BITS = (1 << 44) - 1
KEYS = RedisKeys()


class Delta(msgspec.Struct):
    """What is looked at of a message."""

    type: str
    symbol: str = ""
    sequence: int = -1
    previous: int = -1


def listen(request: dict[str, Any]) -> int:
    """In a process of its own: clients that keep every message with the time when it was there."""
    asyncio.run(_listen(request))
    return 0


async def _listen(request: dict[str, Any]) -> None:
    symbols: list[str] = request["symbols"]
    kept: list[tuple[int, Any]] = []
    groups = [symbols[at : at + SYMBOLS_EACH] for at in range(0, len(symbols), SYMBOLS_EACH)]
    clients = [asyncio.create_task(_client(request["url"], each, kept)) for each in groups]
    await asyncio.to_thread(sys.stdin.readline)
    for each in clients:
        each.cancel()
    closed = await asyncio.gather(*clients, return_exceptions=True)
    sys.stdout.buffer.write(pickle.dumps((kept, [repr(each) for each in closed if isinstance(each, ConnectionClosed)])))


async def _client(url: str, symbols: list[str], kept: list[tuple[int, str | bytes]]) -> None:
    async with connect(url, proxy=None, max_size=None, compression=None, max_queue=None) as connection:
        await connection.send(json.dumps({"type": "subscribe", "symbols": symbols}))
        while True:
            text = await connection.recv()
            kept.append((time.time_ns(), text))


def start(module: str, role: str, request: dict[str, Any]) -> subprocess.Popen[bytes]:
    code = f"import sys, json; from {module} import {role} as f; sys.exit(f(json.loads(sys.argv[1])))"
    command = [sys.executable, "-c", code, json.dumps(request)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


class Produced(NamedTuple):
    """stamps: time in ms by offset, an array per partition. by_symbol: its partition and offsets. contexts: symbol and
    offset of the records that are traced."""

    stamps: list[Any]
    by_symbol: dict[str, tuple[int, Any]]
    contexts: dict[str, tuple[str, int]]


def produced(rig: Rig, topic: str) -> Produced:
    consumer = Consumer({"bootstrap.servers": rig.bootstrap, "group.id": "bench", "enable.auto.commit": False})
    places = [TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)]
    stamps = [np.zeros(consumer.get_watermark_offsets(place, timeout=10)[1], np.int64) for place in places]
    by_symbol: dict[str, tuple[int, list[int]]] = {}
    contexts: dict[str, tuple[str, int]] = {}
    consumer.assign(places)
    left = sum(map(len, stamps))
    while left:
        for message in consumer.consume(10_000, 1.0):
            partition, offset = message.partition() or 0, message.offset() or 0
            stamps[partition][offset] = message.timestamp()[1]
            key: Any = message.key()
            symbol = key.decode()
            by_symbol.setdefault(symbol, (partition, []))[1].append(offset)
            headers: Any = message.headers()
            for _, context in headers or ():
                contexts[context.decode()] = symbol, offset
            left -= 1
    consumer.close()
    offsets_of = {symbol: (partition, np.array(offsets)) for symbol, (partition, offsets) in by_symbol.items()}
    return Produced(stamps, offsets_of, contexts)


def checked(kept: list[tuple[int, Any]]) -> dict[str, list[tuple[int, int, bool]]]:
    """(arrival in ns, sequence, is a delta) by symbol, in order. Ends the bench on a gap."""
    decode = msgspec.json.Decoder(Delta).decode
    found: dict[str, list[tuple[int, int, bool]]] = {}
    for at_ns, text in kept:
        message = decode(text)
        if message.type not in ("snapshot", "delta"):
            continue
        line = found.setdefault(message.symbol, [])
        if message.type == "delta" and (not line or line[-1][1] != message.previous):
            raise SystemExit(f"wrong result, no figures: a gap in {message.symbol} at {message.sequence}")
        line.append((at_ns, message.sequence, message.type == "delta"))
    return found


def traced(found: dict[str, Any], topic: Produced, first_ms: float) -> Iterator[TracedTrade]:
    """Those that a message covers which came from first_ms on."""
    for context, (symbol, offset) in topic.contexts.items():
        for at_ns, sequence, _ in found[symbol]:
            if sequence & OFFSET_BITS >= offset:
                if at_ns / 1e6 >= first_ms:
                    yield TracedTrade(context, at_ns)
                break


def ages_ms(found: dict[str, Any], topic: Produced, first_ms: float) -> tuple[Any, Any]:
    """(age of each delta by its last trade, age of each trade by the first delta that covers it), from first_ms on."""
    stamps, by_symbol, _ = topic
    deltas, trades = [], []
    for symbol, line in found.items():
        partition, offsets = by_symbol[symbol]
        at_ms = np.array([at_ns for at_ns, _, _ in line]) / 1e6
        ends = np.array([sequence & OFFSET_BITS for _, sequence, _ in line])
        is_delta = np.array([delta for _, _, delta in line]) & (at_ms >= first_ms)
        deltas.append((at_ms - stamps[partition][ends])[is_delta])
        covering = np.searchsorted(ends, offsets)
        born = stamps[partition][offsets]
        counted = (covering < len(ends)) & (born >= first_ms)
        trades.append(at_ms[covering[counted]] - born[counted])
    return np.concatenate(deltas), np.concatenate(trades)


def await_flow(flow: FlowProcess) -> None:
    """It reads: kernels that weren't compiled yet are."""
    deadline = time.monotonic() + START_S
    while not any(name == "tapeflow_symbols" for name, _ in flow.metrics()):
        if time.monotonic() > deadline or flow.poll() is not None:
            raise SystemExit(f"no figures: the flow does not read after {START_S:g} s")
        time.sleep(0.2)


def await_last(client: Any, symbols: list[str], sent: int) -> dict[str, int]:
    """Sequences in Redis once they rest: every trade was taken and what was conflated is out."""
    deadline, before = time.monotonic() + DRAIN_S, dict[str, int]()
    while time.monotonic() < deadline:
        texts = client.mget([KEYS.price(symbol) for symbol in symbols])
        now = {s: json.loads(text)["sequence"] for s, text in zip(symbols, texts, strict=True) if text}
        if now and now == before:
            return now
        before = now
        time.sleep(1.0)
    raise SystemExit(f"wrong result, no figures: Redis doesn't rest {DRAIN_S} s after {sent} trades")


def measure(rig: Rig, conflation_ms: int, options: argparse.Namespace) -> tuple[Any, Any]:
    """Both ages of one run."""
    topic = f"bench-gateway-{conflation_ms}-{time.time_ns()}"
    make_topic(rig.bootstrap, topic, PARTITIONS)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall()
    symbols = symbol_names(options.symbols)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        ports = {name: free_port() for name in ("metrics_port", "gateway_port")}
        others = {"conflation_ms": conflation_ms, "log_level": "error", **ports, **options.set}
        if options.stages:
            collector = Collector()
            stack.callback(collector.close)
            others |= {"trace_url": collector.url, "trace_records": ONE_IN, "trace_one_in": 0, "trace_slow_ms": 60_000}
        settings = prepare_gateway(rig.settings(topic, recovery_dir=folder / "recovery", **others))
        flow, gateway = FlowProcess("live", settings), GatewayProcesses(settings)
        flow.start()
        stack.callback(flow.stop)
        gateway.start()
        stack.callback(gateway.stop)
        gateway.wait_ready()
        request = {"url": gateway.addresses.websocket + "/ws/prices", "symbols": symbols}
        listener = start("bench.gateway_flow", "listen", request)
        stack.callback(listener.kill)
        await_flow(flow)
        producer = start("bench.latency", produce.__name__, {
            "settings": plain(settings), "symbols": options.symbols, "rate": options.rate,
            "seconds": WARM_UP_S + options.seconds,
        })  # fmt: skip
        time.sleep(WARM_UP_S)
        before, all_before, since, first_ms = cpu_seconds(), busy_s(), time.monotonic(), time.time_ns() / 1e6
        time.sleep(options.seconds * 0.9)
        after, all_after, over = cpu_seconds(), busy_s(), time.monotonic() - since
        sent = int(producer.communicate(timeout=120)[0])
        last = await_last(client, symbols, sent)
        time.sleep(0.5)
        if options.stages:
            time.sleep(2.0)  # for the spans of the last second
        kept, closed = pickle.loads(listener.communicate(b"end\n", timeout=60)[0])
    if closed:
        raise SystemExit(f"wrong result, no figures: the gateway closed {closed}")
    found = checked(kept)
    wrong = [symbol for symbol, sequence in last.items() if not found.get(symbol) or found[symbol][-1][1] != sequence]
    if wrong:
        raise SystemExit(f"wrong result, no figures: {len(wrong)} symbols end elsewhere than Redis, {wrong[:3]}")
    records = produced(rig, topic)
    deltas, trades = ages_ms(found, records, first_ms)
    if not len(deltas):
        raise SystemExit("no figures: no delta came while it was measured, the flow stood still")
    strangers = (all_after - all_before - sum(after.values()) + sum(before.values())) / over
    load = ", ".join(f"{name} {(after[name] - before.get(name, 0.0)) / over:.2f}" for name in sorted(after))
    print(
        f"conflation {conflation_ms} ms: {len(deltas):,} deltas, {len(deltas) / options.seconds:,.0f}/s; cores: {load};"
        f" kernel and strangers {strangers:.2f}"
    )
    for name, ages in (("delta", deltas), ("trade", trades)):
        shares = ", ".join(f"{share:g} % {np.percentile(ages, share):.0f}" for share in (1, 50, 90, 99, 99.9, 100))
        print(f"  age of a {name} at the client, ms: {shares}", flush=True)
    if options.stages:
        print(*stage_lines(stages_ms(collector.spans, traced(found, records, first_ms))), sep="\n")
    print(disturbed(strangers), end="", flush=True)
    return deltas, trades


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway_flow", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--conflation-ms", type=int, action="append", help="may be given again; 100, 20 and 10 otherwise"
    )
    parser.add_argument("--stages", action="store_true", help="trace some trades, and print where their time went")
    parser.add_argument("--set", type=json.loads, default={}, help="more settings, as JSON")
    options = parser.parse_args()
    figures = []
    compile_kernels()  # else the flow would, in the middle of the first records
    with servers(core=None) as rig:
        for conflation_ms in options.conflation_ms or (100, 20, 10):
            deltas, trades = measure(rig, conflation_ms, options)
            command = f"python -m bench.gateway_flow --rate {options.rate} --conflation-ms {conflation_ms}"
            for name, ages in (("delta", deltas), ("every trade", trades)):
                for share in (50, 99):
                    what = f"flow to socket, {conflation_ms} ms conflation, {name}, p{share}"
                    figures.append(Figure(what, float(np.percentile(ages, share)), "ms", None, command, commit()))
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
