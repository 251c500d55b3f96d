"""Both flows under an operator's hands: servers killed and started again, stops, crashes, rescaling, lost log.

Everything that was written is compared with the oracle afterwards: bars and trades in ClickHouse, keys and streams in
Redis, dead letters, and the flows' own accounts.
"""

import random
import shutil
import time
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from jobs.clickhouse_bars import read_bars
from processes.runner import FlowProcess
from sinks.clickhouse.connection import connect
from tests.chaos import faults
from tests.chaos.world import World, rest, until

RNG = random.Random(1)
GONE_S = 10
QUIET_S = 8.0


def all_alike(world: World) -> int:
    """Everything equals the oracle; gives the rows compared."""
    verdict = world.check()
    assert not verdict.differences, str(verdict)
    assert not list(world.unexpected())
    return verdict.rows


@pytest.mark.parametrize("server", ["broker", "redis", "clickhouse"])
def test_a_server_that_is_killed_and_comes_back_costs_nothing(world: World, server: str) -> None:
    for flow in world.flows.values():
        flow.await_up()
    {"broker": faults.kill_broker, "redis": faults.kill_redis, "clickhouse": faults.kill_clickhouse}[server](world, RNG)
    world.tape.send(200)
    assert all_alike(world) > 200


def test_bad_records_of_every_kind_cost_their_neighbours_nothing(world: World) -> None:
    world.tape.send_corrupt(60)
    world.tape.change_schema()
    world.tape.send(50)
    all_alike(world)
    reasons = {reason.label for reasons in world.truth.result.rejects.values() for reason in reasons}
    assert reasons >= {
        "corrupt", "unknown-schema", "bad-frame", "empty-value", "price-not-positive", "size-negative", "future-time",
        "before-1970", "bad-symbol", "too-large",
    }  # fmt: skip


@pytest.mark.thorough
def test_a_flow_stops_with_one_process_and_resumes_with_three(world: World) -> None:
    for processes in (3, 1):
        for flow in world.flows.values():
            flow.await_up()
            flow.stop()
            flow.processes = processes
            flow.start()
        for flow in world.flows.values():
            flow.await_up()
        world.tape.send(100)
    all_alike(world)


def test_a_crash_is_made_good_and_the_first_output_comes_soon(world: World) -> None:
    for flow in world.flows.values():
        flow.kill()
        flow.start()
        flow.await_up()
    all_alike(world)


@pytest.mark.thorough
def test_a_redis_that_comes_back_empty_is_filled_by_a_running_flow(world: World) -> None:
    faults.wipe_redis(world, RNG)
    all_alike(world)


@pytest.mark.thorough
def test_a_redis_that_comes_back_empty_in_a_quiet_market_is_filled_too(world: World) -> None:
    all_alike(world)
    world.tape.pause()
    # The clock closes bars of a quiet market, which are writes too: begin when those of this minute are out.
    written, since_s = -1, time.monotonic()
    while time.monotonic() < since_s + QUIET_S:
        if (now := sum(world.client.xlen(key) for key in world.client.keys("md:deltas:*"))) != written:
            written, since_s = now, time.monotonic()
        rest(0.1)
    before = faults.tickers(world)
    world.redis.restart(crash=True, keep_data=False)
    until(lambda: faults.tickers(world) >= before, QUIET_S, f"{before} tickers to come back without a trade")
    world.tape.resume()
    faults.rebuild(world, "live")
    all_alike(world)


@pytest.mark.thorough
def test_a_second_worker_with_the_same_identity_is_refused(world: World) -> None:
    world.flows["history"].await_up()
    log = world.folder / "second.log"
    with log.open("wb") as file:
        second = FlowProcess("history", world.settings, log=file)
        second.start()
        assert second.wait(60) == 2
    assert "process 0 of this flow is running already" in log.read_text()
    all_alike(world)


@pytest.mark.thorough
def test_a_second_replica_without_state_writes_everything_again_and_changes_nothing(world: World) -> None:
    for seed in (1, 5):  # live, then history
        faults.second_replica(world, random.Random(seed))
    all_alike(world)


@pytest.mark.thorough
def test_a_stop_ends_in_time_while_its_server_is_down_and_loses_nothing(world: World) -> None:
    """Exit code 2 says that the last epoch isn't kept; the next start reads it again."""
    for name, server in (("live", world.redis), ("history", world.clickhouse)):
        flow = world.flows[name]
        flow.await_up()
        server.pause()
        world.tape.send(200)
        try:
            began = time.monotonic()
            assert flow._run is not None
            assert flow._run.stop() in (0, 2)
            assert time.monotonic() - began < GONE_S
        finally:
            server.resume()
        flow.start()
        flow.await_up()
    all_alike(world)


@pytest.mark.thorough
def test_expired_records_are_said_and_whole_bars_are_never_replaced_by_cut_ones(world: World) -> None:
    """Last in this file: the gap stays in the topic for good."""
    history = world.flows["history"]
    all_alike(world)
    history.stop()
    client = connect(world.settings.clickhouse_dsn)
    before = read_bars(client, world.settings.clickhouse_database)
    world.tape.send(2000)
    world.tape.pause()
    world.truth.advance()
    read = {partition: count["read"] for partition, count in world.truth.result.counts.items()}
    admin: Any = AdminClient({"bootstrap.servers": world.broker.bootstrap})
    cut = {partition: max(count - 100, 0) for partition, count in read.items()}
    wanted = [TopicPartition("trades", partition, offset) for partition, offset in cut.items()]
    for future in admin.delete_records(wanted).values():
        future.result(30)
    history.start()
    assert history._run is not None
    began = time.monotonic()
    assert history._run.wait(30) == 2
    assert time.monotonic() - began < GONE_S
    assert "is gone, the topic now begins at" in history.last_line()
    assert read_bars(client, world.settings.clickhouse_database) == before

    shutil.rmtree(world.settings.recovery_dir / "history")
    history.start()
    world.tape.resume()
    world.tape.send(2000)
    world.tape.pause()
    total = world.truth.advance()
    left = total - sum(cut.values())
    until(lambda: sum(each["read"] for each in history.accounts().values()) >= left, 60, "what is left to be read")
    edges = {}
    for trade in world.truth._trades.values():
        if trade.offset >= cut[trade.partition]:
            known = edges.setdefault(trade.partition, trade)
            edges[trade.partition] = min(known, trade, key=lambda each: each.offset)
    left_us = {
        partition: max(trade.event_time_us, trade.timestamp_ms * 1000) + world.settings.out_of_order_ms * 1000
        for partition, trade in edges.items()
    }
    whole = [
        bar
        for bar in world.truth.result.bars.values()
        if bar.final and bar.start_us > left_us[bar.partition] and bar.symbol not in world.tape.doubled
    ]
    assert whole

    def stored() -> bool:
        found = read_bars(client, world.settings.clickhouse_database)
        keys = [(bar.symbol, bar.interval, bar.start_us) for bar in whole]
        return all(key in found and found[key].version == bar.version for key, bar in zip(keys, whole, strict=True))

    until(stored, 30, "every whole bar")
    after = read_bars(client, world.settings.clickhouse_database)
    newer = {(bar.symbol, bar.interval, bar.start_us) for bar in whole}
    # Of a symbol in two partitions one may be cut and the other whole, and the stores keep the greater version.
    kept = [key for key in before | after if key not in newer and key[0] not in world.tape.doubled]
    assert {key: after.get(key) for key in kept} == {key: before.get(key) for key in kept}
    client.disconnect()
