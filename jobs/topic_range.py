"""The range of a topic that a command line asks for, as offsets of every partition.

``verify`` and ``quality`` read it. A partition or an offset that the topic doesn't have is refused by its name, as
reading nothing of that partition would look as if it had been read.
"""

from collections.abc import Mapping

from connectors.kafka.ends import LogEnd, TopicEnds
from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.range import OffsetRange, ranges_between
from schemas.errors import InputError

__all__ = ["asked_ranges", "hidden_words"]


def asked_ranges(options: KafkaReadOptions, start: str, end: str) -> dict[int, OffsetRange]:
    """[start, end) of every partition. Raises InputError for words that are no position, offsets beyond the topic's
    end, and a range without any record."""
    positions = Position.parse(start), Position.parse(end)
    ranges = ranges_between(options, *positions)
    with TopicQuestions(options) as questions:
        marks = questions.watermarks(list(ranges))
    for option, position in zip(("--from", "--to"), positions, strict=True):
        for partition, offset in position.offsets.items():
            if offset > marks[partition][1]:
                raise InputError(
                    f"{options.topic}[{partition}] ends at {marks[partition][1]}, before {offset}",
                    where=option,
                    mend="offsets are those of the topic, see `tapeflow doctor`",
                )
    if not any(first < last for first, last in ranges.values()):
        raise InputError(
            f"topic {options.topic} holds no record in that range",
            where="--from, --to",
            mend=hidden_words(TopicEnds(options).ask(ranges)),
        )
    return ranges


def hidden_words(ends: Mapping[int, LogEnd]) -> str:
    """What open transactions keep from every reader; empty where there are none."""
    hidden = {partition: end for partition, end in sorted(ends.items()) if end.hidden}
    if not hidden:
        return ""
    places = ", ".join(
        f"{end.hidden} of partition {partition} from offset {end.stable}" for partition, end in hidden.items()
    )
    return f"records lie behind an open transaction: {places}"
