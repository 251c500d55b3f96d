"""Removes what is kept of one user: watchlists, rules about prices, and what these fired.

``tapeflow forget`` calls it. Rules are taken back in their topic first, as the user would, so that the alerts flow ends
them and no start brings them back. Everything may be done twice. What stays, ages: records of the topics until they are
compacted, finished reports until their time is over, alerts that a webhook didn't take until their topic forgets them.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

import msgspec

from connectors.kafka.compacted import CompactedTopic
from connectors.kafka.options import KafkaReadOptions
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.kafka_rules import RuleTopic
from runtime.settings.whole import Settings
from schemas.errors import MissingObject
from schemas.names import (
    EVENTS_STREAM,
    PRICE_ALERTS_TABLE,
    PRICE_ALERTS_VIEW,
    WATCHLISTS_CHANNEL,
    alert_rules_key,
    last_firings_key,
    watchlists_key,
)
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.redis.cluster import names_of
from sinks.redis.connection import asked

__all__ = ["Forgotten", "forget_user"]

ANSWER_MS: Final = 10_000
PAGE: Final = 1_000


class Forgotten(NamedTuple):
    """How many there were of each. ``alerts``: firings in ClickHouse; ``events``: of them in Redis' event stream."""

    watchlists: int
    rules: int
    alerts: int
    events: int


class _Owned(msgspec.Struct):
    user: str


def forget_user(settings: Settings, user: str) -> Forgotten:
    """Raises what the servers refuse or Unreachable; what was done by then stays done."""
    rules = _rules_of(settings, user)
    asyncio.run(_take_back(settings, rules))
    return Forgotten(_forget_watchlists(settings, user), len(rules), _forget_alerts(settings, user),
                     _forget_events(settings, user))  # fmt: skip


def _rules_of(settings: Settings, user: str) -> list[str]:
    """Ids of the user's rules, as their topic has them now."""
    options = KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap, topic=settings.alert_rules_topic, properties=settings.kafka_properties
    )
    try:
        topic = CompactedTopic(options)
    except MissingObject:
        return []
    try:
        newest = {entry.key: entry.value for entry in topic.read()}
    finally:
        topic.close()
    return sorted(key.decode(errors="replace") for key, value in newest.items() if value and _user_of(value) == user)


def _user_of(value: bytes) -> str | None:
    try:
        return msgspec.json.decode(value, type=_Owned).user
    except msgspec.DecodeError:
        return None


async def _take_back(settings: Settings, rules: Iterable[str]) -> None:
    topic = RuleTopic(
        settings.kafka_bootstrap, settings.alert_rules_topic, settings.kafka_properties, ANSWER_MS,
        CircuitBreaker("rules"),
    )  # fmt: skip
    for rule in rules:
        await topic.put(rule, None)


def _forget_watchlists(settings: Settings, user: str) -> int:
    """Followers are told of each, as of one that the user deleted."""
    with asked(settings.redis_url) as client:
        lists = cast("list[bytes]", client.hkeys(watchlists_key(user)))
        rules = alert_rules_key(user)
        making = names_of(client).beside(rules, f"{rules}:making")
        for key in (watchlists_key(user), rules, making, last_firings_key(user)):
            client.delete(key)
        for each in lists:
            client.publish(WATCHLISTS_CHANNEL, msgspec.json.encode({"user": user, "id": each.decode()}))
        return len(lists)


def _forget_events(settings: Settings, user: str) -> int:
    since, found = "-", 0
    with asked(settings.redis_url) as client:
        while page := cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(EVENTS_STREAM, since, count=PAGE)):
            own = [entry for entry, fields in page if fields.get(b"user") == user.encode()]
            if own:
                found += client.xdel(EVENTS_STREAM, *own)
            since = f"({page[-1][0].decode()}"
        return found


def _forget_alerts(settings: Settings, user: str) -> int:
    client, database = connect_clickhouse(settings.clickhouse_dsn), settings.clickhouse_database
    try:
        given: dict[str, Any] = {"user": user}
        count = f"SELECT count() FROM {database}.{PRICE_ALERTS_VIEW} WHERE user_id = %(user)s"  # noqa: S608
        ((found,),) = client.execute(count, given)
        delete = f"ALTER TABLE {database}.{PRICE_ALERTS_TABLE} DELETE WHERE user_id = %(user)s"
        client.execute(f"{delete} SETTINGS mutations_sync = 1", given)
        return int(found)
    finally:
        client.disconnect()
