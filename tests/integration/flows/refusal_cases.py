"""The cases of refusal: what is wrong with a server or a right, at the start or later, and the words that say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
)

from tests.integration.flows.market_feeding import SYMBOLS
from tests.integration.flows.refusal_run import Run

Prepare = Callable[[Run], object]


@dataclass
class Case:
    """``says``: words that the line must hold. ``breaks``: what is done to a flow that runs; else it fails at once."""

    flow: str
    prepare: Prepare
    says: tuple[str, ...]
    breaks: Prepare | None = None
    shapes: tuple[str, ...] = ("several",)


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
