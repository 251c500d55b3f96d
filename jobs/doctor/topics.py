"""What several checks of ``doctor`` ask of a topic: is it there, what does it hold, what may the login not do with it.

jobs.doctor.desk and jobs.doctor.quotes call it. Nothing is written, and a topic that isn't there is an
answer, no error.
"""

from collections.abc import Iterator, Mapping

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.rights import KafkaRights
from jobs.doctor.finding import Finding
from runtime.settings.kafka import KafkaSettings
from schemas.errors import MissingObject, SettingError

__all__ = ["Marks", "rights_lacking", "topic_marks"]

Marks = Mapping[int, tuple[int, int]]
"""First and end offset of each partition."""


def topic_marks(settings: KafkaSettings, topic: str) -> Marks | None:
    """None where there is no such topic, or none that may be seen."""
    options = KafkaReadOptions(bootstrap=settings.kafka_bootstrap, topic=topic, properties=settings.kafka_properties)
    try:
        with TopicQuestions(options) as questions:
            return questions.watermarks(range(questions.facts().partitions))
    except (MissingObject, SettingError):
        return None


def rights_lacking(rights: KafkaRights, topic: str, *wanted: str) -> Iterator[Finding]:
    """A failure where one of ``wanted`` is missing on the topic; nothing where all are there or nobody says."""
    if missing := ", ".join(rights.topic(topic).lacks(*wanted)):
        yield Finding(f"rights on {topic}", "failed", f"{missing} is missing", f"grant {missing} on topic {topic}")
