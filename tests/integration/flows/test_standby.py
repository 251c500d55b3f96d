"""Two live flows on real servers: the one that stands by goes on where a killed one was, and a stalled one gives way.

Keys and streams are held against the oracle afterwards. The long run of kills is ``python -m tests.chaos.standby``.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from oracle.truth import OracleTrade
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from schemas.names import leader_key
from tests.chaos.follower import StreamFollower
from tests.chaos.truth import Truth, Verdict
from tests.chaos.world import free_ports_in_a_row, until
from tests.integration.flows.market_feeding import PARTITIONS, feed, tape
from tests.servers.redis import RedisServer

WAIT_S = 60.0
LOST = 4


class Instances:
    """As many live flows as are started, on one topic and one Redis."""

    def __init__(self, settings: Settings, client: Any, folder: Path) -> None:
        self.settings, self.client = settings, client
        self.truth = Truth(settings, StreamFollower(client, PARTITIONS))
        self.flows: list[FlowProcess] = []
        self._folder = folder

    def start(self, processes: int = 1) -> int:
        which = len(self.flows)
        settings = self.settings.model_copy(update={"metrics_port": free_ports_in_a_row(processes)})
        with self._log(which).open("wb") as log:
            self.flows.append(FlowProcess("live", settings, processes, log))
            self.flows[-1].start()
        return which

    def start_pair(self, trades: list[OracleTrade], processes: int = 1) -> tuple[int, int]:
        """The leader of a topic with ``trades``, and who stands by, prepared."""
        feed(self.settings, trades)
        leader = self.start(processes)
        self.await_said(leader, "flow_started")
        second = self.start(processes)
        self.await_said(second, "standby_prepared")
        return leader, second

    def _log(self, which: int) -> Path:
        return self._folder / f"live-{which}.log"

    def await_said(self, which: int, event: str) -> None:
        until(lambda: event in self._log(which).read_text(), WAIT_S, f"{event}: {self._log(which).read_text()}")

    def await_alike(self) -> None:
        """Until Redis holds what follows from the topic, and its streams said nothing else on the way."""
        self.truth.advance()
        verdict = Verdict()

        def is_alike() -> bool:
            nonlocal verdict
            verdict = Verdict()
            self.truth.check_redis(verdict, self.client)
            return not verdict.differences

        try:
            until(is_alike, WAIT_S, "Redis to hold what the oracle says")
        except TimeoutError as error:
            raise AssertionError(str(verdict)) from error
        assert verdict.rows

    def leader_pid(self) -> int:
        held: Any = self.client.get(leader_key("live"))
        return int(held.decode().split(" pid ")[1].split()[0])


@pytest.fixture
def instances(kafka_bootstrap: str, tmp_path: Path) -> Iterator[Instances]:
    with RedisServer(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        settings = Settings(
            kafka_bootstrap=kafka_bootstrap,
            kafka_topic=f"standby-{uuid.uuid4().hex[:8]}",
            redis_url=server.url,
            recovery_dir=tmp_path / "recovery",
            dead_letters_from="none",
            epoch_ms=300,
            idle_close_ms=300,
            stream_minutes_max=10_000,
            standby=True,
            log_format="json",
        )
        made = Instances(settings, client, tmp_path)
        try:
            yield made
        finally:
            for flow in made.flows:
                flow.kill()


def market() -> list[OracleTrade]:
    return tape(3_000, 40, late_every=100)


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_who_stands_by_goes_on_where_a_killed_leader_was(instances: Instances, processes: int) -> None:
    trades = market()
    first, second = instances.start_pair(trades[:1000], processes)
    feed(instances.settings, trades[1000:2000])
    instances.flows[first].kill()
    feed(instances.settings, trades[2000:])
    instances.await_said(second, "lease_acquired")
    assert instances.leader_pid() == instances.flows[second].pids[0]
    instances.await_alike()
    assert instances.flows[second].stop() == 0
    until(lambda: not instances.client.exists(leader_key("live")), WAIT_S, "the lease to be given back")


@pytest.mark.thorough
def test_a_leader_that_stalls_is_replaced_and_ends_when_it_comes_to(instances: Instances) -> None:
    trades = market()
    first, second = instances.start_pair(trades[:1000])
    (pid,) = instances.flows[first].pids
    os.kill(pid, signal.SIGSTOP)
    feed(instances.settings, trades[1000:])
    instances.await_said(second, "folder_awaited")
    os.kill(pid, signal.SIGCONT)
    assert instances.flows[first].wait(30) == LOST
    assert "another process runs this flow now" in instances.flows[first].line
    instances.await_said(second, "flow_started")
    instances.await_alike()


@pytest.mark.thorough
def test_an_orderly_stop_hands_over(instances: Instances) -> None:
    trades = market()
    first, second = instances.start_pair(trades[:1000])
    assert instances.flows[first].stop() == 0
    feed(instances.settings, trades[1000:])
    instances.await_said(second, "flow_started")
    instances.await_alike()
