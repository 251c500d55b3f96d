"""One flow of one case of refusal: the servers that all cases share, and what a case may do to its own part of them.

tests.integration.flows.refusal_cases says what each case does; each takes a database, a login or a topic of its own."""

import contextlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

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

from runtime.settings.whole import Settings, load_settings
from tests.chaos.world import free_ports_in_a_row
from tests.integration.flows.market_feeding import feed, tape
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker, make_topic
from tests.servers.redis import RedisServer
from tests.servers.registry import RegistryServer

RECORDS = 400

# What a second try adds to the number of its case; the servers have databases for both.
AGAIN = 100

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

    def again(self) -> "Run":
        """The same case once more, in a database and topics that nobody has used."""
        number = self.number + AGAIN
        return Run(self.servers, self.flow, self.shape, self.folder.parent / str(number), number)

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
