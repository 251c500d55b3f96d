"""Letters of feeds on a real broker: their topic comes with the first one."""

import secrets

from confluent_kafka.admin import AdminClient

from jobs.ingest.letters import FeedLetters
from runtime.settings.whole import Settings
from tests.servers.kafka import make_topic


def test_the_topic_comes_with_the_first_letter(kafka_bootstrap: str) -> None:
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap, kafka_topic=make_topic(kafka_bootstrap, f"letters-{secrets.token_hex(4)}")
    )
    letters = FeedLetters(settings, "okx")
    letters.finish()
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    assert letters.topic not in admin.list_topics(timeout=10).topics
    letters.write(b"?", "trades", "no JSON", 1)
    letters.write(b"!", "trades", "no JSON", 2)
    letters.finish()
    assert letters.written == 2
    assert letters.topic in admin.list_topics(timeout=10).topics
