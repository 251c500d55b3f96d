"""What makes spans, for tests: it keeps what it is told."""

from collections.abc import Mapping, Sequence

from schemas.traces import Part, Value

__all__ = ["Keeper", "Kept"]


class Kept:
    """A LiveSpan that remembers."""

    def __init__(self, name: str, parents: Sequence[str]) -> None:
        self.name, self.parents = name, parents
        self.traceparent = f"of {name}"
        self.ids = {"trace_id": "t", "span_id": name}
        self.attributes: dict[str, Value] = {}
        self.failures: list[str] = []
        self.parts: list[Part] = []
        self.ended = 0

    def set(self, name: str, value: Value) -> None:
        self.attributes[name] = value

    def fail(self, why: str) -> None:
        self.failures.append(why)

    def part(self, part: Part) -> None:
        self.parts.append(part)

    def end(self, at_ns: int | None = None) -> None:
        self.ended += 1


class Keeper:
    """A Recorder; a parent is sampled unless it is "no"."""

    def __init__(self) -> None:
        self.spans: list[Kept] = []
        self.stopped: list[float] = []
        self.passed_over = 0

    def sampled(self, parents: Sequence[str]) -> Sequence[str]:
        return [each for each in parents if each != "no"]

    def begin(
        self, name: str, kind: int, began_ns: int, parents: Sequence[str], attributes: Mapping[str, Value]
    ) -> Kept:
        self.spans.append(Kept(name, parents))
        self.spans[-1].attributes.update(attributes)
        return self.spans[-1]

    def pass_over(self) -> None:
        self.passed_over += 1

    def stop(self, within_s: float) -> None:
        self.stopped.append(within_s)
