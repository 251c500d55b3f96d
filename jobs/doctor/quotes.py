"""What the quotes flow depends on: its topic and the rights on it, that of its dead letters, and how its records read.

jobs.doctor.examination calls it. Quotes that nobody sends are no fault; what is there is read as the flow reads it. The
tables of bars are among those that doctor asks ClickHouse for.
"""

from collections.abc import Iterator

from connectors.kafka.rights import KafkaRights
from flows.quotes_reading import quotes_settings
from flows.reading import read_options
from jobs.doctor.finding import Finding
from jobs.doctor.topic_sample import sample_quotes
from jobs.doctor.topics import rights_lacking, topic_marks
from runtime.settings.whole import Settings
from schemas.errors import TapeflowError
from schemas.names import requeued_topic

__all__ = ["quotes_findings"]


def quotes_findings(settings: Settings) -> Iterator[Finding]:
    """Of the topic, what is refused among its newest records, and of what is written; one line where it isn't there."""
    own = quotes_settings(settings)
    name, marks = f"topic {own.kafka_topic}", topic_marks(own, own.kafka_topic)
    if marks is None:
        yield Finding(name, "ok", "isn't there: no quotes, and `tapeflow run quotes` would refuse to start")
        return
    held = sum(high - low for low, high in marks.values())
    yield Finding(name, "ok", f"{len(marks)} partitions, {held} records kept")
    rights, letters = KafkaRights(read_options(own)), own.dead_letter_topic
    lacking = list(rights_lacking(rights, own.kafka_topic, "READ", "DESCRIBE"))
    if own.dead_letters_from != "none":
        if rights.topic(letters).exists:
            lacking += rights_lacking(rights, letters, "WRITE", "DESCRIBE")
        elif rights.may_create(letters) is False:
            what = "CREATE is missing, and it isn't there"
            lacking.append(Finding(f"rights on {letters}", "failed", what, f"grant CREATE, or create topic {letters}"))
        if rights.topic(requeued_topic(letters)).exists:
            lacking += rights_lacking(rights, requeued_topic(letters), "READ", "DESCRIBE")
    yield from lacking
    if not lacking:
        yield from _newest(own)


def _newest(own: Settings) -> Iterator[Finding]:
    name = "newest quotes"
    try:
        sample = sample_quotes(own)
    except TapeflowError as error:
        yield Finding(name, "warning", f"not looked at: {error.what}", error.mend or "see the other findings")
        return
    refused = ", ".join(f"{count} {reason}" for reason, count in sample.rejected.most_common())
    todo = f"TAPEFLOW_KAFKA_TOPIC={own.kafka_topic} tapeflow dead-letters list says why" if refused else ""
    yield Finding(name, "warning" if refused else "ok", f"{sample.read} read, {refused or 'none refused'}", todo)
    if sample.unseen_fields:
        what = f"no quote has {', '.join(sample.unseen_fields)}"
        yield Finding("field map of quotes", "warning", what, "mend TAPEFLOW_QUOTES_FIELD_MAP")
