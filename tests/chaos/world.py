"""The killer's world: a real broker, redis-server and ClickHouse, flows as processes, and tapes that never end.

Faults act on it, the checker reads from it. Whatever ends is started again, as a supervisor would, and an end that
nobody caused is a difference. Waiting for a flow is waiting for its account, which only grows when its first batch is
through. So a recovery is measured from the start of a process to its first work.
"""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import redis

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from flows.analytics_reading import desk_settings, desk_topics
from flows.quotes_reading import quotes_settings
from flows.reading import read_options
from jobs.produce.kafka_writer import ensure_topic
from oracle.truth import OracleTrade
from processes.runner import FlowProcess, Samples
from processes.warm import compile_kernels
from runtime.settings.whole import Settings, load_settings
from schemas.names import TRADES_TOPIC, dead_letter_topic
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.clickhouse.migrations import migrate
from tests.chaos.clock import HostClock
from tests.chaos.desk import DESK_PARTITIONS, DeskTape, check_desk
from tests.chaos.feeder import Feeder
from tests.chaos.follower import StreamFollower
from tests.chaos.quotes import QUOTES_PARTITIONS, QuoteTape, check_quotes
from tests.chaos.rules import Users
from tests.chaos.tape import Tape
from tests.chaos.truth import Accounts, Truth, Verdict
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker
from tests.servers.redis import RedisServer
from tests.servers.registry import RegistryServer

__all__ = ["EVERY_FLOW", "Flow", "World", "accounts_of", "until"]

PARTITIONS: Final = 4
EVERY_FLOW: Final = ("live", "history", "analytics", "alerts", "quotes")
UP_S: Final = 120.0
SETTLE_S: Final = 120.0
ALIKE_S: Final = 20.0
LOOK_S: Final = 0.1
EXPECTED_LINES: Final = (
    "does not answer",
    "did not answer",
    "doesn't answer",
    "stopped while",
    "stopped without the last epoch",
)
POSITION: Final = "tapeflow_position_offset"
COUNTED: Final = {"analytics": "tapeflow_desk_records_total", "quotes": "tapeflow_quotes_total"}
"""Flows without an account, and what they count once their first batch is through."""
_pause: Final = threading.Event()


def until(done: Callable[[], object], seconds: float, what: str) -> None:
    """Waits for ``done`` and raises TimeoutError, saying ``what``, when it takes longer."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        _pause.wait(LOOK_S)


def rest(seconds: float) -> None:
    """Let the world go on."""
    _pause.wait(seconds)


def accounts_of(samples: Samples) -> Accounts:
    """Partition -> outcome -> records, from a flow's metrics."""
    found: Accounts = {}
    for (name, labels), value in samples.items():
        label = dict(labels)
        if name == "tapeflow_account_unjudged":
            found.setdefault(int(label["partition"]), {})["unjudged"] = int(value)
        if name == "tapeflow_account_records":
            found.setdefault(int(label["partition"]), {})[label["outcome"]] = int(value)
    return found


class Flow:
    """One flow under a supervisor. ``processes`` is how many the next start makes."""

    def __init__(self, name: str, settings: Settings, log: Path, clock: HostClock) -> None:
        self.name, self.log, self.clock = name, log, clock
        self.processes = 1
        self.starts = 0
        self.recoveries_s: list[float] = []
        self.unexpected: list[str] = []
        self._settings = settings
        self._run: FlowProcess | None = None
        self._started_s = 0.0
        self._is_up = False
        self._read_from = 0

    @property
    def pids(self) -> list[int]:
        return self._run.pids if self._run is not None else []

    def start(self) -> None:
        settings = self._settings.model_copy(update={"metrics_port": free_ports_in_a_row(self.processes)})
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log, self.clock.seen():
            self._run = FlowProcess(self.name, settings, self.processes, log)
            self._run.start()
        self.starts += 1
        self._started_s, self._is_up = time.monotonic(), False

    def tend(self) -> None:
        """Start it again if it has ended, and remember why if nobody knows."""
        if self._run is None:
            self.start()
        elif (code := self._run.poll()) is not None:
            self._run.kill()
            last = self.last_line()
            if not any(words in last for words in EXPECTED_LINES) and self.processes == 1:
                self.unexpected.append(f"{self.name} ended by itself with {code}: {last}")
            self._run = None
            self.start()

    def await_up(self) -> None:
        """Until it has done its first work since the start."""
        until(self._look, UP_S, f"{self.name} to come up: {self.last_line()}")

    def _look(self) -> bool:
        if not self._is_up:
            self.tend()
            if self.records_read():
                self._is_up = True
                self.recoveries_s.append(time.monotonic() - self._started_s)
        return self._is_up

    def kill(self, pid: int | None = None) -> None:
        """SIGKILL for all processes, or for one first: the others can't go on without it."""
        if self._run is None:
            return
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            rest(0.2)
        self._run.kill()
        self._run = None

    def stop(self) -> None:
        """As an operator would; must end well and in time."""
        if self._run is None:
            return
        began = time.monotonic()
        code = self._run.stop()
        took_s = time.monotonic() - began
        if code or took_s > 10:
            self.unexpected.append(f"{self.name} stopped with {code} after {took_s:.1f} s: {self.last_line()}")
        self._run = None

    def accounts(self) -> Accounts:
        return accounts_of(self._run.metrics()) if self._run is not None else {}

    def records_read(self) -> int:
        """Since the state was new, over restarts; 0 before the first work of this start."""
        samples = self._run.metrics() if self._run is not None else {}
        if self.name in COUNTED:
            has_begun = any(name == COUNTED[self.name] for name, _ in samples)
            return sum(int(value) for (name, _), value in samples.items() if has_begun and name == POSITION)
        return sum(each.get("read", 0) for each in accounts_of(samples).values())

    def last_line(self) -> str:
        if not self.log.exists():
            return "nothing said"
        with self.log.open("rb") as log:
            log.seek(self._read_from)
            lines = log.read().decode(errors="replace").splitlines()
        said = [line for line in lines if line.startswith("tapeflow: ")]
        return (said or lines or ["nothing said"])[-1]


