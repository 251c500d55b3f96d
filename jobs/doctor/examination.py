"""Looks at everything that tapeflow depends on: is it reachable, which version is it, what is to be done.

``tapeflow doctor`` prints what comes out. One check never stops the others, each ends within seconds, and a finding
that isn't ``ok`` says what to do. Secrets don't appear: checks speak of hosts and ports only.
"""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from connectors.kafka.ends import TopicEnds
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicQuestions
from flows.live import bounds_of
from flows.reading import read_options, registry_of
from jobs.doctor.desk import desk_findings, rules_findings
from jobs.doctor.finding import Finding
from jobs.doctor.quotes import quotes_findings
from jobs.doctor.redis import leader_found, redis_memory
from jobs.doctor.rights import clickhouse_findings, kafka_findings, redis_findings
from jobs.doctor.topic_sample import sample_topic
from jobs.told_sides import told_fields, told_sides
from jobs.topic_range import hidden_words
from local.ports import require_free
from processes.recovery_access import check_private
from runtime.settings.kafka import KafkaSettings
from runtime.settings.running import RunningSettings
from runtime.settings.whole import Settings
from schemas.errors import SettingError, TapeflowError
from schemas.names import leader_key
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.clickhouse.connection import place
from sinks.clickhouse.migrations import check_tables
from sinks.redis.bounds import RedisBounds
from sinks.redis.connection import asked, primaries_of
from sinks.redis.lease import holder_of
from sinks.redis.rights import server_info, symbol_count

__all__ = ["examine"]

