"""Who leads, on a real Redis: one at a time, the next at once after an orderly end, an end of who lost the lease."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY

from processes.leadership import leadership, stands_by, tell_lead
from runtime.settings.whole import Settings
from schemas.errors import LeaseLost, TapeflowError
from schemas.names import leader_key
from tests.servers.redis import RedisServer

LIVES_MS = 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("leadership")) as server:
        yield server


@pytest.fixture
def settings(server: RedisServer) -> Settings:
    return Settings(redis_url=server.url, standby=True, lease_ms=LIVES_MS)


class Second:
    """Another who wants to lead, in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.stop, self.warmed, self.entered = threading.Event(), threading.Event(), threading.Event()
        self.leads: bool | None = None
        self._settings = settings
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with leadership(self._settings, "live", 0, self.stop, never_ends, self.warmed.set) as self.leads:
            self.entered.set()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def never_ends(error: TapeflowError) -> None:
    raise AssertionError(error)


def never_warms() -> None:
    raise AssertionError("nobody leads")


def takeovers() -> float:
    return REGISTRY.get_sample_value("tapeflow_takeovers_total", {"flow": "live"}) or 0.0


def test_the_second_waits_prepared_and_leads_at_once_after_an_orderly_end(settings: Settings) -> None:
    before = takeovers()
    with leadership(settings, "live", 0, threading.Event(), never_ends, never_warms) as leads:
        assert leads
        assert REGISTRY.get_sample_value("tapeflow_leader", {"flow": "live"}) == 0, "its folder may be held yet"
        tell_lead(settings, "live", 0)
        assert REGISTRY.get_sample_value("tapeflow_leader", {"flow": "live"}) == 1
        assert takeovers() == before, "nobody led before"
        second = Second(settings)
        assert second.warmed.wait(10)
        assert not second.entered.wait(2 * LIVES_MS / 1000), "a lease is renewed"
    assert second.entered.wait(10)
    assert second.leads
    assert takeovers() == before + 1
    second.end()


def test_who_waits_can_be_stopped(settings: Settings) -> None:
    with leadership(settings, "live", 0, threading.Event(), never_ends, never_warms):
        second = Second(settings)
        assert second.warmed.wait(10)
        second.end()
        assert second.leads is False


def test_who_loses_the_lease_is_ended_once(settings: Settings, server: RedisServer) -> None:
    ended: list[TapeflowError] = []
    told = threading.Event()

    def end(error: TapeflowError) -> None:
        ended.append(error)
        told.set()

    with (
        redis.Redis.from_url(server.url) as client,
        leadership(settings, "live", 0, threading.Event(), end, never_warms),
    ):
        client.set(leader_key("live"), "host pid 7 beef")
        assert told.wait(10)
    assert [type(error) for error in ended] == [LeaseLost]
    assert "host pid 7 beef" in str(ended[0])
    with redis.Redis.from_url(server.url) as client:
        assert client.get(leader_key("live")) == b"host pid 7 beef", "a lease of another is left alone"
        client.delete(leader_key("live"))


def test_who_leads_goes_on_while_redis_is_away(settings: Settings, server: RedisServer) -> None:
    with leadership(settings, "live", 0, threading.Event(), never_ends, never_warms):
        server.restart(crash=True, keep_data=False)
        with redis.Redis.from_url(server.url) as client:
            moment = threading.Event()
            while not client.exists(leader_key("live")):
                moment.wait(0.01)


def test_the_other_processes_of_a_run_and_other_flows_ask_nobody(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with ExitStack() as entered:
        arguments: Any = (threading.Event(), never_ends, never_warms)
        assert entered.enter_context(leadership(nowhere, "live", 1, *arguments))
        assert entered.enter_context(leadership(nowhere, "history", 0, *arguments))
        alone = nowhere.model_copy(update={"standby": False})
        assert entered.enter_context(leadership(alone, "live", 0, *arguments))
    assert stands_by(settings, "live")
    assert not stands_by(settings, "history")