class World:
    """Everything, up and running, as a context manager. ``folder`` holds data, recovery state and logs.

    flows: which run; a desk, quotes and users with rules are there where a flow is.
    """

    def __init__(self, folder: Path, *, seed: int, rate: int = 200, flows: Sequence[str] = ("live", "history"),
                 make_flow: "Callable[[str, Settings, Path, HostClock], Flow] | None" = None) -> None:  # fmt: skip
        self.folder = folder
        self._make_flow = make_flow or Flow
        self.desk: DeskTape | None = None
        self.quotes: QuoteTape | None = None
        self.users: Users | None = None
        self.was_wiped = False
        self._names = flows
        self.broker = KafkaBroker(folder)
        self.redis = RedisServer(folder)
        self.clickhouse = ClickHouseServer(folder)
        self.registry = RegistryServer()
        self._seed, self._rate = seed, rate
        self._open: list[Callable[[], object]] = []

    def __enter__(self) -> "World":
        try:
            self._start()
        except BaseException:
            # Also for Ctrl-C while starting: leave no server behind, then let it go on.
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        while self._open:
            self._open.pop()()

    def _start(self) -> None:
        compile_kernels()  # so that no flow compiles while its recovery is measured
        self.registry.__enter__()
        self._open.append(lambda: self.registry.__exit__(None, None, None))
        for server in (self.broker, self.redis, self.clickhouse):
            self._open.append(server.close if isinstance(server, KafkaBroker) else server.stop)
            server.start()
        self.settings = self._make_settings()
        client = connect_clickhouse(self.settings.clickhouse_dsn)
        migrate(client, self.settings.clickhouse_database)
        client.disconnect()
        # The tape has times of its own: by the host's clock all of it would have expired.
        self.broker.make_topic(TRADES_TOPIC, PARTITIONS, {"retention.ms": "-1"})
        ensure_topic(self.broker.bootstrap, self.settings.dead_letter_topic, 1)
        self.client = redis.Redis(port=self.redis.port, socket_timeout=30)
        self.tape = self.make_tape(doubled=True)
        self.follower = StreamFollower(self.client, PARTITIONS, doubled=self.tape.doubled)
        on_applied = self._start_sides()
        self.truth = Truth(self.settings, self.follower, on_applied)
        self.clock = HostClock(self.folder)
        self.flows = {
            name: self._make_flow(name, self.settings, self.folder / f"{name}.log", self.clock) for name in self._names
        }
        for flow in self.flows.values():
            self._open.append(flow.kill)
            flow.start()
        for tape in self._tapes():
            tape.start()
            self._open.append(tape.close)

    def make_tape(self, *, doubled: bool) -> Tape:
        """``doubled``: whether some symbols lie in two partitions, which ``tapeflow verify`` calls a difference."""
        return Tape(
            self.broker.bootstrap, TRADES_TOPIC, self.registry, seed=self._seed, rate=self._rate, partitions=PARTITIONS,
            doubled=doubled,
        )  # fmt: skip

    def _tapes(self) -> list[Feeder]:
        return [tape for tape in (self.tape, self.desk, self.quotes) if tape is not None]

    def _start_sides(self) -> Callable[[OracleTrade], None]:
        """What the flows beside live and history read; gives what takes applied trades."""
        if "analytics" in self._names:
            for kind, topic in desk_topics(self.settings).items():
                self.broker.make_topic(topic, DESK_PARTITIONS[kind])
                ensure_topic(self.broker.bootstrap, dead_letter_topic(topic), 1)
            self.desk = DeskTape(self.settings, seed=self._seed)
        if "quotes" in self._names:
            # As the tape, quotes have times of their own.
            self.broker.make_topic(self.settings.quotes_topic, QUOTES_PARTITIONS, {"retention.ms": "-1"})
            ensure_topic(self.broker.bootstrap, dead_letter_topic(self.settings.quotes_topic), 1)
            self.quotes = QuoteTape(self.settings, self.tape.symbols, seed=self._seed)
        if "alerts" not in self._names:
            return lambda _trade: None
        self.broker.make_topic(self.settings.alert_rules_topic, 1, {"cleanup.policy": "compact"})
        symbols = sorted(set(self.tape.symbols) - self.tape.doubled)
        self.users = Users(self.settings, self.client, symbols, seed=self._seed)
        return self.users.take

    def _make_settings(self) -> Settings:
        return load_settings(
            kafka_bootstrap=self.broker.bootstrap,
            kafka_topic=TRADES_TOPIC,
            # Shorter than the defaults, so that a stall of seconds is longer than every timeout.
            kafka_properties={"socket.timeout.ms": 3000, "reconnect.backoff.max.ms": 300},
            clickhouse_dsn=f"{self.clickhouse.dsn}/?send_receive_timeout=3&connect_timeout=2&sync_request_timeout=2",
            redis_url=self.redis.url,
            schema_registry_url=self.registry.url,
            dedupe=True,
            # Shorter than how late records come again, and than the hour after which ids begin anew.
            dedupe_window=400,
            dedupe_span_ms=600_000,
            idle_close_ms=1_500,
            quote_intervals="1m,1h",
            epoch_ms=700,
            conflation_ms=50,
            stream_minutes_max=10_000,
            stream_mb_max=10_000,
            candles_kept=100_000,
            candles_mb_max=100_000,
            recovery_dir=self.folder / "recovery",
            log_format="json",
        )

    def check(self) -> Verdict:
        """Let the flows read all there is, then hold everything against the truth."""
        for tape in self._tapes():
            tape.pause()
        records = self.truth.advance()
        for flow in self.flows.values():
            sent = self._records_of(flow.name) if flow.name in COUNTED else records
            until(lambda flow=flow, sent=sent: self._has_read(flow, sent), SETTLE_S, f"{flow.name} to read {sent}")
        if self.users is not None:
            self.users.settle()
            until(self.users.armed, SETTLE_S, "every rule to be armed")
        # What was read is written within an epoch; differences that stay are differences.
        verdict, deadline = Verdict(), time.monotonic() + ALIKE_S
        while True:
            accounts = {name: flow.accounts() for name, flow in self.flows.items() if name not in COUNTED}
            verdict = self.truth.check(accounts, self.client)
            if self.desk is not None:
                verdict.take(*check_desk(self.settings, self.client, was_wiped=self.was_wiped))
            if self.quotes is not None:
                verdict.take(*check_quotes(self.settings, self.client))
            if self.users is not None:
                verdict.take(*self.users.check(self.truth.ends, was_wiped=self.was_wiped))
            if not verdict.differences or time.monotonic() > deadline:
                break
            rest(1.0)
        for tape in self._tapes():
            tape.resume()
        return verdict

    def _records_of(self, flow: str) -> int:
        """Records of the topics that a flow beside the trades reads."""
        if flow == "quotes":
            read = [quotes_settings(self.settings)]
        else:
            read = [desk_settings(self.settings, topic) for topic in desk_topics(self.settings).values()]
        ranges = [ranges_between(read_options(own), Position("earliest"), Position("latest")) for own in read]
        return sum(end for each in ranges for _, end in each.values())

    def _has_read(self, flow: Flow, records: int) -> bool:
        flow.tend()
        return flow.records_read() >= records

    def unexpected(self) -> Iterable[str]:
        return [line for flow in self.flows.values() for line in flow.unexpected]


def free_ports_in_a_row(count: int) -> int:
    """The first of ``count`` neighbouring ports that nobody uses now.

    Below those that the system gives to clients: a probe of a port that isn't served yet could connect to itself.
    """
    while True:
        first = random.randrange(20_000, 32_000)
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
