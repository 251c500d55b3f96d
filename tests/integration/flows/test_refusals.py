"""Every failing start and every permanent refusal of a running flow: exit 2, in one line that names it, within 10 s.

Each case is tried with one partition and one process, and with several of both. The runs of all cases go side by side
on shared servers when the first result is asked for; the tests only look at what came out.
"""

import contextlib
import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from clickhouse_driver import Client
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings, load_settings
from sinks.clickhouse.migrations import migrate
from tests.chaos.world import accounts_of, free_ports_in_a_row, until
from tests.integration.flows.market_feeding import KEEP, SYMBOLS, feed, tape
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker, make_topic
from tests.servers.redis import RedisServer
from tests.servers.registry import RegistryServer

RECORDS = 400
WITHIN_S = 10
COMMAND = "import sys; from tapeflow.cli import main; sys.exit(main())"
LOGINS = ("few", "some")
WORD = "secret"
OURS = ["~price:*", "~symbol:*", "~candle:*", "~candles:*", "~md:*"]


class Shape(NamedTuple):
    partitions: int
    processes: int


SHAPES = {"one": Shape(1, 1), "several": Shape(4, 1), "cluster": Shape(4, 2)}


@dataclass
class Servers:
    """What all cases share; each takes a database of its own."""

    kafka: KafkaBroker
    redis: RedisServer
    replica: RedisServer
    clickhouse: ClickHouseServer
    web: RegistryServer
    folder: Path


@dataclass
class Run:
    """One flow of one case, before it starts."""

    servers: Servers
    flow: str
    shape: Shape
    folder: Path
    number: int
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        servers, number = self.servers, self.number
        return load_settings(
            kafka_bootstrap=servers.kafka.bootstrap,
            kafka_topic=f"trades-{self.shape.partitions}",
            clickhouse_dsn=servers.clickhouse.dsn,
            clickhouse_database=f"case_{number}",
            redis_url=f"redis://127.0.0.1:{servers.redis.port}/{number}",
            recovery_dir=self.folder / "recovery",
            dead_letters_from="none",
            epoch_ms=200,
            dedupe=False,
            metrics_port=free_ports_in_a_row(self.shape.processes),
        ).model_copy(update=self.changes)

    def redis(self) -> "redis.Redis":
        return redis.Redis(port=self.servers.redis.port, db=self.number)

    def clickhouse(self, statement: str) -> Any:
        with Client.from_url(self.servers.clickhouse.dsn) as client:
            return client.execute(statement.format(database=f"case_{self.number}"))

    def login(self, *rules: str) -> None:
        """Take a Redis user of this case that has all rights but what the rules take."""
        name = f"user{self.number}"
        self.redis().execute_command("ACL", "SETUSER", name, "on", f">{WORD}", "+@all", "&*", *OURS, *rules)
        self.changes["redis_url"] = f"redis://{name}:{WORD}@127.0.0.1:{self.servers.redis.port}/{self.number}"

    def kafka_login(self, name: str = "few", **changes: Any) -> None:
        """Come as a Kafka login that may read every topic; ``some`` may also write to one that nobody asks for."""
        properties = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": name,
            "sasl.password": WORD,
        }
        self.changes |= {
            "kafka_bootstrap": self.servers.kafka.login_bootstrap,
            "kafka_properties": properties,
            **changes,
        }

    def topic(self, name: str, config: Mapping[str, str] | None = None) -> str:
        """A topic of this case."""
        return make_topic(self.servers.kafka.bootstrap, f"{name}-{self.number}", 1, dict(config or {}))

    @property
    def disk(self) -> Path:
        """The recovery folder, as a small file system of its own."""
        return self.folder / "recovery"

    def mount(self, options: str) -> None:
        self.disk.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.disk)], check=True)

    def unmount(self) -> None:
        if self.disk.is_mount():
            subprocess.run(["umount", "-l", str(self.disk)], check=True)

    def fill(self) -> None:
        with contextlib.suppress(OSError), (self.disk / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))


Prepare = Callable[[Run], object]


@dataclass
class Case:
    """``says``: words that the line must hold. ``breaks``: what is done to a flow that runs; else it fails at once."""

    flow: str
    prepare: Prepare
    says: tuple[str, ...]
    breaks: Prepare | None = None
    shapes: tuple[str, ...] = ("several",)


class Outcome(NamedTuple):
    code: int
    said: list[str]
    seconds: float
    log: str


