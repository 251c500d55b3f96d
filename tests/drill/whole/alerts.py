"""Shipped alerts on the secured system of the drill: those that can be provoked there and leave its topic as it is.

The step hands in the system, and tests.drill.alarms does it, waits for Prometheus and undoes it. Alerts that need other
flows, a venue or bad records are provoked by tests/drill/test_alarms.py on a plain system of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tests.chaos.standby import await_leader, await_prepared
from tests.chaos.world import until
from tests.drill.alarms import Provocation, clients_leave, killed_flow, left_alone, lost_target
from tests.drill.whole.crowd import Crowd
from tests.drill.whole.system import WAIT_S, System

__all__ = ["provocations"]

LEAVING: Final = 60
"""More than stay."""
ENDED_S: Final = 60.0


class History:
    """As alarms want a flow."""

    def __init__(self, system: System) -> None:
        self._system = system

    def start(self) -> None:
        self._system.start_history()
        self._system.await_read()

    def kill(self) -> None:
        self._system.history.kill()

    @property
    def pids(self) -> Sequence[int]:
        return self._system.history.pids


class Standby:
    """The live flow that doesn't lead when it is killed."""

    def __init__(self, system: System) -> None:
        self._system, self._which = system, 0

    def start(self) -> None:
        self._system.pair.start_one(self._which)
        await_prepared(self._system.pair, self._which)

    def kill(self) -> None:
        with self._system.redis() as client:
            self._which = 1 - await_leader(self._system.pair, client)
        self._system.pair.kill_one(self._which)

    @property
    def pids(self) -> Sequence[int]:
        standby = self._system.pair.instances[self._which]
        return standby.pids if standby is not None else ()


def provocations(system: System) -> Iterator[Provocation]:
    """Each is made when the one before is undone."""
    yield _stalled_redis(system)
    clickhouse = system.servers.clickhouse
    yield Provocation("ClickHouse is killed", ("ServerDown of clickhouse",), clickhouse.kill, clickhouse.start)
    yield killed_flow(History(system))
    yield left_alone(Standby(system))
    yield Provocation(
        "a gateway is killed", ("GatewayDown",), lambda: system.kill_gateway(1), lambda: system.start_gateway(1)
    )
    for job, name in (("flows", "NoFlows"), ("gateway", "NoGateway")):
        yield lost_target(system.targets, job, name)
    urls = [each.websocket for each in system.gateways]
    leaving = Crowd(urls, system.gateways[0].token("guest"), system.market.symbols, LEAVING)
    until(leaving.is_told, WAIT_S, "each guest to be told")
    seen = f"sum(tapeflow_ws_clients offset 15s) >= {LEAVING}"
    until(lambda: system.prometheus.ask("query", query=seen)["result"], WAIT_S, "the guests to have been there")
    yield clients_leave(leaving.close)


def _stalled_redis(system: System) -> Provocation:
    """Both servers, so that Sentinels find none to name. The lease ends meanwhile: whoever asks first has it then."""
    names = ("ServerDown of redis", "PositionStands", "GatewayInputLost")
    with system.redis() as client:
        leader = await_leader(system.pair, client)

    def undo() -> None:
        system.picture("drill-alerts", system.prometheus.url, "/classic/alerts")
        for server in system.servers.redis.servers:
            server.resume()
        until(system.servers.redis.is_watched, WAIT_S, "Redis to be whole")
        with system.redis() as client:
            leads_now = await_leader(system.pair, client)
        if leads_now != leader:
            ousted = system.pair.instances[leader]
            assert ousted is not None
            ousted.wait(ENDED_S)
            system.pair.start_one(leader)
            await_prepared(system.pair, leader)

    def do() -> None:
        for server in system.servers.redis.servers:
            server.pause()

    return Provocation("both servers of Redis are stopped (SIGSTOP)", names, do, undo)
