"""The newest records, decoded as the flows do: what is refused, unknown or never there is counted."""

import json
import uuid

from flows.quotes_reading import quotes_settings
from jobs.doctor.topic_sample import RECORDS_MAX, sample_quotes, sample_topic
from runtime.settings.whole import load_settings
from tests.integration.connectors.kafka_feeding import Feed
from tests.servers.kafka import make_topic


def value(**changes: object) -> bytes:
    return json.dumps({"symbol": "A", "price": 1, "size": 1, "event_time": 1_700_000_000, **changes}).encode()


def test_a_bounded_number_of_the_newest_records(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"sample-{uuid.uuid4().hex}", 2)
    feed = Feed(kafka_bootstrap, topic)
    settings = load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=topic,
        value_format="json",
        field_map={"side": "taker?", "bid": "b"},
    )
    assert sample_topic(settings).read == 0
    feed.send([b"old and bad"] + [value()] * RECORDS_MAX, 0)
    feed.send([value(taker="cross"), value(price=-1), b"{"], 1)
    found = sample_topic(settings)
    assert found.read == RECORDS_MAX + 3
    assert dict(found.rejected) == {"price-not-positive": 1, "corrupt": 1}
    assert dict(found.unknown_sides) == {"cross": 1}
    assert found.unseen_fields == ["b"]


def test_quotes_likewise(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"sample-{uuid.uuid4().hex}", 1)
    settings = quotes_settings(
        load_settings(
            kafka_bootstrap=kafka_bootstrap, quotes_topic=topic, quotes_format="json", quotes_field_map={"ask": "a"}
        )
    )
    assert sample_quotes(settings).unseen_fields == []
    good = {"symbol": "A", "bid": 1, "ask": 2, "bid_size": 1, "ask_size": 1, "event_time": 1_700_000_000}
    Feed(kafka_bootstrap, topic).send([json.dumps(good).encode(), b"{"], 0)
    found = sample_quotes(settings)
    assert (found.read, found.rejected["corrupt"], found.unseen_fields) == (2, 1, ["a"])
