"""Every way in which the killer strikes, one function each; ``FAULTS`` says how often.

A fault only does what the world outside could do: signals to processes, lost files, records on the topic, time passing
for everybody. No product code knows of it. "Inside an insert" and "inside a script" need no hook either: with the
server stopped, a request lies in its socket's queue until the writer has been killed.
"""

import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.chaos.clock import COMPILER
from tests.chaos.world import Flow, World, rest, until

__all__ = ["FAULTS", "Fault"]

Fault = Callable[[World, random.Random], None]
STALL_S: Final = 7.0
"""Longer than the 5 s that sinks.redis.sink waits for an answer, and than the 3 s of the other two in this world."""
QUEUED_S: Final = 5.0
BACK_S: Final = 60.0
MAX_AHEAD_S: Final = 86_400
CLOCK_SEEN_S: Final = 1.2
"""Within which a worker has noticed that its clock was set."""


def kill_worker(name: str) -> Fault:
    def fault(world: World, rng: random.Random) -> None:
        flow = world.flows[name]
        flow.kill(rng.choice(flow.pids) if flow.pids else None)
        flow.start()

    return fault


def kill_flows(world: World, rng: random.Random) -> None:
    for flow in world.flows.values():
        flow.kill()
    for flow in world.flows.values():
        flow.start()


def kill_in_insert(name: str) -> Fault:
    """ClickHouse gets the insert of a worker that is dead by then."""

    def fault(world: World, rng: random.Random) -> None:
        world.flows[name].await_up()
        world.clickhouse.pause()
        try:
            await_request(world.clickhouse.port)
            world.flows[name].kill()
        finally:
            world.clickhouse.resume()
        world.flows[name].start()

    return fault


def kill_in_script(name: str) -> Fault:
    """Redis runs the script of a worker that is dead by then."""

    def fault(world: World, rng: random.Random) -> None:
        world.flows[name].await_up()
        world.redis.pause()
        try:
            await_request(world.redis.port)
            world.flows[name].kill()
        finally:
            world.redis.resume()
        world.flows[name].start()

    return fault


def kill_clickhouse(world: World, rng: random.Random) -> None:
    world.clickhouse.restart(crash=True)


def kill_clickhouse_in_insert(world: World, rng: random.Random) -> None:
    """The insert is in the socket's queue, or half read, when the server dies."""
    world.flows["history"].await_up()
    world.clickhouse.pause()
    try:
        await_request(world.clickhouse.port)
    finally:
        world.clickhouse.resume()
        rest(rng.random() * 0.02)
        world.clickhouse.restart(crash=True)


def kill_redis(world: World, rng: random.Random) -> None:
    world.redis.restart(crash=True)


def kill_redis_in_script(world: World, rng: random.Random) -> None:
    world.flows["live"].await_up()
    world.redis.pause()
    try:
        await_request(world.redis.port)
    finally:
        world.redis.resume()
        rest(rng.random() * 0.002)
        world.redis.restart(crash=True)


def wipe_redis(world: World, rng: random.Random) -> None:
    """Redis comes back empty. Tickers come back by themselves; for old final bars the flow is rebuilt from Kafka."""
    live = world.flows["live"]
    live.await_up()
    before = tickers(world)
    world.redis.restart(crash=True, keep_data=False)
    world.was_wiped = True
    until(lambda: tickers(world) >= before, BACK_S, f"{before} tickers to come back")
    rebuild(world, "live")


def tickers(world: World) -> int:
    return sum(1 for _ in world.client.scan_iter("price:*", 1000))


def rebuild(world: World, name: str) -> None:
    """What docs/recovery.md says for lost state: stop, move the folder away, start."""
    flow = world.flows[name]
    flow.kill()
    shutil.rmtree(world.settings.recovery_dir / name)
    flow.start()


def kill_broker(world: World, rng: random.Random) -> None:
    world.broker.kill()
    rest(rng.random())
    world.broker.start()


def kill_all(world: World, rng: random.Random) -> None:
    """The power fails."""
    for flow in world.flows.values():
        flow.kill()
    world.redis.kill()
    world.clickhouse.kill()
    world.broker.kill()
    world.broker.start()
    world.redis.restart()
    world.clickhouse.restart()
    for flow in world.flows.values():
        flow.start()


def stall(server: str) -> Fault:
    def fault(world: World, rng: random.Random) -> None:
        if server == "broker":
            assert world.broker.pid is not None
            os.kill(world.broker.pid, signal.SIGSTOP)
            rest(STALL_S)
            os.kill(world.broker.pid, signal.SIGCONT)
        else:
            stalled = world.redis if server == "redis" else world.clickhouse
            stalled.pause()
            rest(STALL_S)
            stalled.resume()

    return fault


