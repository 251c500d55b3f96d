"""What the lookout makes of positions and ends, and when its thread comes and goes."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from connectors.kafka.ends import LogEnd
from connectors.kafka.source import PartitionPosition
from flows.lookout import Lookout, servers_of
from runtime.settings.whole import load_settings
from schemas.errors import SettingError

WAIT_S = 10.0


class Source:
    def __init__(self, *positions: PartitionPosition) -> None:
        self.is_reading = True
        self._positions = list(positions)

    def positions(self) -> list[PartitionPosition]:
        return self._positions


def at(next_offset: int, high: int, lag: int, *, caught_up: bool = False) -> PartitionPosition:
    return PartitionPosition("trades", 0, next_offset, high, lag, caught_up)


def seen(position: PartitionPosition, end: LogEnd) -> tuple[int, int]:
    """Lag and hidden offsets."""
    lookout = Lookout(Source(position), lambda _: {0: end}, where="here", stop=threading.Event())
    lookout.look()
    (found,) = lookout.positions()
    return found.lag, found.hidden


def test_lag_is_what_the_client_says_until_the_first_answer() -> None:
    lookout = Lookout(Source(at(10, 15, 5)), lambda _: {}, where="here", stop=threading.Event())
    assert lookout.positions() == [at(10, 15, 5)]


@pytest.mark.parametrize(
    ("position", "end", "lag", "hidden"),
    [
        (at(10, 15, 5), LogEnd(300, 300), 290, 0),  # the client stopped asking
        (at(10, 15, 5), LogEnd(12, 12), 5, 0),  # the client knows more
        (at(15, 15, 0, caught_up=True), LogEnd(15, 15), 0, 0),
        (at(15, 15, 0, caught_up=True), LogEnd(20, 20), 5, 0),
        (at(15, 15, 0, caught_up=True), LogEnd(15, 40), 0, 25),  # an open transaction: nothing to read
        (at(10, 15, 5), LogEnd(12, 40), 2, 28),
    ],
)
def test_lag_counts_to_where_readers_may_read(position: PartitionPosition, end: LogEnd, lag: int, hidden: int) -> None:
    assert seen(position, end) == (lag, hidden)


def test_it_looks_again_and_again_and_ends_with_the_source() -> None:
    source, asked = Source(at(10, 10, 0)), threading.Semaphore(0)

    def ends(partitions: Iterable[int]) -> Mapping[int, LogEnd]:
        assert list(partitions) == [0]
        asked.release()
        return {}

    lookout = Lookout(source, ends, where="here", stop=threading.Event(), every_s=0.01, turn_s=0.001)
    lookout.start()
    lookout.start()
    for _ in range(3):
        assert asked.acquire(timeout=WAIT_S)
    source.is_reading = False
    (thread,) = [each for each in threading.enumerate() if each.name == "lookout"]
    thread.join(WAIT_S)
    assert not thread.is_alive()


class Group:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[int, int]] = []
        self.heard = threading.Semaphore(0)

    def tell(self, offsets: Mapping[int, int]) -> None:
        self.told.append(dict(offsets))
        self.heard.release()

    def finish(self, offsets: Mapping[int, int], wait_s: float) -> None:
        assert wait_s < 5
        self.told.append(dict(offsets))


def test_a_group_is_told_how_far_it_is_and_once_more_at_the_end() -> None:
    source, group, stop = Source(at(10, 15, 5)), Group(), threading.Event()
    lookout = Lookout(source, lambda _: {}, where="here", stop=stop, group=group, every_s=0.001, turn_s=0.001)
    lookout.start()
    assert group.heard.acquire(timeout=WAIT_S)
    source._positions[:] = [at(15, 15, 0)]
    stop.set()
    for each in threading.enumerate():
        if each.name == "lookout":
            each.join(WAIT_S)
    assert (group.told[0], group.told[-1]) == ({0: 10}, {0: 15})


def test_it_says_where_the_flow_began_and_once_that_it_has_caught_up() -> None:
    source, asked = Source(replace(at(15, 15, 0, caught_up=True), began_at=10)), threading.Semaphore(0)

    def ends(_: Iterable[int]) -> Mapping[int, LogEnd]:
        asked.release()
        return {}

    stop = threading.Event()
    lookout = Lookout(
        source, ends, where="here", stop=stop, facts=lambda: {"topic": "trades"}, every_s=0.001, turn_s=0.001
    )
    with capture_logs() as said:
        lookout.start()
        for _ in range(3):
            assert asked.acquire(timeout=WAIT_S)
        stop.set()
        (thread,) = [each for each in threading.enumerate() if each.name == "lookout"]
        thread.join(WAIT_S)
    started, caught_up = said
    assert (started["event"], caught_up["event"]) == ("flow_started", "flow_caught_up")
    assert (started["offsets"], started["topic"], caught_up["offsets_read"]) == ({"0": 10}, "trades", 5)


def test_a_process_without_partitions_is_stopped_all_the_same() -> None:
    stop = threading.Event()
    lookout = Lookout(Source(), lambda _: {}, where="here", stop=stop, turn_s=0.001)
    lookout.start()
    stop.set()
    assert all(each.name != "lookout" or not each.join(WAIT_S) for each in threading.enumerate())


def test_a_refusal_ends_it_and_leaves_the_lag_as_it_was() -> None:
    def refuse(_: Iterable[int]) -> Mapping[int, LogEnd]:
        raise SettingError("not allowed", mend="ask for DESCRIBE")

    lookout = Lookout(Source(at(10, 15, 5)), refuse, where="here", stop=threading.Event(), every_s=0.01, turn_s=0.001)
    with capture_logs() as said:
        lookout.start()
        (thread,) = [each for each in threading.enumerate() if each.name == "lookout"]
        thread.join(WAIT_S)
    assert not thread.is_alive()
    assert said[-1]["event"] == "lag_question_refused"
    assert lookout.positions() == [at(10, 15, 5)]


def test_the_servers_of_a_flow_name_the_registry_only_where_there_is_one() -> None:
    assert servers_of(load_settings(), "redis") == ("kafka", "redis")
    with_registry = load_settings(schema_registry_url="http://registry:8081")
    assert servers_of(with_registry) == ("kafka", "schema-registry")
