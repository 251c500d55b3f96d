"""Each shipped alert on a small running system: silent in the calm, fired by what it is for, gone afterwards.

The rules are those of docker/prometheus with their times cut to seconds, and nothing else changed. ``-s`` prints the
table of docs/drill.md.
"""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from websockets.sync.client import connect

from local.ports import free_port
from processes import workers
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from processes.workers import start_worker
from runtime.settings.whole import Settings
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.clickhouse.migrations import migrate
from tests.drill import alarms
from tests.drill.alarm_market import PARTITIONS, SYMBOLS, Market, trade
from tests.integration.gateway.gateway_command import running_gateway
from tests.integration.jobs.ingest.followed_venue import FollowedVenue
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker
from tests.servers.otlp import Collector
from tests.servers.prometheus import PrometheusServer
from tests.servers.redis import RedisServer

CLIENTS = 25
UP_S = 60
VENUE = "bybit"
LISTED = "BTC/USDT"


def start_losing_worker(module: Sequence[str], *where: Any, **how: Any) -> subprocess.Popen[bytes]:
    """As processes.workers.start_worker, with a defect."""
    return start_worker(["tests.drill.losing", *module[1:]], *where, **how)


class Flow:
    """One process on a port of its own, to be started again after ``kill``."""

    def __init__(self, name: str, settings: Settings, folder: Path, **changed: object) -> None:
        self.port = free_port()
        self._name, self._log = name, folder / f"{name}-{self.port}.log"
        self._settings = settings.model_copy(update={"metrics_port": self.port, **changed})
        self._process: FlowProcess | None = None

    @property
    def pids(self) -> list[int]:
        return self._process.pids if self._process is not None else []

    def spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = FlowProcess(self._name, self._settings, log=log)
            self._process.start()

    def start(self) -> None:
        self.spawn()
        self.await_up()

    def start_losing(self) -> None:
        with patch.object(workers, "start_worker", start_losing_worker):
            self.start()

    def await_up(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + UP_S
        while not self._process.metrics():
            assert self._process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, self._log.read_text()[-4000:]
            threading.Event().wait(0.1)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


class System:
    """All parts, running until ``stack`` ends, and a Prometheus that scrapes them."""

    def __init__(self, folder: Path, collector: Collector, stack: contextlib.ExitStack) -> None:
        self.collector = collector
        self.broker = stack.enter_context(KafkaBroker(folder))
        self.redis = stack.enter_context(RedisServer(folder))
        self.clickhouse = stack.enter_context(ClickHouseServer(folder))
        self.settings = settings = Settings(
            kafka_bootstrap=self.broker.bootstrap, kafka_properties={"socket.timeout.ms": 3000},
            clickhouse_dsn=f"{self.clickhouse.dsn}/?send_receive_timeout=3&connect_timeout=2&sync_request_timeout=2",
            redis_url=self.redis.url, value_format="json", quotes_format="json", analytics_kinds=("routing",),
            recovery_dir=folder / "recovery", epoch_ms=500, log_format="json",
        )  # fmt: skip
        client = connect_clickhouse(settings.clickhouse_dsn)
        migrate(client, settings.clickhouse_database)
        client.disconnect()
        self.broker.make_topic(settings.kafka_topic, PARTITIONS)
        self.broker.make_topic(settings.quotes_topic)
        self.broker.make_topic(settings.routing_topic)
        self.broker.make_topic(settings.alert_rules_topic, 1, {"cleanup.policy": "compact"})
        self.market = Market(
            self.broker.bootstrap, settings.kafka_topic, settings.quotes_topic, settings.routing_topic
        )  # fmt: skip
        stack.callback(self.market.end)
        self._start_flows(folder, stack)
        self.venue = FollowedVenue(
            self.broker.bootstrap, folder, VENUE, (LISTED,), port=free_port(), ago_s=600, FEED_CHECK_MS="500"
        )
        stack.callback(self.venue.end)
        self.gateway = stack.enter_context(
            running_gateway(
                folder, self.redis.url, clickhouse_dsn=settings.clickhouse_dsn, gateway_redis_timeout_ms=500
            )
        )  # fmt: skip
        socket = f"{self.gateway.websocket}/ws/prices"
        self.clients = [stack.enter_context(connect(socket)) for _ in range(CLIENTS)]
        self.targets = alarms.Targets(folder / "targets")
        self.targets.say("flows", *(flow.port for flow in self.flows))
        self.targets.say("gateway", self.gateway.settings.gateway_port)
        self.targets.say("ingest", self.venue.port)
        prometheus = PrometheusServer(folder / "prometheus", self.targets.configuration(folder))
        self.prometheus = stack.enter_context(prometheus)

    def _start_flows(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.leader = Flow("live", self.settings, folder, standby=True, trace_url=self.collector.url, trace_one_in=1)
        self.standby = Flow("live", self.settings, folder, standby=True)
        self.quotes = Flow("quotes", self.settings, folder)
        others = [Flow(name, self.settings, folder) for name in ("analytics", "alerts")]
        self.history = Flow("history", self.settings, folder, kafka_start="latest")
        self.flows = [self.leader, self.standby, self.quotes, self.history, *others]
        for flow in self.flows:
            stack.callback(flow.kill)
            if flow is not self.standby:
                flow.spawn()
        self.leader.await_up()
        self.standby.start()
        for flow in self.flows:
            flow.await_up()

    def forget(self, flow: Flow) -> None:
        """It is gone for good, and no target any more."""
        flow.kill()
        self.flows.remove(flow)
        self.targets.say("flows", *(each.port for each in self.flows))


def provocations(system: System) -> Iterator[alarms.Provocation]:
    """In an order in which none hides another. Each is made when those before it are done."""
    slips = (
        ("refused", "a tenth of the trades is no JSON", "RejectsRise"),
        ("late", "a tenth of the trades is a day old", "LateRises"),
        ("old", "trades lie in Kafka for 1.5 s before they are read", "LatencyHigh"),
        ("outdated", "a half of the quotes is older than what is shown", "QuotesOutdated"),
        ("desk_late", "a desk's decisions are a day old", "DeskRecordsLate"),
        ("backfill", "a flow that reads from the end meets a backfill", "BarsCut"),
        ("mute", "quotes and a desk's records stop", "QuotesSilent", "DeskSilent"),
    )
    for flaw, how, *names in slips:
        yield alarms.slipping(system.market, flaw, how, *names)
    twice = "symbols come on two partitions"
    yield alarms.slipping(system.market, "doubled", twice, "SymbolsInTwoPartitions", clears=False)
    lost = "a venue's socket drops more than its REST remembers"
    yield alarms.slipping(system.venue, "dropping", lost, "FeedTradesMissed")
    bootstrap, settings = system.broker.bootstrap, system.settings
    yield alarms.vanishing_records(system.history)
    yield alarms.refused_rules(bootstrap, settings.alert_rules_topic)
    yield alarms.refusing_collector(system.collector)
    value = trade(SYMBOLS[0], 0, time.time_ns() // 1_000_000)
    yield alarms.open_transaction(bootstrap, settings.kafka_topic, value)
    yield alarms.clients_leave(lambda: [each.close() for each in system.clients])
    yield alarms.killed_clickhouse(system.clickhouse, system.gateway.rest)
    yield alarms.left_alone(system.standby)
    yield alarms.stalled_leader(system.leader)
    system.forget(system.leader)
    yield alarms.stalled_redis(system.redis)
    yield alarms.burst(system.redis, system.market.burst)
    yield alarms.killed_kafka(system.broker)
    yield alarms.restarting_flow(system.quotes)
    yield alarms.killed_flow(system.quotes)
    yield alarms.lost_target(system.targets, "flows", "NoFlows")
    yield alarms.Provocation("the gateway ends", ("GatewayDown",), system.gateway.terminate, clears=False)
    yield alarms.lost_target(system.targets, "gateway", "NoGateway")


@pytest.mark.thorough
def test_each_alert_fires_on_what_it_is_for(collector: Collector, tmp_path: Path) -> None:
    compile_kernels()
    with contextlib.ExitStack() as stack:
        system = System(tmp_path, collector, stack)
        watch = alarms.Watch(system.prometheus)
        watch.await_calm()
        for each in provocations(system):
            watch.provoke(each)
        watch.await_clear()
    print(watch.table())
    assert watch.troubles == []
    assert watch.alerts() == alarms.names_of(alarms.RULES.read_text("utf-8"))
