"""Whether the logins in use may do what the flows will do: the part of ``doctor`` that looks at rights.

jobs.doctor.examination calls each once its server answers. A right that a flow can't do without is a failure, one that
only some verb needs is a warning; where a server doesn't tell, nothing is claimed. docs/operating.md lists the least
rights.
"""

from collections.abc import Iterator
from typing import Any

from connectors.kafka.rights import KafkaRights
from flows.reading import read_options
from jobs.doctor.finding import Finding
from runtime.settings.redis import RedisSettings
from runtime.settings.whole import Settings
from schemas.clusters import clustered_redis
from schemas.names import QUOTE_BARS_TABLE, requeued_topic
from sinks.clickhouse import rights as clickhouse_rights
from sinks.redis import rights as redis_rights

__all__ = ["clickhouse_findings", "kafka_findings", "redis_findings"]


def kafka_findings(settings: Settings) -> Iterator[Finding]:
    """READ where flows read, WRITE or CREATE where they write."""
    rights = KafkaRights(read_options(settings))
    source = rights.topic(settings.kafka_topic)
    yield _topic(settings.kafka_topic, source.lacks("READ", "DESCRIBE"), source.allowed is None)
    written = [settings.bars_topic] if settings.bars_topic else []
    if settings.dead_letters_from != "none":
        written.append(settings.dead_letter_topic)
    for name in written:
        there = rights.topic(name)
        if there.exists:
            yield _topic(name, there.lacks("WRITE", "DESCRIBE"), there.allowed is None)
        else:
            may = rights.may_create(name)
            lacking = ["CREATE, or WRITE and DESCRIBE on one that is there"] if may is False else []
            yield _topic(name, lacking, may is None)
    if settings.dead_letters_from != "none":
        yield _markers(rights, requeued_topic(settings.dead_letter_topic))
    if rights.may_use_group() is False:
        yield Finding(
            "rights on the group", "warning", "READ on the consumer group is missing: the client will complain in logs",
            "grant READ on group tapeflow, or name another group.id in TAPEFLOW_KAFKA_PROPERTIES",
        )  # fmt: skip


def _topic(name: str, lacking: list[str], unknown: bool) -> Finding:
    if lacking:
        missing = ", ".join(lacking)
        return Finding(f"rights on {name}", "failed", f"{missing} is missing", f"grant {missing} on topic {name}")
    return Finding(f"rights on {name}", "ok", "the broker doesn't say" if unknown else "all that flows need")


def _markers(rights: KafkaRights, topic: str) -> Finding:
    """Flows read it where it is there; only the verb that puts records back writes it."""
    there = rights.topic(topic)
    read = _topic(topic, there.lacks("READ", "DESCRIBE"), there.allowed is None)
    lacking = there.lacks("WRITE") if there.exists else []
    if not there.exists and rights.may_create(topic) is False:
        lacking = ["CREATE"]
    if read.state != "ok" or not lacking:
        return read
    what = f"{lacking[0]} is missing: `tapeflow dead-letters requeue` would be refused"
    return Finding(read.name, "warning", what, f"grant {lacking[0]}, or put records back with another login")


def redis_findings(client: Any, settings: RedisSettings) -> Iterator[Finding]:
    """Each command on each pattern of keys."""
    name = "rights in redis"
    clustered = bool(clustered_redis(settings.redis_url))
    lacking = redis_rights.lacking_rights(client, publishes=settings.publish_updates, clustered=clustered)
    if lacking is None:
        yield Finding(name, "warning", "unknown: they are asked for by MULTI, which is refused", "grant +multi to know")
    elif lacking:
        missing = " ".join(lacking)
        yield Finding(name, "failed", f"{missing} is missing", f"ACL SETUSER your-user {missing}")
    else:
        yield Finding(name, "ok", "all that live needs")


def clickhouse_findings(client: Any, settings: Settings) -> Iterator[Finding]:
    """INSERT for history, and for bars of quotes where some are made; SELECT for verify; INSERT for what a gateway
    writes."""
    inserted = clickhouse_rights.INSERTED | ({QUOTE_BARS_TABLE: "symbol"} if settings.quote_intervals else {})
    lacking = list(clickhouse_rights.lacking_rights(client, settings.clickhouse_database, inserted))
    served = list(clickhouse_rights.lacking_for_gateway(client, settings.clickhouse_database))
    needed = [each for each in lacking if each.startswith("INSERT")]
    if needed:
        yield Finding("rights in clickhouse", "failed", f"missing: {', '.join(needed)}", f"GRANT {', '.join(needed)}")
    elif lacking:
        what = f"missing: {', '.join(lacking)}: verify would be refused"
        yield Finding("rights in clickhouse", "warning", what, f"GRANT {', '.join(lacking)}")
    elif served:
        what = f"missing: {', '.join(served)}: a gateway would refuse reports, or to acknowledge alerts"
        yield Finding("rights in clickhouse", "warning", what, f"GRANT {', '.join(served)}")
    else:
        yield Finding("rights in clickhouse", "ok", "all that history, verify and a gateway need")
