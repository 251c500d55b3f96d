"""The shipped alerts on a running system: each is provoked as it happens in life, and a real Prometheus fires it.

The rules are those of docker/prometheus with their times cut to seconds, and nothing else changed. ``-s`` prints the
table of docs/operating.md.
"""

import contextlib
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import pytest
import yaml
from confluent_kafka import Producer
from websockets.sync.client import ClientConnection, connect

from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.servers.kafka import make_topic
from tests.servers.otlp import Collector
from tests.servers.prometheus import PrometheusServer
from tests.servers.redis import RedisServer

RULES = Path(__file__).parents[3] / "docker" / "prometheus" / "alerts.yml"
NOT_HERE = {
    "BarsCut", "CountsDoNotAddUp", "DeskRecordsLate", "DeskSilent", "FeedBrokerDown", "FeedTradesMissed",
    "QuotesOutdated", "QuotesSilent", "RulesRefused",
}  # fmt: skip
"""What needs other flows, a venue, half an hour or a defect of ours: cases of alerts.yml alone."""
BUDGETS = {"BudgetBurnsFast", "BudgetBurns", "BudgetBurnsSlowly"}
WITHIN_S = 60
CALM_S = 20
CLIENTS = 25
SYMBOLS = ("A/USDT", "B/USDT")
BURST = 150_000


def hastened(rules: str) -> str:
    """``rules`` with seconds for minutes; a day stays long, and restarts take their time."""
    spans = {"1d": "10m", "15m": "60s"}
    rules = re.sub(r"for: \d+m", "for: 2s", rules).replace("interval: 30s", "interval: 1s")
    rules = re.sub(r"\[(\w+)(:\w+)?\]", lambda found: f"[{spans.get(found[1], '10s')}{':1s' * bool(found[2])}]", rules)
    return rules.replace("offset 5m", "offset 15s").replace("offset 1h", "offset 30s")


class Tape:
    """Fifty trades a second, each symbol on its partition; attributes say what is wrong with one in ten of them."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic, self._producer = topic, Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        self._turns, self._ended = count(), threading.Event()
        self.refused = self.late = self.old = self.doubled = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._producer.flush(10)

    def send(self, turn: int) -> None:
        is_odd, now_ms = turn % 10 == 0, time.time_ns() // 1_000_000
        number = turn % 2
        event_ms = now_ms - 3_600_000 if self.late and is_odd else now_ms
        value = trade(SYMBOLS[number], turn, event_ms) if not (self.refused and is_odd) else b"{"
        self._producer.produce(
            self._topic, value, SYMBOLS[number].encode(),
            partition=1 - number if self.doubled and is_odd else number,
            timestamp=now_ms - 1_500 if self.old else now_ms,
        )  # fmt: skip
        self._producer.poll(0)

    def burst(self) -> None:
        for turn in range(BURST):
            while len(self._producer) > 50_000:
                self._producer.poll(0.05)
            self.send(10 * next(self._turns) + 1 + turn % 2)
        self._producer.flush(30)

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            self.send(next(self._turns))


def trade(symbol: str, number: int, event_ms: int) -> bytes:
    fields = {"symbol": symbol, "price": "1.5", "size": "1", "side": "BUY", "trade_id": str(number), "exchange": "X"}
    return json.dumps({**fields, "event_time": event_ms}).encode()


class Watch:
    """What fires, and how long it took from each provocation."""

    def __init__(self, prometheus: PrometheusServer) -> None:
        self._prometheus = prometheus
        self.took_s: dict[str, tuple[str, float]] = {}

    def firing(self) -> set[str]:
        alerts = self._prometheus.ask("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def provoke(self, how: str, do: Callable[[], object], *names: str) -> None:
        assert not (self.firing() - BUDGETS) & set(names), how  # a busy machine burns the budget of delivery by itself
        began_s, waiting = time.monotonic(), set(names)
        do()
        deadline = time.monotonic() + WITHIN_S
        while waiting:
            for name in waiting & self.firing():
                self.took_s[name] = how, time.monotonic() - began_s
                waiting.discard(name)
            assert time.monotonic() < deadline, f"{how}: {waiting} didn't fire; {self.firing()} did"
            threading.Event().wait(0.2)


@contextlib.contextmanager
def asking(gateway: GatewayCommand) -> Iterator[None]:
    """Somebody asks for bars, which lie in a ClickHouse that isn't there."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{gateway.rest}/api/ohlc/A%2FUSDT?timeframe=1m&limit=5", timeout=10)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Live:
    """The flow, to be started again after ``kill``."""

    def __init__(self, settings: Settings, log: IO[bytes]) -> None:
        self._settings, self._log = settings, log
        self.start()

    def start(self) -> None:
        self._flow = FlowProcess("live", self._settings, log=self._log)
        self._flow.start()
        until(self._flow.metrics)

    def kill(self) -> None:
        self._flow.kill()

    def start_again(self, times: int) -> None:
        for _ in range(times):
            self.start()
            threading.Event().wait(2)  # it is scraped each second
            self.kill()


