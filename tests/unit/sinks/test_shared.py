"""What partitions share: items go where they belong, an epoch waits for all, the last part closes everything."""

import pytest

from schemas.errors import WriteFailed
from schemas.shards import shard_key
from sinks.handover import Handover
from sinks.shared import SharedSink


class Listing(SharedSink[str]):
    """Writes down what it gets, two lanes to choose from; ``broken``: its second lane refuses."""

    def __init__(self, shards: int, *, broken: bool = False) -> None:
        self.written: list[tuple[int, str]] = []
        self.closed: list[str] = []
        self.lanes = [Handover(self.written.extend, name="first", depth=4)]
        self.lanes.append(Handover(self.refuse if broken else self.written.extend, name="second", depth=4))
        super().__init__(shards, self.lanes, {"first": self.fail, "second": lambda: self.closed.append("second")})

    def put(self, partition: int, item: str) -> None:
        self.lanes[item == item.upper()].put((partition, item))

    def refuse(self, _items: list[tuple[int, str]]) -> None:
        raise WriteFailed("full")

    def fail(self) -> None:
        self.closed.append("first")
        raise OSError("gone already")


def test_each_item_comes_with_its_partition_and_an_epoch_waits_for_all() -> None:
    sink = Listing(3)
    names = sink.list_parts()
    parts = [sink.build_part("write", name, None) for name in names]
    assert [names[sink.part_fn(shard_key(partition))] for partition in range(3)] == names
    parts[2].write_batch(["a", "B"])
    parts[0].write_batch(["c"])
    parts[1].snapshot()
    assert sorted(sink.written) == [(0, "c"), (2, "B"), (2, "a")]


def test_the_last_part_closes_everything_and_raises_nothing() -> None:
    sink = Listing(2)
    first, second = (sink.build_part("write", name, None) for name in sink.list_parts())
    first.close()
    assert (sink.parts, sink.closed) == (1, [])
    second.close()
    assert (sink.parts, sink.closed) == (0, ["first", "second"])


def test_what_a_lane_met_is_raised_at_the_end_of_the_epoch() -> None:
    sink = Listing(1, broken=True)
    part = sink.build_part("write", sink.list_parts()[0], None)
    part.write_batch(["B"])
    with pytest.raises(WriteFailed, match="full"):
        part.snapshot()
    part.close()
