"""Waiting for a server: retried until it is back, except for what no wait can mend."""

import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from runtime import outage
from runtime.outage import OUTAGES, Outages, heard, persist
from schemas.errors import Unreachable


class Server:
    """Refuses the first ``refusals`` calls."""

    def __init__(self, refusals: int, error: Exception) -> None:
        self.refusals, self.error, self.calls = refusals, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.refusals:
            raise self.error
        return "done"


def is_outage(error: Exception) -> bool:
    return isinstance(error, ConnectionError)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "PAUSE_S", 0.001)
    monkeypatch.setattr(outage, "STOP_GRACE_S", 0.05)


def test_an_outage_is_waited_for() -> None:
    server = Server(5, ConnectionError("down"))
    assert persist(server, server="redis", where="here", is_outage=is_outage, stop=threading.Event()) == "done"
    assert server.calls == 6


class Pauses(threading.Event):
    """A stop that never comes; what was waited for it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def test_pauses_grow_up_to_their_bound() -> None:
    pauses = Pauses()
    server = Server(20, ConnectionError("down"))
    assert persist(server, server="redis", where="here", is_outage=is_outage, stop=pauses) == "done"
    assert pauses.seconds[:3] == [0.001, 0.002, 0.004]
    assert pauses.seconds[-5:] == [outage.PAUSE_S_MAX] * 5


def test_any_other_error_passes_through() -> None:
    server = Server(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        persist(server, server="redis", where="here", is_outage=is_outage, stop=threading.Event())
    assert server.calls == 1


def test_a_stop_ends_the_wait_after_its_grace() -> None:
    stop = threading.Event()
    stop.set()
    server = Server(10**9, ConnectionError("down"))
    with pytest.raises(Unreachable, match=r"stopped while the server was down \(here\): down"):
        persist(server, server="redis", where="here", is_outage=is_outage, stop=stop)
    assert server.calls > 1


def test_a_blip_during_a_stop_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "STOP_GRACE_S", 60.0)  # however busy the machine is
    stop = threading.Event()
    stop.set()
    assert (
        persist(Server(2, ConnectionError("down")), server="redis", where="here", is_outage=is_outage, stop=stop)
        == "done"
    )


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def said() -> Iterator[Lines]:
    """Lines of the log, taken out as they are looked at."""
    with capture_logs() as found:
        yield found


def lines(said: Lines) -> Lines:
    found = said[:]
    said.clear()
    return found


def test_a_server_that_failed_is_down_until_it_answers(said: Lines) -> None:
    clock = Clock()
    outages = Outages(clock)
    with outages.asking("redis", "here") as ask:
        assert outages.down() == frozenset()
        ask.failed("connection refused")
        assert outages.down() == {"redis"}
        clock.now_s += 4
        ask.failed("connection refused")
        outages.look()
        assert len(lines(said)) == 1
        clock.now_s += 6
        outages.look()
        (again,) = lines(said)
        assert (again["event"], again["down_s"]) == ("server_awaited", 10.0)
    assert outages.down() == frozenset()
    (back,) = lines(said)
    assert (back["event"], back["down_s"]) == ("server_returned", 10.0)


def test_a_silent_server_is_said_after_ten_seconds_and_counted_from_the_request(
    said: Lines,
) -> None:
    clock = Clock()
    outages = Outages(clock)
    with outages.asking("clickhouse", "here") as ask:
        clock.now_s += 9
        outages.look()
        assert not lines(said)
        clock.now_s += 1
        outages.look()
        (line,) = lines(said)
        assert "doesn't answer" in line["error"]
        assert outages.down() == {"clickhouse"}
        clock.now_s += 50
        ask.failed("it didn't answer in time")
        clock.now_s += 10
        outages.look()
        assert lines(said)[-1]["down_s"] == 70.0


def test_two_connections_to_one_place_need_one_line(said: Lines) -> None:
    clock = Clock()
    outages = Outages(clock)
    with outages.asking("clickhouse", "here"), outages.asking("clickhouse", "here"), outages.asking("redis", "there"):
        for _ in range(30):
            clock.now_s += 1
            outages.look()
        assert [line["server"] for line in lines(said)].count("clickhouse") == 3


def test_a_long_request_that_is_answered_in_parts_is_no_stall(said: Lines) -> None:
    clock = Clock()
    outages = Outages(clock)
    with outages.asking("redis", "here"):
        for _ in range(5):
            clock.now_s += 8
            outages.look()
            heard()
    assert not lines(said)


def test_a_quick_answer_leaves_no_line(said: Lines) -> None:
    assert persist(lambda: 1, server="redis", where="here", is_outage=is_outage, stop=threading.Event()) == 1
    assert not lines(said)
    assert OUTAGES.down() == frozenset()


def test_an_error_that_is_raised_ends_the_waiting() -> None:
    with pytest.raises(ValueError, match="wrong"):
        persist(
            Server(1, ValueError("wrong")), server="redis", where="here", is_outage=is_outage, stop=threading.Event()
        )
    assert OUTAGES.down() == frozenset()