class Targets:
    """What Prometheus scrapes, in a file that it looks at each second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def say(self, job: str, *ports: int) -> None:
        new = self._folder / "new"
        new.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]))
        new.rename(self._folder / f"{job}.json")

    def configuration(self, rules: Path) -> str:
        def job(name: str) -> dict[str, Any]:
            files = {"files": [str(self._folder / f"{name}.json")], "refresh_interval": "1s"}
            return {"job_name": name, "file_sd_configs": [files]}

        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        jobs = [job("flows"), job("gateway")]
        return yaml.safe_dump({"global": every, "rule_files": [str(rules)], "scrape_configs": jobs})


@pytest.mark.thorough
def test_each_alert_fires_on_what_it_is_for(kafka_bootstrap: str, collector: Collector, tmp_path: Path) -> None:
    (rules := tmp_path / "alerts.yml").write_text(hastened(RULES.read_text("utf-8")))
    topic, port = make_topic(kafka_bootstrap, f"provoked-{uuid4().hex[:8]}", 2), free_port()
    targets = Targets(tmp_path / "targets")
    targets.say("flows", port)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path))
        settings = Settings(
            kafka_bootstrap=kafka_bootstrap, kafka_topic=topic, value_format="json", redis_url=redis.url,
            recovery_dir=tmp_path / "recovery", metrics_port=port, trace_url=collector.url, trace_one_in=1,
        )  # fmt: skip
        log = stack.enter_context((tmp_path / "live.log").open("ab"))
        flow = Live(settings, log)
        stack.callback(flow.kill)
        gateway = stack.enter_context(running_gateway(tmp_path, redis.url, gateway_redis_timeout_ms=500))
        targets.say("gateway", gateway.settings.gateway_port)
        prometheus = PrometheusServer(tmp_path / "prometheus", targets.configuration(rules))
        watch = Watch(stack.enter_context(prometheus))
        tape = Tape(kafka_bootstrap, topic)
        stack.callback(tape.end)
        threading.Event().wait(CALM_S)
        assert watch.firing() - BUDGETS == set()

        watch.provoke("the collector of spans refuses", lambda: setattr(collector, "answer", 400), "TracesLost")
        watch.provoke("a tenth of the records is no trade", lambda: setattr(tape, "refused", True), "RejectsRise")
        tape.refused = False
        watch.provoke("a tenth of the trades is an hour old", lambda: setattr(tape, "late", True), "LateRises")
        tape.late = False
        watch.provoke(
            "records lie in Kafka for 1.5 s before they are read", lambda: setattr(tape, "old", True),
            "LatencyHigh", *BUDGETS,
        )  # fmt: skip
        tape.old = False
        watch.provoke(
            "symbols come on two partitions", lambda: setattr(tape, "doubled", True), "SymbolsInTwoPartitions"
        )
        tape.doubled = False

        unended = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": uuid4().hex})
        watch.provoke("a producer leaves its transaction open", lambda: leave_open(unended, topic), "TransactionOpen")
        unended.abort_transaction(30)

        with asking(gateway):
            how = "bars are asked for, and ClickHouse isn't there"
            watch.provoke(how, lambda: None, "GatewayErrors", "GatewayBreakerOpen")
        clients = [connect(f"{gateway.websocket}/ws/prices") for _ in range(CLIENTS)]
        threading.Event().wait(CALM_S)
        watch.provoke(f"{CLIENTS} clients leave at once", lambda: leave(clients), "ClientsVanish")

        watch.provoke("Redis is stopped (SIGSTOP)", redis.pause, "ServerDown", "PositionStands", "GatewayInputLost")
        watch.provoke(f"and {BURST:,} trades come meanwhile", tape.burst, "LagGrows", "LagLasts")
        redis.resume()

        watch.provoke("the flow is killed", flow.kill, "FlowDown", "FlowGone")
        watch.provoke("the flow starts four times in a minute", lambda: flow.start_again(4), "FlowRestarts")
        watch.provoke("flows are no targets any more", lambda: targets.say("flows"), "NoFlows")
        watch.provoke("the gateway ends", gateway.terminate, "GatewayDown")
        watch.provoke("gateways are no targets any more", lambda: targets.say("gateway"), "NoGateway")

    for name, (how, seconds) in watch.took_s.items():
        print(f"| {name} | {how} | {seconds:.0f} s |")
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    every = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert set(watch.took_s) == every - NOT_HERE


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.2)


def leave_open(producer: Producer, topic: str) -> None:
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, trade(SYMBOLS[0], 0, time.time_ns() // 1_000_000), SYMBOLS[0].encode(), partition=0)
    producer.flush(10)


def leave(clients: list[ClientConnection]) -> None:
    for client in clients:
        client.close()
