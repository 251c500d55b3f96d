"""How old a trade is when its alert reaches an SSE client, at a steady rate, with everything on this machine's cores.

``python -m bench.alert_latency --json FILE``. Producer, broker, alerts flow, Redis, ClickHouse, gateway and the client
share the cores. A rule on each symbol fires at every new high of a minute, again and again; beside them stand rules
that never fire. An alert names its trade by symbol and sequence, which is that trade's offset. Its age is the client's
clock when the line was there less the trade's Kafka timestamp, which is set when the producer was handed it. Every
alert from the warm-up on is measured. None may come twice or be missing: the client has what ClickHouse has.
"""

import argparse
import asyncio
import json
import pickle
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import redis
from clickhouse_driver import Client
from confluent_kafka import Producer

from bench.gateway_flow import START_S, WARM_UP_S, Produced, await_flow, produced, start
from bench.latency import cpu_seconds, plain, produce
from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, Rig, servers
from bench.strangers import busy_s, disturbed
from connectors.synthetic import symbol_names
from gateway.access.auth import make_token
from local.ports import free_port
from processes.gateway_processes import GatewayProcesses, prepare_gateway
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from runtime.settings.whole import Settings
from schemas.alert_rules import AlertRule
from schemas.names import PRICE_ALERTS_VIEW
from tests.servers.kafka import make_topic  # type: ignore[attr-defined]  # not the folder beside it

DATABASE = "bench_alerts"
SECRET = "bench-secret-bench-secret-bench-secret"
USERS = 10
"""With a client each: what one of them gets is then what a person might."""
DRAIN_S = 30.0
NEVER = "999999999999999999"


class Alert(msgspec.Struct):
    """What is looked at of an event's data."""

    id: str
    symbol: str
    sequence: int


def listen(request: dict[str, Any]) -> int:
    """In a process of its own: clients that keep every line of data with the time when it was there."""
    asyncio.run(_listen(request["url"], request["tokens"]))
    return 0


async def _listen(url: str, tokens: list[str]) -> None:
    kept: list[tuple[int, bytes]] = []
    clients = [asyncio.create_task(_client(url, token, kept)) for token in tokens]
    await asyncio.to_thread(sys.stdin.readline)
    for each in clients:
        each.cancel()
    sys.stdout.buffer.write(pickle.dumps(kept))


async def _client(url: str, token: str, kept: list[tuple[int, bytes]]) -> None:
    """Comes back with its last id where it is closed."""
    place, last = urlsplit(url), b""
    while True:
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 24)
        ask = b"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode()
        writer.write(ask + (b"\r\nLast-Event-ID: " + last if last else b"") + b"\r\n\r\n")
        while line := await reader.readline():
            if line.startswith(b"id:"):
                last = line[3:].strip()
            elif line.startswith(b"data:"):
                kept.append((time.time_ns(), line[5:]))
        writer.close()


def user_of(number: int) -> str:
    return f"user-{number % USERS}"


def write_rules(settings: Settings, symbols: list[str], idle: int) -> None:
    """One rule that fires on each symbol, and ``idle`` that never do."""
    rules = [
        AlertRule(f"high-{number}", user_of(number), symbol, "above", "0", "every", "0.02", series="high", window="1m")
        for number, symbol in enumerate(symbols)
    ]
    rules += [
        AlertRule(f"idle-{number}", user_of(number), symbols[number % len(symbols)], "above", NEVER)
        for number in range(idle)
    ]
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "linger.ms": 20})
    for rule in rules:
        producer.produce(settings.alert_rules_topic, msgspec.json.encode(rule), rule.id.encode())
        producer.poll(0)
    if producer.flush(60):
        raise SystemExit("no figures: the broker didn't take the rules")


def await_rules(flow: FlowProcess, wanted: int) -> None:
    """All rules are armed."""
    deadline = time.monotonic() + START_S
    while sum(value for (name, _), value in flow.metrics().items() if name == "tapeflow_alert_rules") < wanted:
        if time.monotonic() > deadline or flow.poll() is not None:
            raise SystemExit(f"no figures: not all rules are armed after {START_S:g} s")
        time.sleep(0.2)


def stored(rig: Rig) -> list[str]:
    client = Client.from_url(rig.clickhouse_dsn)
    rows = client.execute(f"SELECT id FROM {DATABASE}.{PRICE_ALERTS_VIEW}")
    client.disconnect()
    return [row[0] for row in rows]


def await_rest(rig: Rig) -> list[str]:
    """Ids in ClickHouse once no more come."""
    deadline, before = time.monotonic() + DRAIN_S, [""]
    while time.monotonic() < deadline:
        now = stored(rig)
        if now and len(now) == len(before):
            return now
        before = now
        time.sleep(2.0)
    raise SystemExit(f"wrong result, no figures: alerts still come {DRAIN_S:g} s after the last trade")


