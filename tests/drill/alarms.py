"""Provokes the shipped alerts on a running system, one after the other, and sees a real Prometheus fire each.

A world gives what it has: servers, flows, producers. ``hastened`` makes docker/prometheus/alerts.yml fire within
seconds. ``Targets`` says what is scraped. Functions below make a ``Provocation`` of what they are handed. ``Watch``
does it, waits and undoes it:

    targets = Targets(folder / "targets")
    targets.say("flows", 9101, 9102)
    with PrometheusServer(folder / "prometheus", targets.configuration(folder)) as prometheus:
        watch = Watch(prometheus)
        watch.await_calm()
        watch.provoke(stalled_redis(redis))
        watch.await_clear()
        print(watch.table())
    assert watch.troubles == []

tests/drill/test_alarms.py does so on a system of its own.
"""

import contextlib
import json
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4

import yaml
from confluent_kafka import Producer

from tests.servers.kafka import KafkaBroker
from tests.servers.otlp import Collector
from tests.servers.process import FolderServer
from tests.servers.prometheus import PrometheusServer

__all__ = [
    "RULES", "Provocation", "Startable", "Targets", "Watch", "burst", "clients_leave", "hastened",
    "killed_clickhouse", "killed_flow", "killed_kafka", "left_alone", "lost_target", "names_of", "open_transaction",
    "refused_rules", "refusing_collector", "restarting_flow", "slipping", "stalled_leader", "stalled_redis",
    "vanishing_records",
]  # fmt: skip

RULES: Final = Path(__file__).parents[2] / "docker" / "prometheus" / "alerts.yml"
BUDGETS: Final = ("BudgetBurnsFast", "BudgetBurns", "BudgetBurnsSlowly")
UNSTEADY: Final = {
    "LatencyHigh", *(f"{name} of {objective}" for name in BUDGETS for objective in ("delivery", "answer-time"))
}  # fmt: skip
"""What a busy machine may fire by itself: these are about parts of a second."""
WITHIN_S: Final = 60.0
CALM_S: Final = 12.0
CALM_WITHIN_S: Final = 120.0
CLEAR_S: Final = 60.0
LOOK_S: Final = 0.25
STARTS: Final = 4
_pause: Final = threading.Event()


