"""What a flow's own code raised is remembered, wherever it was, and the flow runs as it would."""

from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import TestingSource, run_main

from processes.first_error import FirstError
from schemas.errors import WriteFailed


class Sink(FixedPartitionedSink[int, None]):
    def __init__(self, fails: str) -> None:
        self.fails = fails
        self.out: list[int] = []

    def list_parts(self) -> list[str]:
        return ["one"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "Part":
        check(self.fails, "build_part")
        return Part(self)


class Part(StatefulSinkPartition[int, None]):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write_batch(self, values: list[int]) -> None:
        check(self._sink.fails, "write_batch")
        self._sink.out += values

    def snapshot(self) -> None:
        check(self._sink.fails, "snapshot")


class Step(StatefulBatchLogic[int, int, None]):
    def __init__(self, fails: str) -> None:
        self._fails = fails

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        check(self._fails, "on_batch")
        return values, self.RETAIN

    def snapshot(self) -> None:
        """Nothing to keep."""


def check(fails: str, here: str) -> None:
    if fails == here:
        raise WriteFailed(here)


def flow_of(fails: str) -> tuple[Dataflow, Sink]:
    def mapper(value: int) -> tuple[str, int]:
        check(fails, "mapper")
        return "key", value

    def builder(_state: Any) -> Step:
        check(fails, "builder")
        return Step(fails)

    sink = Sink(fails)
    flow = Dataflow("flow")
    values = op.map("keyed", op.input("numbers", flow, TestingSource([1, 2, 3])), mapper)
    op.output("out", op.stateful_batch("step", values, builder), sink)
    return flow, sink


@pytest.mark.parametrize("fails", ["mapper", "builder", "on_batch", "build_part", "write_batch", "snapshot"])
def test_the_first_error_is_remembered(fails: str, tmp_path: Path) -> None:
    first, (flow, _) = FirstError(), flow_of(fails)
    first.watch(flow, tmp_path)
    with pytest.raises(Exception, match=r"."):
        run_main(flow)
    assert isinstance(first.error, WriteFailed)
    assert first.error.what == fails


def test_a_flow_that_is_watched_runs_as_before(tmp_path: Path) -> None:
    first, (flow, sink) = FirstError(), flow_of("")
    first.watch(flow, tmp_path)
    run_main(flow)
    assert sink.out == [1, 2, 3]
    assert first.error is None
    assert first.free_bytes is not None
