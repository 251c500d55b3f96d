"""Figures of a range: every record is counted once, and a symbol in two partitions is named."""

import json
import uuid

from jobs.quality import assess_range
from runtime.settings.whole import load_settings
from tests.integration.connectors.kafka_feeding import Feed
from tests.servers.kafka import make_topic

SECOND = 1_700_000_000


def value(symbol: str, second: int, **changes: object) -> bytes:
    record = {"symbol": symbol, "price": 1, "size": 1, "event_time": SECOND + second, **changes}
    return json.dumps(record).encode()


def test_the_account_adds_up(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"quality-{uuid.uuid4().hex}", 2)
    feed = Feed(kafka_bootstrap, topic)
    feed.send([value("A", 0), value("A", 10), value("A", 5), b"bad", value("B", 11, side="cross")], 0)
    feed.send([value("B", 0), value("C", 1, price=-1)], 1)
    settings = load_settings(kafka_bootstrap=kafka_bootstrap, kafka_topic=topic, value_format="json")
    told: list[tuple[int, int]] = []
    report = assess_range(settings, "earliest", "latest", lambda done, total: told.append((done, total)))
    assert report.read == 7
    assert {partition: dict(each) for partition, each in report.rejected.items()} == {
        0: {"corrupt": 1}, 1: {"price-not-positive": 1},
    }  # fmt: skip
    assert report.in_two_partitions == {"B": [0, 1]}
    assert dict(report.unknown_sides) == {"cross": 1}
    assert told[-1] == (7, 7)
    plain = report.as_plain()
    assert [(each["symbol"], each["partition"]) for each in plain["symbols"]] == [("A", 0), ("B", 0), ("B", 1)]
    assert json.loads(json.dumps(plain))["read"] == 7
