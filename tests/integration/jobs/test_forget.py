"""Forgetting a user: everything of that user goes from three servers, nothing of another, and twice is once."""

import asyncio
import json
import uuid

import pytest
import redis

from connectors.kafka.compacted import CompactedTopic
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.kafka_rules import RuleTopic
from jobs.forget import Forgotten, forget_user
from runtime.settings.whole import Settings, load_settings
from schemas.names import EVENTS_STREAM, alert_rules_key, last_firings_key, watchlists_key
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from tests.integration.connectors.kafka_feeding import options
from tests.servers.kafka import make_topic

GONE, STAYS = f"gone-{uuid.uuid4().hex[:8]}", f"stays-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def settings(kafka_bootstrap: str, redis_url: str, clickhouse_dsn: str, clickhouse_database: str) -> Settings:
    topic = make_topic(kafka_bootstrap, f"rules-{uuid.uuid4().hex[:8]}", config={"cleanup.policy": "compact"})
    return load_settings(
        kafka_bootstrap=kafka_bootstrap, alert_rules_topic=topic, redis_url=redis_url, clickhouse_dsn=clickhouse_dsn,
        clickhouse_database=clickhouse_database,
    )  # fmt: skip


def fill(settings: Settings, client: redis.Redis) -> None:
    """A watchlist, two rules, a firing and its event of each user."""

    async def put_rules() -> None:
        topic = RuleTopic(settings.kafka_bootstrap, settings.alert_rules_topic, {}, 5_000, CircuitBreaker("kafka"))
        for user in (GONE, STAYS):
            for number in range(2):
                await topic.put(f"{user}-{number}", json.dumps({"id": f"{user}-{number}", "user": user}).encode())

    asyncio.run(put_rules())
    store, rows = connect(settings.clickhouse_dsn), []
    migrate(store, settings.clickhouse_database)
    for user in (GONE, STAYS):
        client.hset(watchlists_key(user), "list", "{}")
        client.hset(alert_rules_key(user), "rule", "{}")
        client.hset(last_firings_key(user), "rule", "{}")
        client.xadd(EVENTS_STREAM, {"type": "price_alert", "user": user})
        rows.append((user, f"firing-{user}"))
    store.execute(f"INSERT INTO {settings.clickhouse_database}.price_alerts (user_id, id) VALUES", rows)
    store.disconnect()


def rules_left(settings: Settings) -> set[bytes]:
    topic = CompactedTopic(options(settings.kafka_bootstrap, settings.alert_rules_topic))
    newest = {entry.key: entry.value for entry in topic.read()}
    topic.close()
    return {key for key, value in newest.items() if value is not None}


def test_one_user_goes_from_everywhere_and_another_stays(settings: Settings) -> None:
    client = redis.Redis.from_url(settings.redis_url)
    fill(settings, client)
    assert forget_user(settings, GONE) == Forgotten(watchlists=1, rules=2, alerts=1, events=1)
    assert rules_left(settings) == {f"{STAYS}-0".encode(), f"{STAYS}-1".encode()}
    for key in (watchlists_key, alert_rules_key, last_firings_key):
        assert (client.exists(key(GONE)), client.exists(key(STAYS))) == (0, 1)
    users = [fields.get(b"user") for _, fields in client.xrange(EVENTS_STREAM)]
    assert GONE.encode() not in users
    assert STAYS.encode() in users
    with connect(settings.clickhouse_dsn) as store:
        found = store.execute(f"SELECT user_id FROM {settings.clickhouse_database}.price_alerts")
    assert found == [(STAYS,)]
    assert forget_user(settings, GONE) == Forgotten(0, 0, 0, 0)
    client.close()


def test_without_a_topic_of_rules_the_rest_goes(settings: Settings) -> None:
    client = redis.Redis.from_url(settings.redis_url)
    fill(settings, client)
    other = settings.model_copy(update={"alert_rules_topic": f"none-{uuid.uuid4().hex[:8]}"})
    assert forget_user(other, GONE).rules == 0
    assert not client.exists(watchlists_key(GONE))
    client.close()