FREE_BYTES_LEAST: Final = 2 << 30
REDIS_LEAST: Final = (6, 2)
CLICKHOUSE_LEAST: Final = (22, 8)
EVICTION_RIGHT: Final = "noeviction"


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> Iterator[Finding]:
    """Findings in the order of the data's way; the checks run side by side, as each may wait for a server."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        for asked in [pool.submit(_findings, name, check, settings) for name, check in CHECKS.items()]:
            yield from asked.result()


def _findings(name: str, check: Check, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check(settings))
    except TapeflowError as error:
        where = f" ({error.where})" if error.where else ""
        found.append(Finding(name, "failed", f"{error.what}{where}", error.mend))
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding; the others go on
        found.append(Finding(name, "failed", f"{type(error).__name__}: {error}", "report this, with --json"))
    return found


def _python(_settings: Settings) -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info[:2] < (3, 13)
    todo = "" if supported else "use Python 3.11 or 3.12"
    yield Finding("python", "ok" if supported else "failed", platform.python_version(), todo)
    for package in ("bytewax", "confluent-kafka", "clickhouse-driver", "redis"):
        try:
            yield Finding(f"package {package}", "ok", version(package))
        except PackageNotFoundError:
            yield Finding(f"package {package}", "failed", "not installed", "pip install -r requirements/run.txt")


def _kafka(settings: Settings) -> Iterator[Finding]:
    with TopicQuestions(read_options(settings)) as questions:
        facts = questions.facts()
        marks = questions.watermarks(range(facts.partitions))
    held = sum(high - low for low, high in marks.values())
    yield Finding("kafka", "ok", f"answers at {settings.kafka_bootstrap}")
    yield Finding(f"topic {settings.kafka_topic}", "ok", f"{facts.partitions} partitions, {held} records kept")
    ends = TopicEnds(read_options(settings)).ask(range(facts.partitions))
    if said := hidden_words(ends):
        yield Finding("open transaction", "warning", said, "end it: see TransactionOpen in docs/operating.md")


def _newest_records(settings: Settings) -> Iterator[Finding]:
    name = "newest records"
    try:
        sample = sample_topic(settings)
    except TapeflowError as error:
        yield Finding(name, "warning", f"not looked at: {error.what}", error.mend or "see the other findings")
        return
    refused = ", ".join(f"{count} {reason}" for reason, count in sample.rejected.most_common())
    read = f"{sample.read} read, {refused or 'none refused'}"
    yield Finding(name, "warning" if refused else "ok", read, "see `tapeflow dead-letters`" if refused else "")
    if sample.unknown_sides:
        what, _, todo = told_sides(sample.unknown_sides).rpartition("; ")
        yield Finding("sides", "warning", what, todo)
    if sample.unseen_fields:
        what, _, todo = told_fields(sample.unseen_fields).rpartition("; ")
        yield Finding("field map", "warning", what, todo)


def _dead_letters(settings: KafkaSettings) -> Iterator[Finding]:
    name = f"topic {settings.dead_letter_topic}"
    options = KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap, topic=settings.dead_letter_topic, properties=settings.kafka_properties
    )
    try:
        with TopicQuestions(options) as questions:
            yield Finding(name, "ok", f"{questions.facts().partitions} partitions")
    except TapeflowError as error:
        todo = "create it, unless the broker creates topics by itself"
        yield Finding(name, "warning", error.what, error.mend if error.retry else todo)


def _registry(settings: KafkaSettings) -> Iterator[Finding]:
    url = settings.schema_registry_url
    if not url:
        yield Finding("schema registry", "ok", "none set: the shipped schemas are used")
        return
    try:
        yield Finding("schema registry", "ok", f"{registry_of(settings).subjects()} subjects")
    except TapeflowError as error:
        yield Finding("schema registry", "failed", error.what, error.mend or "check TAPEFLOW_SCHEMA_REGISTRY_URL")


def _clickhouse(settings: Settings) -> Iterator[Finding]:
    client = connect_clickhouse(settings.clickhouse_dsn)
    try:
        info = client.connection.server_info
        found = (info.version_major, info.version_minor)
        old = found < CLICKHOUSE_LEAST
        yield Finding(
            "clickhouse",
            "warning" if old else "ok",
            f"{found[0]}.{found[1]} at {place(settings.clickhouse_dsn)}",
            "use 22.8 or newer" if old else "",
        )
        try:
            check_tables(client, settings.clickhouse_database)
            yield Finding(f"tables in {settings.clickhouse_database}", "ok", "all there")
            yield from clickhouse_findings(client, settings)
        except TapeflowError as error:
            yield Finding(f"tables in {settings.clickhouse_database}", "failed", error.what, error.mend)
    finally:
        client.disconnect()


def _redis(settings: Settings) -> Iterator[Finding]:
    """One server, or each primary of a Redis Cluster, which holds its part of what the bounds allow."""
    with asked(settings.redis_url) as client:
        servers = primaries_of(client)
        bounds, symbols = bounds_of(settings).of_one(len(servers)), symbol_count(client) // len(servers)
        for name, server in servers:
            yield from _redis_server(f"redis {name}".strip(), server, symbols, bounds)
        if settings.standby:
            yield leader_found(holder_of(client, leader_key("live")))
        yield from redis_findings(servers[0][1], settings)


def _redis_server(name: str, client: Any, symbols: int, bounds: RedisBounds) -> Iterator[Finding]:
    info = server_info(client)
    if info is None:
        yield Finding(name, "failed", "the login may not run INFO, which tells live its server", "grant +info")
        return
    found = str(info["redis_version"])
    old = tuple(int(part) for part in found.split(".")[:2]) < REDIS_LEAST
    yield Finding(name, "warning" if old else "ok", found, "use 6.2 or newer" if old else "")
    policy = str(info.get("maxmemory_policy", "unknown"))
    limited = bool(info.get("maxmemory"))
    evicts = limited and policy != EVICTION_RIGHT
    yield Finding(
        f"{name} eviction",
        "warning" if evicts else "ok",
        f"{policy}; {'a' if limited else 'no'} memory limit",
        "set maxmemory-policy noeviction: an evicted symbol is gone until it trades again" if evicts else "",
    )
    yield redis_memory(f"{name} memory", info, symbols, bounds)


def _disk(settings: RunningSettings) -> Iterator[Finding]:
    for name, folder in (("recovery folder", settings.recovery_dir), ("data folder", settings.data_dir)):
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(there).free
        low = free < FREE_BYTES_LEAST
        yield Finding(
            name,
            "warning" if low else "ok",
            f"{free / (1 << 30):.1f} GiB free at {folder}",
            "make room: recovery state and inserts need it" if low else "",
        )
        if folder == settings.recovery_dir and folder.exists():
            try:
                check_private(folder, is_base=True)
            except SettingError as error:
                yield Finding(name, "failed", error.what, error.mend)
        if not _is_writable(there):
            yield Finding(name, "failed", f"can't write in {there}", f"set TAPEFLOW_{name.split()[0].upper()}_DIR")


def _is_writable(folder: Path) -> bool:
    probe = folder / f".tapeflow-{platform.node()}-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def _ports(settings: Settings) -> Iterator[Finding]:
    ports = {
        "metrics port": settings.metrics_port,
        "gateway port": settings.gateway_port,
        "gateway second port": settings.gateway_rest_port,
    }
    for name, port in ports.items():
        if not port:
            yield Finding(name, "ok", "off")
            continue
        try:
            require_free(name, port)
            yield Finding(name, "ok", f"{port} is free")
        except TapeflowError:
            yield Finding(name, "warning", f"{port} is taken", "fine if tapeflow runs there, else choose another")


CHECKS: Final[dict[str, Check]] = {
    "python": _python,
    "kafka": _kafka,
    "rights in kafka": kafka_findings,
    "newest records": _newest_records,
    "dead letters": _dead_letters,
    "desk": desk_findings,
    "rules": rules_findings,
    "quotes": quotes_findings,
    "schema registry": _registry,
    "clickhouse": _clickhouse,
    "redis": _redis,
    "disk": _disk,
    "ports": _ports,
}
