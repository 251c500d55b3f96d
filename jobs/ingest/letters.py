"""What came from a venue and can't be used, kept as it came: the topic of the feeds' dead letters.

The intake writes here: a frame that isn't what the venue documents, or a trade that no topic takes. A record's key is
the venue, its value the bytes as they came, its headers say venue, channel, reason and when it was received. The topic
is made when the first one comes.
"""

from jobs.produce.kafka_writer import RecordWriter, ensure_topic
from runtime.settings.kafka import KafkaSettings
from schemas.names import feed_dead_letter_topic

__all__ = ["FeedLetters"]


class FeedLetters:
    """Of one ``venue``; ``written`` counts them. Raises as RecordWriter does."""

    def __init__(self, settings: KafkaSettings, venue: str) -> None:
        self._settings = settings
        self._venue = venue.encode()
        self._writer: RecordWriter | None = None
        self.topic = feed_dead_letter_topic(settings.kafka_topic)
        self.written = 0

    def write(self, value: bytes, channel: str, reason: str, received_us: int) -> None:
        """Hand over one letter."""
        if self._writer is None:
            place, properties = self._settings.kafka_bootstrap, self._settings.kafka_properties
            ensure_topic(place, self.topic, 1, properties)
            self._writer = RecordWriter(place, self.topic, properties)
        self._writer.send(
            [value],
            [self._venue],
            headers=[
                ("venue", self._venue),
                ("channel", channel.encode()),
                ("reason", reason.encode()),
                ("received_us", str(received_us).encode()),
            ],
        )
        self.written += 1

    def finish(self) -> None:
        """Wait until the broker has answered for each."""
        if self._writer is not None:
            self._writer.finish()