def nothing(_run: Run) -> None:
    """The case breaks later."""


def redis_case(*rules: str, says: tuple[str, ...], shapes: tuple[str, ...] = ("several",)) -> Case:
    return Case("live", lambda run: run.login(*rules), says, shapes=shapes)


def bad_letters(run: Run, config: Mapping[str, str] | None = None, **changes: Any) -> None:
    """A topic where every partition has a record that is refused, and a topic for it."""
    letters = run.topic("letters", config)
    run.kafka_login(kafka_topic=f"bad-{run.shape.partitions}", dead_letter_topic=letters, **changes)
    run.changes["dead_letters_from"] = "both"


def revoke(run: Run) -> None:
    run.redis().execute_command("ACL", "SETUSER", f"user{run.number}", "-xadd")


def change_password(run: Run) -> None:
    name = f"user{run.number}"
    run.redis().execute_command("ACL", "SETUSER", name, "resetpass", ">another")
    run.redis().execute_command("CLIENT", "KILL", "USER", name)


ALL = ("one", "several", "cluster")
CASES = {
    "redis without PING": redis_case("-ping", says=("PING", "user", "right")),
    "redis without INFO": redis_case("-info", says=("INFO", "user", "right"), shapes=("one", "several")),
    "redis without SCRIPT LOAD": redis_case("-script", says=("SCRIPT", "user", "right")),
    "redis without EVALSHA": redis_case("-evalsha", says=("EVALSHA", "user", "right"), shapes=("one", "several")),
    "redis without XADD": redis_case("-xadd", says=("XADD", "md:deltas:", "user", "right"), shapes=ALL),
    "redis without MSET": redis_case("-mset", says=("MSET", "candle:", "right")),
    "redis without HSET": redis_case("-hset", says=("HSET", "symbol:", "right")),
    "redis with a foreign prefix": redis_case(
        "resetkeys", "~other:*", says=("md:", "right", "~md:*"), shapes=("one", "several")
    ),
    "redis without the key of candles": redis_case(
        "resetkeys", "~md:*", "~candle:*", "~price:*", "~symbol:*", says=("candles:", "right")
    ),
    "redis with another login": Case(
        "live",
        lambda run: run.changes.update(redis_url=f"redis://user:wrong@127.0.0.1:{run.servers.redis.port}/0"),
        ("Redis refused the login",),
        shapes=("cluster",),
    ),
    "redis is a replica": Case(
        "live",
        lambda run: run.changes.update(redis_url=f"redis://127.0.0.1:{run.servers.replica.port}/0"),
        ("replica", "primary"),
    ),
    "redis holds another type": Case(
        "live",
        lambda run: run.redis().mset({f"symbol:{name}": "x" for name in SYMBOLS}),
        ("symbol:", "another type"),
        shapes=("one", "several"),
    ),
    "redis takes XADD away": Case("live", Run.login, ("XADD", "md:deltas:", "right"), breaks=revoke),
    "redis takes the login away": Case("live", Run.login, ("Redis refused the login",), breaks=change_password),
    "clickhouse loses a table": Case(
        "history", nothing, ("bars", "tapeflow migrate"),
        breaks=lambda run: run.clickhouse("DROP TABLE {database}.bars SYNC"), shapes=ALL,
    ),
    "clickhouse loses the database": Case(
        "history", nothing, ("case_", "tapeflow migrate"),
        breaks=lambda run: run.clickhouse("DROP DATABASE {database} SYNC"),
    ),
    "clickhouse changes a type": Case(
        "history", nothing, ("bars", "column close of type Float64"),
        breaks=lambda run: run.clickhouse("ALTER TABLE {database}.bars MODIFY COLUMN close Float64"),
    ),
    "clickhouse has a constraint": Case(
        "history",
        lambda run: run.clickhouse("ALTER TABLE {database}.trades ADD CONSTRAINT none CHECK symbol = ''"),
        ("trades", "Constraint"),
    ),
    "clickhouse without INSERT": Case(
        "history",
        lambda run: run.changes.update(clickhouse_dsn=f"{run.servers.clickhouse.dsn}?readonly=1"),
        ("user default", "INSERT on case_", "right"),
        shapes=("one", "several"),
    ),
    "kafka without READ": Case("history", lambda run: run.kafka_login(kafka_topic="hidden"), ("hidden", "READ")),
    "kafka without WRITE on the dead letters": Case(
        "history", bad_letters, ("WRITE on topic letters-", "right"), shapes=ALL
    ),
    "kafka without CREATE of the dead letters": Case(
        "history",
        lambda run: run.kafka_login(dead_letter_topic=f"none-{run.number}", dead_letters_from="both"),
        ("CREATE on topic none-", "right"),
    ),
    "kafka without WRITE on the bars": Case(
        "live", lambda run: run.kafka_login("some", bars_topic=run.topic("bars")), ("WRITE on topic bars-", "right"),
        shapes=("one", "several"),
    ),
    "kafka takes no message so large": Case(
        "live",
        lambda run: run.changes.update(bars_topic=run.topic("small", {"max.message.bytes": "10"})),
        ("topic small-", "large"),
    ),
    "kafka loses the topic of bars": Case(
        "live", lambda run: run.changes.update(bars_topic=run.topic("lost")), ("no topic lost-",),
        breaks=lambda run: delete(run, "lost"),
    ),
    "kafka without WRITE on the re-keyed topic": Case(
        "rekey", lambda run: run.kafka_login("some", rekey_topic=run.topic("bars")), ("right is missing",)
    ),
    "the registry isn't there": Case(
        "history",
        lambda run: run.changes.update(schema_registry_url="http://127.0.0.1:1"),
        ("Schema Registry doesn't answer",),
    ),
    "the registry is a web server": Case(
        "history",
        lambda run: run.changes.update(schema_registry_url=run.servers.web.url),
        ("no Schema Registry answers there", "check the URL"),
        shapes=("one", "cluster"),
    ),
    "the recovery folder is too small": Case(
        "history", lambda run: run.mount("size=64k"), ("recovery", "full", "make room")
    ),
    "the recovery folder is read-only": Case(
        "history", lambda run: run.mount("ro,size=64m"), ("recovery", "TAPEFLOW_RECOVERY_DIR"),
        shapes=("one", "cluster"),
    ),
    "the recovery folder gets full": Case(
        "history", lambda run: run.mount("size=8m"), ("recovery", "make room"),
        breaks=lambda run: run.fill(), shapes=ALL,
    ),
}  # fmt: skip


