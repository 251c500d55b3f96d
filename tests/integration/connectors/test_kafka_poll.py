"""Both ways of taking records out of the client keep the same laws, on a real broker."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from connectors.kafka.native_poll import NativePoll, open_poll
from connectors.kafka.poll import Drained, MessagePoll, Poll
from tests.integration.connectors.kafka_feeding import Feed, numbered, options
from tests.servers.kafka import make_topic

KIND = Literal["native", "messages"]


@pytest.fixture(params=["native", "messages"])
def kind(request: pytest.FixtureRequest) -> KIND:
    kind: KIND = request.param
    return kind


@pytest.fixture
def opened(kind: KIND, kafka_bootstrap: str) -> Iterator[Callable[[str], Poll]]:
    polls: list[Poll] = []

    def open_one(topic: str) -> Poll:
        polls.append(open_poll(options(kafka_bootstrap, topic, poll=kind), 2))
        return polls[-1]

    yield open_one
    for poll in polls:
        poll.close()


def collect(
    poll: Poll, partitions: list[int], done: Callable[[dict[int, list[Drained]]], bool]
) -> dict[int, list[Drained]]:
    found: dict[int, list[Drained]] = {partition: [] for partition in partitions}
    deadline = time.monotonic() + 60
    while not done(found):
        assert time.monotonic() < deadline, found
        drained = poll.drain(partitions, 1000)
        if not drained:
            poll.wait(0.05)
        for partition, some in drained.items():
            found[partition].append(some)
    return found


def records(found: list[Drained]) -> int:
    return sum(len(drained.batch) for drained in found if drained.batch is not None)


def test_each_kind_is_what_was_asked_for(kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str) -> None:
    poll = opened(make_topic(kafka_bootstrap, f"kind-{kind}"))
    assert isinstance(poll, NativePoll if kind == "native" else MessagePoll)


def test_columns_carry_values_keys_times_and_nulls(
    kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str
) -> None:
    topic = make_topic(
        kafka_bootstrap, f"columns-{kind}", config={"max.message.bytes": str(4 << 20), "retention.ms": "-1"}
    )
    big = bytes(range(256)) * 4096
    feed = Feed(kafka_bootstrap, topic, {"message.max.bytes": 4 << 20})
    feed.send([b"one"], key=b"k", timestamp=1_700_000_000_123)
    feed.send([None], key=b"gone", timestamp=1_700_000_000_124)
    feed.send([b""], timestamp=1_700_000_000_125)
    feed.send([b"x"], key=b"", timestamp=1_700_000_000_126)
    feed.send([big], timestamp=1_700_000_000_127)
    poll = opened(topic)
    poll.assign({0: 0})
    batches = [
        drained.batch for drained in collect(poll, [0], lambda found: records(found[0]) == 5)[0] if drained.batch
    ]
    assert [value for batch in batches for value in map(batch.value, range(len(batch)))] == [
        b"one",
        b"",
        b"",
        b"x",
        big,
    ]
    assert [key for batch in batches for key in map(batch.keys.__getitem__, range(len(batch)))] == [
        b"k", b"gone", None, b"", None,
    ]  # fmt: skip
    assert [int(batch.offsets[index]) for batch in batches for index in batch.nulls] == [1]
    assert [stamp for batch in batches for stamp in batch.timestamps_ms.tolist()] == list(
        range(1_700_000_000_123, 1_700_000_000_128)
    )


def test_the_contexts_of_records_are_found_where_they_are_looked_for(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"contexts-{kind}")
    feed = Feed(kafka_bootstrap, topic)
    contexts = [f"00-{number:032x}-{number:016x}-0{'13579bdf'[number % 8]}" for number in range(1, 131)]
    feed.send([b"plain"])
    feed.send([b"other"], headers=[("other", b"x" * 60)])
    feed.send([b"short"], headers=[("traceparent", b"00-1-2-01")])
    feed.send([b"null"], headers=[("traceparent", None)])
    for flags in (b"00", b"0a"):
        feed.send([b"not sampled"], headers=[("traceparent", contexts[0][:-2].encode() + flags)])
    for context in contexts:
        headers = [("a", b"b"), ("traceparent", context.encode()), ("z", b"")]
        feed.producer.produce(topic, b"traced", partition=0, headers=headers)
    feed.send([])
    for wanted in (128, 1, 0, None):
        traced = None if wanted is None else lambda records, wanted=wanted: wanted if records else 0
        poll = open_poll(options(kafka_bootstrap, topic, poll=kind, traced=traced), 1)
        began_ns = time.time_ns()
        poll.assign({0: 0})
        found = collect(poll, [0], lambda found: records(found[0]) == 136)[0]
        poll.close()
        traces = [drained.batch.trace for drained in found if drained.batch is not None]
        if wanted is None:
            assert set(traces) == {None}
            continue
        assert all(each is not None and began_ns < each.began_ns < time.time_ns() for each in traces)
        told = [each for trace in traces if trace is not None for each in trace.parents]
        assert all(len(trace.parents) <= wanted for trace in traces if trace is not None)
        assert told[:wanted] == contexts[:wanted]


def test_partitions_stay_apart_and_in_order(kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"apart-{kind}", 2)
    feed = Feed(kafka_bootstrap, topic)
    feed.send(numbered(0, 5000), 0)
    feed.send(numbered(5000, 9000), 1)
    poll = opened(topic)
    poll.assign({0: 0, 1: 1000})
    found = collect(poll, [0, 1], lambda found: records(found[0]) == 5000 and records(found[1]) == 3000)
    for partition, first, last, shift in ((0, 0, 5000, 0), (1, 1000, 4000, 5000)):
        batches = [drained.batch for drained in found[partition] if drained.batch is not None]
        assert all(batch.partition == partition and len(batch) <= 1000 for batch in batches)
        assert [o for batch in batches for o in batch.offsets.tolist()] == list(range(first, last))
        assert b"".join(batch.data for batch in batches) == b"".join(numbered(first + shift, last + shift))


def test_the_end_of_a_partition_and_a_lost_place_are_told(
    kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str
) -> None:
    topic = make_topic(kafka_bootstrap, f"told-{kind}", 2)
    Feed(kafka_bootstrap, topic).send(numbered(0, 3), 0)
    poll = opened(topic)
    poll.assign({0: 0, 1: 99})
    found = collect(poll, [0, 1], lambda found: any(d.end_offset >= 0 for d in found[0]) and bool(found[1]))
    assert max(drained.end_offset for drained in found[0]) == 3
    assert poll.watermarks(0) == (0, 3)
    assert found[1][0].error == -140
    assert found[1][0].batch is None


def test_assigning_again_reads_again_from_there(
    kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str
) -> None:
    topic = make_topic(kafka_bootstrap, f"again-{kind}")
    Feed(kafka_bootstrap, topic).send(numbered(0, 100))
    poll = opened(topic)
    poll.assign({0: 0})
    collect(poll, [0], lambda found: records(found[0]) == 100)
    poll.assign({0: 90})
    batches = collect(poll, [0], lambda found: records(found[0]) == 10)[0]
    assert [o for d in batches if d.batch is not None for o in d.batch.offsets.tolist()] == list(range(90, 100))


def test_a_paused_partition_holds_up_nobody(kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"paused-{kind}", 2)
    feed = Feed(kafka_bootstrap, topic)
    feed.send(numbered(0, 100), 0)
    poll = opened(topic)
    poll.assign({0: 0, 1: 0})
    collect(poll, [0], lambda found: records(found[0]) == 100)
    poll.pause(0)
    feed.send(numbered(0, 100), 0)
    feed.send(numbered(0, 100), 1)
    collect(poll, [1], lambda found: records(found[1]) == 100)


def test_a_record_ends_the_wait_at_once(kind: KIND, opened: Callable[[str], Poll], kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"wait-{kind}")
    poll = opened(topic)
    poll.assign({0: 0})
    collect(poll, [0], lambda found: bool(found[0]))  # the end of the empty partition: it's being fetched from now on
    poll.drain([0], 10)
    feed = Feed(kafka_bootstrap, topic)
    sender = threading.Timer(0.3, lambda: feed.send([b"now"]))
    sender.start()
    began, cpu = time.monotonic(), time.thread_time()
    found: dict[int, Drained] = {}
    while not any(drained.batch for drained in found.values()):
        poll.wait(10)
        found |= poll.drain([0], 10)
    sender.join()
    assert time.monotonic() - began < 5
    assert time.thread_time() - cpu < 0.1


def test_a_million_records_in_small_drains_leave_no_memory_behind(kafka_bootstrap: str) -> None:
    def resident_bytes() -> int:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * 4096

    topic = make_topic(kafka_bootstrap, "leaks")
    feed = Feed(kafka_bootstrap, topic, {"linger.ms": 5, "queue.buffering.max.messages": 200_000})
    feed.send((b"%045d" % number for number in range(50_000)), key=b"AAPL")
    poll = open_poll(options(kafka_bootstrap, topic, poll="native", batch_records_max=1000), 1)
    sizes = []
    try:
        for _ in range(20):
            poll.assign({0: 0})
            seen = 0
            deadline = time.monotonic() + 60
            while seen < 50_000:
                assert time.monotonic() < deadline
                drained = poll.drain([0], 10).get(0)
                if drained is None:
                    poll.wait(0.05)
                elif drained.batch is not None:
                    seen += len(drained.batch)
            sizes.append(resident_bytes())
    finally:
        poll.close()
    assert sizes[-1] - sizes[4] < 16 << 20, sizes
