"""A topic of one partition that holds [low, high), where tests of range edges would ask a broker.

What retention, compaction and bad records leave is hard to bring about in a broker offset by offset; integration tests
do it once, unit tests in every combination.
"""

from types import TracebackType
from typing import Self

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.questions import TopicFacts

__all__ = ["questions_of"]


def questions_of(low: int, high: int) -> type:
    """What stands in for connectors.kafka.questions.TopicQuestions."""

    class Questions:
        def __init__(self, options: KafkaReadOptions) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(
            self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
        ) -> None: ...

        def facts(self) -> TopicFacts:
            return TopicFacts("t", "", 1)

        def watermarks(self, partitions: object) -> dict[int, tuple[int, int]]:
            return {0: (low, high)}

        def resolve(self, position: Position, partitions: object, unnamed: str = "earliest") -> dict[int, int]:
            return {0: position.offsets.get(0, low if position.kind == "earliest" else high)}

    return Questions