def ages_ms(kept: list[tuple[int, bytes]], records: Produced, first_ms: float) -> Any:
    """Of the alerts whose trades were produced from ``first_ms`` on."""
    stamps, by_symbol = records.stamps, records.by_symbol
    alerts = [(at_ns, msgspec.json.decode(data, type=Alert)) for at_ns, data in kept]
    born = np.array([stamps[by_symbol[each.symbol][0]][each.sequence] for _, each in alerts])
    ages = np.array([at_ns for at_ns, _ in alerts]) / 1e6 - born
    return ages[born >= first_ms]


def measure(rig: Rig, options: argparse.Namespace) -> Any:
    """Ages of one run."""
    topic = f"bench-alerts-{time.time_ns()}"
    make_topic(rig.bootstrap, topic, PARTITIONS)
    make_topic(rig.bootstrap, f"{topic}-rules", 1, {"cleanup.policy": "compact"})
    rig.fresh_tables(DATABASE)
    redis.Redis.from_url(rig.redis_url).flushall()
    symbols = symbol_names(options.symbols)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-alerts-")))
        others = {name: free_port() for name in ("metrics_port", "gateway_port")}
        settings = prepare_gateway(
            rig.settings(
                topic, clickhouse_database=DATABASE, recovery_dir=folder / "recovery", log_level="error",
                alert_rules_topic=f"{topic}-rules", gateway_token_secret=SECRET, **{**others, **options.set},
            )
        )  # fmt: skip
        write_rules(settings, symbols, options.rules)
        flow, gateway = FlowProcess("alerts", settings), GatewayProcesses(settings)
        flow.start()
        stack.callback(flow.stop)
        gateway.start()
        stack.callback(gateway.stop)
        gateway.wait_ready()
        tokens = [make_token(settings, user_of(number), symbols=("*",)) for number in range(USERS)]
        request = {"url": gateway.addresses.rest, "tokens": tokens}
        listener = start("bench.alert_latency", listen.__name__, request)
        stack.callback(listener.kill)
        load = {"settings": plain(settings), "symbols": options.symbols, "rate": options.rate}
        sent = int(start("bench.latency", produce.__name__, {**load, "seconds": 2.0}).communicate(timeout=60)[0])
        await_flow(flow)
        await_rules(flow, len(symbols) * 0.95 + options.rules * 0.95)
        producer = start("bench.latency", produce.__name__, {**load, "seconds": WARM_UP_S + options.seconds})
        time.sleep(WARM_UP_S)
        before, all_before, since, first_ms = cpu_seconds(), busy_s(), time.monotonic(), time.time_ns() / 1e6
        time.sleep(options.seconds * 0.9)
        after, all_after, over = cpu_seconds(), busy_s(), time.monotonic() - since
        sent += int(producer.communicate(timeout=120)[0])
        ids = await_rest(rig)
        kept = pickle.loads(listener.communicate(b"end\n", timeout=60)[0])
    got = [msgspec.json.decode(data, type=Alert).id for _, data in kept]
    if sorted(got) != sorted(ids):
        raise SystemExit(f"wrong result, no figures: {len(got):,} alerts at the client, {len(ids):,} in ClickHouse")
    ages = ages_ms(kept, produced(rig, topic), first_ms)
    strangers = (all_after - all_before - sum(after.values()) + sum(before.values())) / over
    cores = ", ".join(f"{name} {(after[name] - before.get(name, 0.0)) / over:.2f}" for name in sorted(after))
    print(f"{sent:,} trades, {len(ages):,} alerts, {len(ages) / options.seconds:,.0f}/s; cores: {cores};"
          f" kernel and strangers {strangers:.2f}")  # fmt: skip
    shares = ", ".join(f"{share:g} % {np.percentile(ages, share):.0f}" for share in (1, 50, 90, 99, 99.9, 100))
    print(f"  age of a trade when its alert is at the client, ms: {shares}", flush=True)
    print(disturbed(strangers), end="", flush=True)
    return ages


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.alert_latency", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rules", type=int, default=10_000, help="that never fire")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--set", type=json.loads, default={}, help="more settings, as JSON")
    options = parser.parse_args()
    compile_kernels()  # else the flow would, in the middle of the first records
    with servers(core=None) as rig:
        ages = measure(rig, options)
    command = f"python -m bench.alert_latency --rate {options.rate}"
    what = "trade to SSE client, by a rule of the user"
    figures = [
        Figure(f"{what}, p{share}", float(np.percentile(ages, share)), "ms", None, command, commit())
        for share in (50, 99)
    ]
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
