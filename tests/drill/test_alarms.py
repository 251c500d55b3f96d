"""Each shipped alert on a small running system: silent in the calm, fired by what it is for, gone afterwards.

The rules are those of docker/prometheus with their times cut to seconds, and nothing else changed. ``-s`` prints the
table of docs/drill.md.
"""

import asyncio
import contextlib
import threading
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from local.ports import free_port
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from runtime.settings.whole import Settings
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.sink import connect as connect_clickhouse
from tests.drill import alarms
from tests.drill.alarm_market import PARTITIONS, SYMBOLS, Market, trade
from tests.integration.gateway.gateway_command import running_gateway
from tests.integration.jobs.ingest.live_world import Ingester, eventually
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker
from tests.servers.otlp import Collector
from tests.servers.prometheus import PrometheusServer
from tests.servers.redis import RedisServer
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

NOT_HERE = {"CountsDoNotAddUp": "only a defect of ours fires it"}
"""Alerts that are cases of tests/integration/docker/alerts.yml alone."""
CLIENTS = 25
UP_S = 60
VENUE = "bybit"
LISTED = "BTC/USDT"
LOST = 100
"""More trades than the venue's REST remembers."""


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


class Venue:
    """A venue that trades and an ingester that follows it, until ``end``; ``dropping``: its socket loses some, once."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.port, self.dropping = free_port(), False
        self._bootstrap, self._folder = bootstrap, folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    async def _run(self) -> None:
        script = make_script(7, (LISTED,), 20_000, time.time_ns() // 1_000_000 - 600_000, ids_follow=False)
        has_dropped = False
        async with ScriptedVenue(VENUE, script) as venue:
            ingester = Ingester(self._bootstrap, self._folder, venue, f"{VENUE}:{LISTED}")
            ingester.settings |= {"METRICS_PORT": str(self.port), "FEED_CHECK_MS": "500"}
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                while not await asyncio.to_thread(self._ended.wait, 0.2):
                    if self.dropping and not has_dropped:
                        await venue.trade(LOST, lost=True)
                        has_dropped = True
                    await venue.trade(5)
            finally:
                ingester.kill()


@pytest.mark.thorough
def test_each_alert_fires_on_what_it_is_for(collector: Collector, tmp_path: Path) -> None:
    compile_kernels()
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(KafkaBroker(tmp_path))
        redis = stack.enter_context(RedisServer(tmp_path))
        clickhouse = stack.enter_context(ClickHouseServer(tmp_path))
        settings = Settings(
            kafka_bootstrap=broker.bootstrap, kafka_properties={"socket.timeout.ms": 3000},
            clickhouse_dsn=f"{clickhouse.dsn}/?send_receive_timeout=3&connect_timeout=2&sync_request_timeout=2",
            redis_url=redis.url, value_format="json", quotes_format="json", analytics_kinds=("routing",),
            recovery_dir=tmp_path / "recovery", epoch_ms=500, log_format="json",
        )  # fmt: skip
        client = connect_clickhouse(settings.clickhouse_dsn)
        migrate(client, settings.clickhouse_database)
        client.disconnect()
        broker.make_topic(settings.kafka_topic, PARTITIONS)
        broker.make_topic(settings.quotes_topic)
        broker.make_topic(settings.routing_topic)
        broker.make_topic(settings.alert_rules_topic, 1, {"cleanup.policy": "compact"})
        market = Market(broker.bootstrap, settings.kafka_topic, settings.quotes_topic, settings.routing_topic)
        stack.callback(market.end)

        leader = Flow("live", settings, tmp_path, standby=True, trace_url=collector.url, trace_one_in=1)
        second = Flow("live", settings, tmp_path, standby=True)
        history = Flow("history", settings, tmp_path, kafka_start="latest")
        others = [Flow(name, settings, tmp_path) for name in ("quotes", "analytics", "alerts")]
        for flow in (leader, history, *others):
            stack.callback(flow.kill)
            flow.spawn()
        stack.callback(second.kill)
        leader.await_up()
        second.start()
        for flow in (history, *others):
            flow.await_up()
        venue = Venue(broker.bootstrap, tmp_path)
        stack.callback(venue.end)
        gateway = stack.enter_context(
            running_gateway(
                tmp_path, redis.url, clickhouse_dsn=settings.clickhouse_dsn, gateway_redis_timeout_ms=500
            )
        )  # fmt: skip
        clients = [stack.enter_context(connect(f"{gateway.websocket}/ws/prices")) for _ in range(CLIENTS)]

        targets = alarms.Targets(tmp_path / "targets")
        targets.say("flows", leader.port, second.port, history.port, *(flow.port for flow in others))
        targets.say("gateway", gateway.settings.gateway_port)
        targets.say("ingest", venue.port)
        prometheus = PrometheusServer(tmp_path / "prometheus", targets.configuration(tmp_path))
        watch = alarms.Watch(stack.enter_context(prometheus))
        watch.await_calm()
        slips = (
            ("refused", "a tenth of the trades is no JSON", "RejectsRise"),
            ("late", "a tenth of the trades is a day old", "LateRises"),
            ("old", "trades lie in Kafka for 1.5 s before they are read", "LatencyHigh"),
            ("outdated", "a half of the quotes is older than what is shown", "QuotesOutdated"),
            ("desk_late", "a desk's decisions are a day old", "DeskRecordsLate"),
            ("backfill", "a flow that reads from the end meets a backfill", "BarsCut"),
            ("mute", "quotes and a desk's records stop", "QuotesSilent", "DeskSilent"),
        )  # fmt: skip
        for flaw, how, *names in slips:
            watch.provoke(alarms.slipping(market, flaw, how, *names))
        twice = "symbols come on two partitions"
        watch.provoke(alarms.slipping(market, "doubled", twice, "SymbolsInTwoPartitions", clears=False))
        lost = "a venue's socket drops more than its REST remembers"
        watch.provoke(alarms.slipping(venue, "dropping", lost, "FeedTradesMissed"))
        watch.provoke(alarms.refused_rules(broker.bootstrap, settings.alert_rules_topic))
        watch.provoke(alarms.refusing_collector(collector))
        value = trade(SYMBOLS[0], 0, time.time_ns() // 1_000_000)
        watch.provoke(alarms.open_transaction(broker.bootstrap, settings.kafka_topic, value))
        watch.provoke(alarms.clients_leave(lambda: [each.close() for each in clients]))
        watch.provoke(alarms.killed_clickhouse(clickhouse, gateway.rest))
        watch.provoke(alarms.left_alone(second))
        watch.provoke(alarms.stalled_leader(leader))
        leader.kill()
        targets.say("flows", *targets.ports["flows"][1:])
        watch.provoke(alarms.stalled_redis(redis))
        watch.provoke(alarms.burst(redis, market.burst))
        watch.provoke(alarms.killed_kafka(broker))
        quotes = others[0]
        watch.provoke(alarms.restarting_flow(quotes))
        watch.provoke(alarms.killed_flow(quotes))
        watch.provoke(alarms.lost_target(targets, "flows", "NoFlows"))
        watch.provoke(alarms.Provocation("the gateway ends", ("GatewayDown",), gateway.terminate, clears=False))
        watch.provoke(alarms.lost_target(targets, "gateway", "NoGateway"))
        watch.await_clear()
    print(watch.table())
    assert watch.troubles == []
    assert watch.alerts() == alarms.names_of(alarms.RULES.read_text("utf-8")) - NOT_HERE.keys()