def stall_worker(world: World, rng: random.Random) -> None:
    """A worker that everybody gave up on wakes while its successor runs: its writes must not count."""
    flow = world.flows[rng.choice(list(world.flows))]
    flow.await_up()
    for pid in flow.pids:
        os.kill(pid, signal.SIGSTOP)
    rest(1.0 + rng.random())
    for pid in flow.pids:
        os.kill(pid, signal.SIGCONT)


def second_replica(world: World, rng: random.Random) -> None:
    """Somebody starts the same flow once more, without its state: it writes everything again, beside the first."""
    # Of the alerts flow there is one: two would arm rules at two places of the log.
    name = rng.choice([name for name in world.flows if name != "alerts"])
    folder = world.folder / f"replica-{rng.randrange(10**9)}"
    settings = world.settings.model_copy(update={"recovery_dir": folder})
    replica = Flow(name, settings, world.folder / "replica.log", world.clock)
    try:
        replica.await_up()
        rest(rng.uniform(0.5, 3.0))
    finally:
        replica.kill()


def downtime(world: World, rng: random.Random) -> None:
    """The flows are away for an hour of the market's time."""
    for flow in world.flows.values():
        flow.kill()
    world.tape.send(200)
    world.tape.jump(3600)
    world.tape.send(200)
    for flow in world.flows.values():
        flow.start()


def jump_clock(world: World, rng: random.Random) -> None:
    """The workers' hosts are set forward, or back, by up to two hours, while they run."""
    for flow in world.flows.values():
        flow.await_up()
    away_s = rng.choice((-7200, -90, -3, 3, 90, 7200))
    world.clock.jump(away_s if abs(world.clock.ahead_s + away_s) < MAX_AHEAD_S else -world.clock.ahead_s)
    rest(CLOCK_SEEN_S)


def rescale(world: World, rng: random.Random) -> None:
    """An orderly stop, then another number of processes."""
    flow = world.flows[rng.choice(list(world.flows))]
    flow.await_up()
    flow.stop()
    flow.processes = {1: 3, 3: 2, 2: 1}[flow.processes]
    flow.start()


def restart_orderly(world: World, rng: random.Random) -> None:
    for flow in world.flows.values():
        flow.await_up()
        flow.stop()
        flow.start()


def await_request(port: int) -> None:
    """Until a request waits in the queue of a stopped server, or nobody has anything to ask."""
    try:
        until(lambda: queued_bytes(port) > 0, QUEUED_S, "a request")
    except TimeoutError:
        return


def queued_bytes(port: int) -> int:
    """Bytes that clients sent to ``port`` on this host and its server hasn't read."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = [line.split() for line in lines]
    return sum(int(each[4].split(":")[1], 16) for each in found if each[1].endswith(f":{port:04X}") and each[3] == "01")


FAULTS: Final[dict[str, tuple[Fault, int]]] = {
    "kill live": (kill_worker("live"), 30),
    "kill history": (kill_worker("history"), 30),
    "kill analytics": (kill_worker("analytics"), 24),
    "kill alerts": (kill_worker("alerts"), 24),
    "kill quotes": (kill_worker("quotes"), 24),
    "kill every flow": (kill_flows, 10),
    "kill history in an insert": (kill_in_insert("history"), 14),
    "kill analytics in an insert": (kill_in_insert("analytics"), 7),
    "kill alerts in an insert": (kill_in_insert("alerts"), 7),
    "kill quotes in an insert": (kill_in_insert("quotes"), 7),
    "kill live in a script": (kill_in_script("live"), 14),
    "kill analytics in a script": (kill_in_script("analytics"), 7),
    "kill alerts in a script": (kill_in_script("alerts"), 7),
    "kill quotes in a script": (kill_in_script("quotes"), 7),
    "kill ClickHouse": (kill_clickhouse, 7),
    "kill ClickHouse in an insert": (kill_clickhouse_in_insert, 7),
    "kill Redis": (kill_redis, 8),
    "kill Redis in a script": (kill_redis_in_script, 6),
    "wipe Redis": (wipe_redis, 4),
    "kill the broker": (kill_broker, 7),
    "kill everything": (kill_all, 2),
    "stall Redis": (stall("redis"), 2),
    "stall ClickHouse": (stall("clickhouse"), 2),
    "stall the broker": (stall("broker"), 2),
    "stall a worker": (stall_worker, 4),
    "a second replica": (second_replica, 3),
    "an hour of downtime": (downtime, 4),
    "rescale": (rescale, 6),
    "orderly restart": (restart_orderly, 3),
    **({"set the clock": (jump_clock, 6)} if COMPILER is not None else {}),
}
"""Name -> what it does, and its weight."""
