"""Waiting for a server: retried until it is back, except for what no wait can mend."""

import threading

import pytest

from schemas.errors import Unreachable
from sinks import outage
from sinks.outage import persist


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
    assert persist(server, where="here", is_outage=is_outage, stop=threading.Event()) == "done"
    assert server.calls == 6


def test_any_other_error_passes_through() -> None:
    server = Server(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        persist(server, where="here", is_outage=is_outage, stop=threading.Event())
    assert server.calls == 1


def test_a_stop_ends_the_wait_after_its_grace() -> None:
    stop = threading.Event()
    stop.set()
    server = Server(10**9, ConnectionError("down"))
    with pytest.raises(Unreachable, match=r"stopped while the server was down \(here\): down"):
        persist(server, where="here", is_outage=is_outage, stop=stop)
    assert server.calls > 1


def test_a_blip_during_a_stop_spoils_nothing() -> None:
    stop = threading.Event()
    stop.set()
    assert persist(Server(2, ConnectionError("down")), where="here", is_outage=is_outage, stop=stop) == "done"