def names_of(rules: str) -> set[str]:
    """The alerts that the rules have."""
    return {rule["alert"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"] if "alert" in rule}


def hastened(rules: str) -> str:
    """``rules`` with seconds for minutes, and nothing else changed.

    A day stays long, so that what is gone is missed, and starts may take their time.
    """
    spans = {"1d": "10m", "15m": "90s"}
    rules = re.sub(r"for: (\w+)", lambda found: f"for: {'6s' if found[1] in {'15m', '30m'} else '2s'}", rules)
    rules = rules.replace("interval: 30s", "interval: 1s")
    rules = re.sub(r"\[(\w+)(:\w+)?\]", lambda found: f"[{spans.get(found[1], '10s')}{':1s' * bool(found[2])}]", rules)
    return rules.replace("offset 5m", "offset 15s").replace("offset 1h", "offset 40s")


class Targets:
    """What Prometheus scrapes: ports of this machine by job, in files that it looks at each second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.ports: dict[str, tuple[int, ...]] = {}

    def say(self, job: str, *ports: int) -> None:
        self.ports[job] = ports
        new = self._folder / "new"
        new.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]))
        new.rename(self._folder / f"{job}.json")

    def configuration(self, folder: Path) -> str:
        """For jobs ``flows``, ``gateway`` and ``ingest``; the rules, hastened, are written into ``folder``."""

        def job(name: str) -> dict[str, Any]:
            files = {"files": [str(self._folder / f"{name}.json")], "refresh_interval": "1s"}
            return {"job_name": name, "file_sd_configs": [files]}

        (rules := folder / "hastened.yml").write_text(hastened(RULES.read_text("utf-8")))
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        jobs = [job("flows"), job("gateway"), job("ingest")]
        return yaml.safe_dump({"global": every, "rule_files": [str(rules)], "scrape_configs": jobs})


def nothing() -> None:
    """What needn't be undone."""


@dataclass(frozen=True)
class Provocation:
    """``names``: the alerts that ``do`` must fire, as ``name_of`` has them. ``clears``: whether all end soon after
    ``undo``."""

    how: str
    names: tuple[str, ...]
    do: Callable[[], object]
    undo: Callable[[], object] = nothing
    clears: bool = True


@dataclass
class Fired:
    """One row of the table. gone_within_s: of undoing it, as far as anybody looked; None for what needn't end."""

    how: str
    after_s: float
    gone_within_s: float | None = None


@dataclass
class Watch:
    """What fires, and how long it took from each provocation. ``troubles``: a line for each that wasn't as it must."""

    prometheus: PrometheusServer
    say: Callable[[str], object] = print
    fired: dict[str, Fired] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _undone: dict[str, float] = field(default_factory=dict)
    """Alerts that should clear, and since when."""

    def firing(self) -> set[str]:
        """Also notes what has cleared."""
        alerts = self.prometheus.ask("alerts")["alerts"]
        found = {name_of(each["labels"]) for each in alerts if each["state"] == "firing"}
        for name in self._undone.keys() - found:
            self.fired[name].gone_within_s = time.monotonic() - self._undone.pop(name)
        return found

    def await_calm(self, seconds: float = CALM_S) -> None:
        """Until nothing has fired for so long; a start may disturb. What goes on firing is a trouble."""
        began = quiet_since = time.monotonic()
        found: set[str] = set()
        while time.monotonic() < quiet_since + seconds:
            if now := self.firing() - UNSTEADY:
                found, quiet_since = now, time.monotonic()
            if time.monotonic() > began + CALM_WITHIN_S:
                self._trouble(f"{', '.join(sorted(found))} fired in the calm")
                return
            _pause.wait(LOOK_S)

    def provoke(self, what: Provocation) -> None:
        """Do it once its alerts are silent, wait for them, undo it."""
        waiting, deadline = set(what.names), time.monotonic() + WITHIN_S
        while (early := self.firing() & waiting) and time.monotonic() < deadline:
            _pause.wait(LOOK_S)
        for name in early:
            self._trouble(f"{name} fired before {what.how}")
        began = time.monotonic()
        what.do()
        deadline = time.monotonic() + WITHIN_S
        while waiting and time.monotonic() < deadline:
            for name in waiting & self.firing():
                self.fired[name] = Fired(what.how, time.monotonic() - began)
                self.say(f"{name}: {what.how}, {self.fired[name].after_s:.0f} s")
                waiting.discard(name)
            _pause.wait(LOOK_S)
        what.undo()
        for name in waiting:
            self._trouble(f"{name} didn't fire: {what.how}")
        if what.clears:
            self._undone |= dict.fromkeys(set(what.names) & self.fired.keys(), time.monotonic())

    def await_clear(self) -> None:
        """Until what was undone has cleared; what hasn't is a trouble."""
        deadline = time.monotonic() + CLEAR_S
        while self._undone and time.monotonic() < deadline:
            self.firing()
            _pause.wait(LOOK_S)
        for name in self._undone:
            self._trouble(f"{name} didn't clear")
        self._undone.clear()

    def alerts(self) -> set[str]:
        """Names of the alerts that fired when they were provoked."""
        return {name.split(" of ")[0] for name in self.fired}

    def table(self) -> str:
        lines = ["| alert | provoked by | fires after | gone within |", "|---|---|---|---|"]
        for name, row in self.fired.items():
            gone = "" if row.gone_within_s is None else f"{row.gone_within_s:.0f} s"
            lines.append(f"| {name} | {row.how} | {row.after_s:.0f} s | {gone} |")
        return "\n".join(lines)

    def _trouble(self, line: str) -> None:
        self.say(line)
        self.troubles.append(line)


def name_of(labels: dict[str, str]) -> str:
    """An alert's name; with the server that is down and the objective that is missed, as "ServerDown of redis"."""
    whose = labels.get("objective") or labels.get("server")
    return labels["alertname"] + (f" of {whose}" if whose else "")


class Startable(Protocol):
    """A flow under no supervisor."""

    def start(self) -> None:
        """Returns when it answers."""

    def kill(self) -> None:
        """SIGKILL."""

    @property
    def pids(self) -> Iterable[int]: ...


class Losable(Startable, Protocol):
    def start_losing(self) -> None:
        """As ``start``, with the defect of tests.drill.losing."""


def slipping(market: object, flaw: str, how: str, *names: str, clears: bool = True) -> Provocation:
    """Producers go wrong: ``market`` has the attribute ``flaw``, false while all is well."""
    assert getattr(market, flaw) is False
    return Provocation(
        how, names, lambda: setattr(market, flaw, True), lambda: setattr(market, flaw, False), clears
    )  # fmt: skip


def refusing_collector(collector: Collector) -> Provocation:
    return Provocation(
        "the collector of spans refuses them", ("TracesLost",),
        lambda: setattr(collector, "answer", 400), lambda: setattr(collector, "answer", 200),
    )  # fmt: skip


def open_transaction(bootstrap: str, topic: str, value: bytes) -> Provocation:
    """``value`` is a record of the topic; flows never see it."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": uuid4().hex})

    def leave_open() -> None:
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(10)

    how = "a producer leaves its transaction open"
    return Provocation(how, ("TransactionOpen",), leave_open, lambda: producer.abort_transaction(30))


def refused_rules(bootstrap: str, topic: str) -> Provocation:
    def write() -> None:
        producer = Producer({"bootstrap.servers": bootstrap})
        producer.produce(topic, b"no rule", b"stray")
        producer.flush(10)

    return Provocation("a record of the topic of rules is no rule", ("RulesRefused",), write)


def killed_clickhouse(clickhouse: FolderServer, rest: str) -> Provocation:
    """While a desk's alerts, which only ClickHouse has, are asked of the gateway at the address ``rest``."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{rest}/api/alerts", timeout=30).close()

    asking = threading.Thread(target=ask)

    def do() -> None:
        clickhouse.kill()
        asking.start()

    def undo() -> None:
        ended.set()
        asking.join()
        clickhouse.start()

    burnt = tuple(f"{name} of answers" for name in BUDGETS)
    how = "ClickHouse is killed, and a desk's alerts are asked for"
    return Provocation(how, ("ServerDown of clickhouse", "GatewayErrors", "GatewayBreakerOpen", *burnt), do, undo)


def clients_leave(close: Callable[[], object]) -> Provocation:
    """``close`` ends over half of twenty WebSocket clients or more, which came fifteen seconds ago."""
    return Provocation("over half of the clients leave at once", ("ClientsVanish",), close)


def stalled_redis(redis: FolderServer) -> Provocation:
    names = ("ServerDown of redis", "PositionStands", "GatewayInputLost")
    return Provocation("Redis is stopped (SIGSTOP)", names, redis.pause, redis.resume)


def burst(redis: FolderServer, send: Callable[[], object]) -> Provocation:
    """``send`` brings over 100,000 records to one flow."""

    def do() -> None:
        redis.pause()
        send()

    how = "Redis is stopped, and over 100,000 trades come meanwhile"
    return Provocation(how, ("LagGrows", "LagLasts"), do, redis.resume)


def killed_kafka(broker: KafkaBroker) -> Provocation:
    """An ingester runs."""
    return Provocation("the broker is killed", ("ServerDown of kafka", "FeedBrokerDown"), broker.kill, broker.start)


def killed_flow(flow: Startable) -> Provocation:
    """Of its kind it is the only one."""
    return Provocation("the flow is killed", ("FlowDown", "FlowGone"), flow.kill, flow.start)


def restarting_flow(flow: Startable) -> Provocation:
    """It runs when it is begun and afterwards."""

    def start_again() -> None:
        for _ in range(STARTS):
            flow.kill()
            flow.start()
            _pause.wait(2)  # it is scraped each second

    return Provocation(f"the flow starts {STARTS} times within a minute", ("FlowRestarts",), start_again, clears=False)


def vanishing_records(flow: Losable) -> Provocation:
    """It starts with a defect of ours, and then without: counters begin anew."""

    def do() -> None:
        flow.kill()
        flow.start_losing()

    def undo() -> None:
        flow.kill()
        flow.start()

    return Provocation("a flow with a defect loses trades behind its own back", ("CountsDoNotAddUp",), do, undo)


def left_alone(standby: Startable) -> Provocation:
    """It stands by for a leader that goes on."""
    return Provocation("the standby is killed", ("NoStandby",), standby.kill, standby.start)


def stalled_leader(leader: Startable) -> Provocation:
    """Who stands by takes the lease, and waits for the recovery folder. The leader ends by itself when it goes on."""

    def tell(number: signal.Signals) -> None:
        for pid in leader.pids:
            os.kill(pid, number)

    return Provocation(
        "the leader is stopped (SIGSTOP)", ("NoLeader",), lambda: tell(signal.SIGSTOP), lambda: tell(signal.SIGCONT)
    )


def lost_target(targets: Targets, job: str, *names: str) -> Provocation:
    ports: Sequence[int] = targets.ports[job]
    return Provocation(
        f"{job}: no target any more", names, lambda: targets.say(job), lambda: targets.say(job, *ports)
    )  # fmt: skip
