"""How old a trade is when a client can read it from Redis, at a steady rate, with everything on this machine's cores.

``python -m bench.latency --json FILE``. Producer, broker, both flows, Redis, ClickHouse and the reading client share
the cores. A message in a stream carries the sequence of the last trade in it, which is that trade's offset; its age is
the client's clock after XREAD minus the Kafka timestamp, set when the producer was handed the record. Every ticker
message is measured, warm-up left out, and ClickHouse must hold every trade at the end.
"""

import argparse
import json
import pickle
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import redis
from clickhouse_driver import Client
from confluent_kafka import Consumer, TopicPartition

from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, Rig, servers
from bench.strangers import busy_s, disturbed, own_s
from connectors.synthetic import SyntheticMarket, symbol_names
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter
from jobs.produce.pace import AtRate, sliced
from jobs.produce.sender import TapeSender, market_tape
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from runtime.tracing.tracer import start_tracing
from schemas.names import TRADES_TABLE, deltas_stream
from tests.servers.kafka import make_topic  # type: ignore[attr-defined]  # not the folder beside it

DATABASE = "bench_latency"
WARM_UP_S = 5.0
READY_S = 90.0


class Message(msgspec.Struct):
    """What is looked at of a message in a stream."""

    type: str
    sequence: int


def produce(request: dict[str, Any]) -> int:
    """In a process of its own: ``rate`` trades a second for ``seconds``; their event times are those of the clock."""
    settings = load_settings(**request["settings"])
    start_tracing(settings, "produce")
    market = SyntheticMarket(symbol_names(request["symbols"]), start_us=time.time_ns() // 1000)
    rate, trades = request["rate"], int(request["rate"] * request["seconds"])
    writer = RecordWriter(settings.kafka_bootstrap, settings.kafka_topic, trace_records=settings.trace_records)
    sender = TapeSender(writer, encoder_of(settings))
    for batch in sliced(market_tape(market, trades, rate), AtRate(rate), time.monotonic, time.sleep):
        sender.send(batch)
    print(sender.finish())
    return 0


def read(request: dict[str, Any]) -> int:
    """In a process of its own: every entry of the streams with the time when it was there; looked into afterwards."""
    client = redis.Redis.from_url(request["redis_url"])
    last: dict[str, bytes | str] = {deltas_stream(shard): "0" for shard in range(PARTITIONS)}
    shards = {deltas_stream(shard).encode(): shard for shard in range(PARTITIONS)}
    entries: list[tuple[int, int, bytes, bytes]] = []
    stop = Path(request["stop"])
    while not stop.exists():
        found: Any = client.xread(last, block=200)  # type: ignore[arg-type]
        now = time.time_ns()
        for stream, items in found:
            last[stream.decode()] = items[-1][0]
            # An entry's id is Redis' own clock at the moment when it was added.
            entries += [(now, shards[stream], entry.split(b"-")[0], fields[b"batch"]) for entry, fields in items]
    Path(request["out"]).write_bytes(pickle.dumps(entries))
    return 0


def start(role: Callable[[dict[str, Any]], int], request: dict[str, Any]) -> subprocess.Popen[bytes]:
    code = f"import sys, json; from bench.latency import {role.__name__} as f; sys.exit(f(json.loads(sys.argv[1])))"
    return subprocess.Popen([sys.executable, "-c", code, json.dumps(request)], stdout=subprocess.PIPE)


def produced_at_ms(rig: Rig, topic: str) -> list[Any]:
    """Timestamps by offset, one array per partition."""
    consumer = Consumer({"bootstrap.servers": rig.bootstrap, "group.id": "bench", "enable.auto.commit": False})
    places = [TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)]
    stamps = [np.zeros(consumer.get_watermark_offsets(place, timeout=10)[1], np.int64) for place in places]
    consumer.assign(places)
    left = sum(map(len, stamps))
    while left:
        for message in consumer.consume(10_000, 1.0):
            stamps[message.partition() or 0][message.offset()] = message.timestamp()[1]
            left -= 1
    consumer.close()
    return stamps


def ages_ms(entries: list[Any], stamps: list[Any], first_ms: float) -> tuple[Any, Any, int]:
    """(ages at a client, ages in the stream, messages of any type) of the ticker messages after ``first_ms``."""
    decode = msgspec.json.Decoder(list[Message]).decode
    read_ages: list[Any] = []
    written_ages: list[Any] = []
    messages = 0
    for read_ns, shard, written_ms, batch in entries:
        if read_ns / 1e6 < first_ms:
            continue
        found = decode(batch)
        messages += len(found)
        sequences = [each.sequence for each in found if each.type != "bar"]
        born = stamps[shard][sequences]
        read_ages.append(read_ns / 1e6 - born)
        written_ages.append(int(written_ms) - born)
    return np.concatenate(read_ages), np.concatenate(written_ages), messages


def cpu_seconds() -> dict[str, float]:
    """Processor time of this process's descendants so far, by what they are."""
    used: dict[str, float] = {}
    for pid, seconds in own_s().items():
        name = what_is(pid)
        used[name] = used.get(name, 0.0) + seconds
    return used