def delete(run: Run, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": run.servers.kafka.bootstrap})
    admin.delete_topics([f"{name}-{run.number}"])[f"{name}-{run.number}"].result(10)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "first").mkdir()
    (folder / "second").mkdir()
    with (
        KafkaBroker(folder, users=dict.fromkeys(LOGINS, WORD)) as kafka,
        RedisServer(folder / "first", "--databases", "200") as primary,
        RedisServer(folder / "second", "--replicaof", "127.0.0.1", str(primary.port)) as replica,
        ClickHouseServer(folder) as clickhouse,
        RegistryServer() as web,
    ):
        web.web = 404
        grant(kafka)
        for partitions in {shape.partitions for shape in SHAPES.values()}:
            for name in ("trades", "bad"):
                make_topic(kafka.bootstrap, f"{name}-{partitions}", partitions, KEEP)
            add_records(kafka, f"trades-{partitions}", partitions)
            add_bad_records(kafka, f"bad-{partitions}", partitions)
        make_topic(kafka.bootstrap, "hidden", 1, KEEP)
        yield Servers(kafka, primary, replica, clickhouse, web, folder)


def grant(kafka: KafkaBroker) -> None:
    """READ and DESCRIBE on every topic but ``hidden``, DESCRIBE where bars and letters go."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})

    def rule(resource: Any, name: str, pattern: Any, operation: Any, login: str = "*") -> AclBinding:
        return AclBinding(resource, name, pattern, f"User:{login}", "*", operation, AclPermissionType.ALLOW)

    topic, prefixed, literal = ResourceType.TOPIC, ResourcePatternType.PREFIXED, ResourcePatternType.LITERAL
    rules = [
        rule(ResourceType.GROUP, "*", literal, AclOperation.READ),
        rule(topic, "hidden", literal, AclOperation.DESCRIBE),
        rule(topic, "elsewhere", literal, AclOperation.WRITE, "some"),
        *(rule(topic, prefix, prefixed, AclOperation.READ) for prefix in ("trades", "bad")),
        *(rule(topic, prefix, prefixed, AclOperation.DESCRIBE) for prefix in ("letters", "bars", "none")),
    ]
    for each in admin.create_acls(rules).values():
        each.result(10)


def add_records(kafka: KafkaBroker, topic: str, partitions: int, minutes: int = 10) -> None:
    """Trades up to so many minutes after a fixed time; more minutes than before close bars."""
    feed(
        load_settings(kafka_bootstrap=kafka.bootstrap, kafka_topic=topic),
        tape(RECORDS, minutes, partitions=partitions),
        partitions,
    )


def add_bad_records(kafka: KafkaBroker, topic: str, partitions: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for partition in range(partitions):
        producer.produce(topic, b"no trade", b"key", partition=partition)
    assert producer.flush(30) == 0


def play(case: Case, run: Run) -> Outcome:
    """One case in one shape."""
    run.folder.mkdir()
    kafka, partitions, topic = run.servers.kafka, run.shape.partitions, ""
    log = run.folder / "flow.log"
    if case.flow == "history":
        with Client.from_url(run.servers.clickhouse.dsn) as client:
            migrate(client, f"case_{run.number}")
    if case.breaks:
        run.changes["kafka_topic"] = topic = f"own-{run.number}"
        make_topic(kafka.bootstrap, topic, partitions, KEEP)
        add_records(kafka, topic, partitions)
    try:
        return watched(case, run, topic, log)
    finally:
        run.unmount()


def watched(case: Case, run: Run, topic: str, log: Path) -> Outcome:
    case.prepare(run)
    with log.open("wb") as file:
        flow = FlowProcess(case.flow, run.settings, run.shape.processes, log=file)
        flow.start()
    began = time.monotonic()
    try:
        if case.breaks:
            until(lambda: read_by(flow) == RECORDS or flow.poll() is not None, 60, "the flow to read")
            case.breaks(run)
            began = time.monotonic()
            add_records(run.servers.kafka, topic, run.shape.partitions, minutes=60)
        until(lambda: flow.poll() is not None, 40, f"an end of {log}")
        code = flow.end_after_failure()
        seconds = time.monotonic() - began
    finally:
        flow.kill()
    text = log.read_text()
    return Outcome(code, [line for line in text.splitlines() if line.startswith("tapeflow: ")], seconds, text)


def read_by(flow: FlowProcess) -> int:
    return sum(each["read"] for each in accounts_of(flow.metrics()).values())


@functools.cache
def can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True)
        return mounted.returncode == 0 and subprocess.run(["umount", folder], check=False).returncode == 0


PLAYED = [(name, shape) for name, case in CASES.items() for shape in case.shapes]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, servers: Servers) -> Iterator[dict[tuple[str, str], Future[Outcome]]]:
    """Of the chosen cases, which run four at a time."""
    wanted = {
        item.callspec.id for item in request.session.items if item.path == request.path and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(4) as pool:
        yield {
            (name, shape): pool.submit(
                play, CASES[name], Run(servers, CASES[name].flow, SHAPES[shape], servers.folder / str(number), number)
            )
            for number, (name, shape) in enumerate(PLAYED, 1)
            if f"{name}-{shape}" in wanted
        }


@pytest.mark.parametrize(("name", "shape"), PLAYED, ids=[f"{name}-{shape}" for name, shape in PLAYED])
def test_a_refusal_is_one_line_and_exit_code_2_within_10_seconds(
    outcomes: dict[tuple[str, str], Future[Outcome]], name: str, shape: str
) -> None:
    if "recovery folder" in name and not can_mount():
        pytest.skip("needs the right to mount a small file system")
    outcome = outcomes[name, shape].result(120)
    assert outcome.code == 2, outcome.log
    assert len(outcome.said) == 1, outcome.log
    for words in CASES[name].says:
        assert words in outcome.said[0]
    for foreign in ("Traceback", "panicked", "PanicException"):
        assert foreign not in outcome.log
    assert outcome.seconds < WITHIN_S, outcome.log


def test_a_full_disk_ends_a_replay_in_one_line(servers: Servers, tmp_path: Path) -> None:
    """Its spools and its progress lie in the recovery folder too."""
    if not can_mount():
        pytest.skip("needs the right to mount a small file system")
    run = Run(servers, "replay", SHAPES["several"], tmp_path, 0)
    run.mount("size=700k")
    try:
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, "replay", "--into", str(tmp_path / "bars.csv")],
            env=worker_environment(run.settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        run.unmount()
    said = [line for line in ended.stderr.splitlines() if line.startswith("tapeflow: ")]
    assert ended.returncode == 2, ended.stderr
    assert len(said) == 1, ended.stderr
    assert "full" in said[0] or "No space left" in said[0]
    assert "Traceback" not in ended.stderr
