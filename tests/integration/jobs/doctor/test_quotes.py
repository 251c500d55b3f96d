"""What doctor says of quotes: no topic, one that reads well, records that the flow would refuse, rights that lack."""

import json
import uuid
from pathlib import Path

import pytest

from jobs.doctor.quotes import quotes_findings
from runtime.settings.whole import Settings, load_settings
from tests.integration.connectors.kafka_feeding import Feed
from tests.servers.kafka import make_topic
from tests.servers.kafka_acl import AclBroker

USER = "quotes"


@pytest.fixture
def settings(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(
        kafka_bootstrap=kafka_bootstrap, quotes_topic=f"quotes-{uuid.uuid4().hex[:8]}", quotes_format="json"
    )


def value(**changes: object) -> bytes:
    quote = {"symbol": "A", "bid": 1, "ask": 2, "bid_size": 1, "ask_size": 1, "event_time": 1_700_000_000_000}
    return json.dumps(quote | changes).encode()


def said(settings: Settings) -> list[tuple[str, str, str]]:
    return [(each.name, each.state, each.what) for each in quotes_findings(settings)]


def test_no_quotes_are_no_fault(settings: Settings) -> None:
    [(name, state, what)] = said(settings)
    assert (name, state) == (f"topic {settings.quotes_topic}", "ok")
    assert what.startswith("isn't there: no quotes")


def test_a_topic_and_how_its_records_read(settings: Settings) -> None:
    make_topic(settings.kafka_bootstrap, settings.quotes_topic, 2)
    feed = Feed(settings.kafka_bootstrap, settings.quotes_topic)
    feed.send([value(), value(bid=3)], 0)
    topic = f"topic {settings.quotes_topic}"
    assert said(settings) == [
        (topic, "ok", "2 partitions, 2 records kept"), ("newest quotes", "ok", "2 read, none refused"),
    ]  # fmt: skip
    feed.send([value(ask=0), b"{"], 1)
    *_, newest = quotes_findings(settings)
    assert (newest.name, newest.state) == ("newest quotes", "warning")
    assert newest.what.startswith("4 read, ")
    assert settings.quotes_topic in newest.todo
    mapped = settings.model_copy(update={"quotes_field_map": {"bid_size": "bs"}})
    (*_, fields) = said(mapped)
    assert fields == ("field map of quotes", "warning", "no quote has bs")


def test_a_registry_that_is_away_leaves_them_unread(settings: Settings) -> None:
    make_topic(settings.kafka_bootstrap, settings.quotes_topic, 1)
    Feed(settings.kafka_bootstrap, settings.quotes_topic).send([b"\0\0\0\0\x63nothing"], 0)
    away = settings.model_copy(
        update={"quotes_format": "confluent", "schema_registry_url": "http://127.0.0.1:9", "schema_registry_wait_ms": 1}
    )
    (*_, (name, state, what)) = said(away)
    assert (name, state) == ("newest quotes", "warning")
    assert what.startswith("not looked at: ")


def test_rights_that_lack() -> None:
    with AclBroker(USER) as broker:
        settings = load_settings(kafka_bootstrap=broker.secured, kafka_properties=broker.login(USER))
        for name in ("quotes", "quotes.dead-letter.requeued"):
            broker.make_topic(name, 1, {})
        broker.allow(USER, "TOPIC", "quotes", "DESCRIBE")
        broker.allow(USER, "TOPIC", "quotes.dead-letter.requeued", "READ", "DESCRIBE")
        assert said(settings)[1:] == [
            ("rights on quotes", "failed", "READ is missing"),
            ("rights on quotes.dead-letter", "failed", "CREATE is missing, and it isn't there"),
        ]
        broker.make_topic("quotes.dead-letter", 1, {})
        broker.allow(USER, "TOPIC", "quotes", "READ")
        broker.allow(USER, "TOPIC", "quotes.dead-letter", "DESCRIBE")
        assert said(settings)[1:] == [("rights on quotes.dead-letter", "failed", "WRITE is missing")]
        broker.allow(USER, "TOPIC", "quotes.dead-letter", "WRITE")
        assert said(settings)[1:] == [("newest quotes", "ok", "0 read, none refused")]