def what_is(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "ended"
    words = {"kafka.Kafka": "broker", "redis-server": "redis", "local.clickhouse": "clickhouse", "worker\0live": "live",
             "worker\0history": "history", "worker\0alerts": "alerts",
             "import produce": "producer", "import read": "reader",
             "import listen": "clients",
             "gateway_worker\0websocket": "gateway", "gateway_worker\0rest": "rest"}  # fmt: skip
    return next((name for word, name in words.items() if word in command), "bench")


def await_rows(rig: Rig, wanted: int) -> None:
    """ClickHouse holds every trade, within READY_S."""
    client, deadline, found = Client.from_url(rig.clickhouse_dsn), time.monotonic() + READY_S, -1
    while found != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        found = client.execute(f"SELECT uniqExact(kafka_partition, kafka_offset) FROM {DATABASE}.{TRADES_TABLE}")[0][0]
    client.disconnect()
    if found != wanted:
        raise SystemExit(f"wrong result, no figures: {found:,} trades in ClickHouse instead of {wanted:,}")


def peak_mb(pid: int) -> float:
    """Most resident memory that a process had."""
    return float(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def await_streams(client: redis.Redis) -> None:
    """The live flow has published something of every shard, within READY_S."""
    deadline = time.monotonic() + READY_S
    while not all(client.xlen(deltas_stream(shard)) for shard in range(PARTITIONS)):
        if time.monotonic() > deadline:
            raise SystemExit("flows.live published nothing")
        time.sleep(0.1)


def measure(rig: Rig, conflation_ms: int, options: argparse.Namespace) -> tuple[Any, Any]:
    """(age when a Python client had it, age when it stood in the stream), in ms, of every ticker message of one run."""
    topic = f"bench-latency-{conflation_ms}-{time.time_ns()}"
    make_topic(rig.bootstrap, topic, PARTITIONS)
    rig.fresh_tables(DATABASE)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-latency-")))
        settings = rig.settings(topic, clickhouse_database=DATABASE, recovery_dir=folder / "recovery",
                                conflation_ms=conflation_ms, log_level="warning", **options.set)  # fmt: skip
        flows = [FlowProcess(name, settings) for name in ("live", "history")]
        for flow in flows:
            flow.start()
            stack.callback(flow.stop)
        out, stop = folder / "entries", folder / "stop"
        reader = start(read, {"redis_url": rig.redis_url, "out": str(out), "stop": str(stop)})
        stack.callback(stop.touch)
        request = {"settings": plain(settings), "symbols": options.symbols, "rate": options.rate}
        # A flow that has to compile its kernels first does so now, with trades that aren't measured.
        first = int(start(produce, {**request, "seconds": 0.5}).communicate(timeout=60)[0])
        await_rows(rig, first)
        await_streams(client)
        producer = start(produce, {**request, "seconds": WARM_UP_S + options.seconds})
        time.sleep(WARM_UP_S)
        before, all_before, since = cpu_seconds(), busy_s(), time.monotonic()
        first_ms = time.time_ns() / 1e6
        time.sleep(options.seconds * 0.9)
        after, all_after, over = cpu_seconds(), busy_s(), time.monotonic() - since
        sent = int(producer.communicate(timeout=120)[0])
        await_rows(rig, first + sent)
        peaks = ", ".join(f"{flow.name} {sum(map(peak_mb, flow.pids)):,.0f} MB" for flow in flows)
        stop.touch()
        reader.wait(30)
        entries = pickle.loads(out.read_bytes())
    read_ages, stream_ages, messages = ages_ms(entries, produced_at_ms(rig, topic), first_ms)
    load = ", ".join(f"{name} {(after[name] - before.get(name, 0.0)) / over:.2f}" for name in sorted(after))
    print(f"conflation {conflation_ms} ms: {len(read_ages):,} ticker messages, {messages / options.seconds:,.0f} "
          f"messages/s; cores used: {load}; peak memory: {peaks}")  # fmt: skip
    for name, ages in (("in the stream", stream_ages), ("at a client", read_ages)):
        shares = ", ".join(f"{share:g} % {np.percentile(ages, share):.0f}" for share in (1, 50, 90, 99, 99.9, 100))
        print(f"  ms until {name}: {shares}", flush=True)
    print(disturbed((all_after - all_before - sum(after.values()) + sum(before.values())) / over), end="", flush=True)
    return read_ages, stream_ages


def plain(settings: Settings) -> dict[str, Any]:
    """What a producer needs of them, by the names that they have."""
    names = ("kafka_bootstrap", "kafka_topic", "trace_url", "trace_records")
    return {name: getattr(settings, name) for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--conflation-ms", type=int, action="append", help="may be given again; 100, 20 and 10 unless given"
    )
    parser.add_argument("--set", type=json.loads, default={}, help="more settings of the flows, as JSON")
    options = parser.parse_args()
    figures = []
    with servers(core=None) as rig:
        for conflation_ms in options.conflation_ms or (100, 20, 10):
            read_ages, stream_ages = measure(rig, conflation_ms, options)
            command = f"python -m bench.latency --conflation-ms {conflation_ms}"
            for place, ages in (("Redis stream", stream_ages), ("a client that reads it", read_ages)):
                for name, value in (("p50", np.percentile(ages, 50)), ("p99", np.percentile(ages, 99))):
                    what = f"produce to {place}, {conflation_ms} ms conflation, {name}"
                    figures.append(Figure(what, float(value), "ms", None, command, commit()))
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
