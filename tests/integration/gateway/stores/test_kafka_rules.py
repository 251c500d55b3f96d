"""Rules to a real broker: acknowledged or said, and never into a topic that a broker would make up."""

import asyncio
import uuid

import pytest

from connectors.kafka.compacted import CompactedTopic, Entry
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.kafka_rules import RulesUnavailableError, RuleTopic
from tests.integration.connectors.kafka_feeding import options
from tests.servers.kafka import make_topic


def put(topic: RuleTopic, rule_id: str, value: bytes | None) -> None:
    asyncio.run(topic.put(rule_id, value))


def test_a_rule_is_there_when_it_is_answered(kafka_bootstrap: str) -> None:
    name = make_topic(kafka_bootstrap, f"rules-{uuid.uuid4().hex[:8]}")
    topic = RuleTopic(kafka_bootstrap, name, {}, 5_000, CircuitBreaker("kafka"))
    put(topic, "a", b"{}")
    put(topic, "a", None)
    assert list(CompactedTopic(options(kafka_bootstrap, name)).read()) == [Entry(0, b"a", b"{}"), Entry(0, b"a", None)]


def test_a_missing_topic_is_said_and_not_made(kafka_bootstrap: str) -> None:
    name = f"no-rules-{uuid.uuid4().hex[:8]}"
    topic = RuleTopic(kafka_bootstrap, name, {}, 5_000, CircuitBreaker("kafka"))
    for _ in range(2):
        with pytest.raises(RulesUnavailableError, match="there is no topic"):
            put(topic, "a", b"{}")


def test_brokers_that_are_away_are_left_alone_after_a_few_tries() -> None:
    topic = RuleTopic("127.0.0.1:1", "rules", {}, 200, CircuitBreaker("kafka", pause_s=60))
    for _ in range(3):
        with pytest.raises(RulesUnavailableError):
            put(topic, "a", b"{}")
    with pytest.raises(BreakerOpenError):
        put(topic, "a", b"{}")
