"""Flows into a real Redis Cluster of three primaries: what it holds equals the oracle, whichever primary is killed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.figures import figures_of
from flows.live import bounds_of
from jobs.redis_now import compare_now, quote_differences
from local.ports import free_port
from oracle.quotes import recompute_quotes
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from schemas.names import RedisNames
from sinks.redis.connection import connect
from tests.client_messages import BarMessage, Delta, decode_batch
from tests.integration.flows.desk_feeding import KEEP, running
from tests.integration.flows.market_feeding import SYMBOLS, feed, recomputed, tape, until_running
from tests.integration.flows.quote_market import PARTITIONS as QUOTES_PARTITIONS
from tests.integration.flows.quote_market import QuoteMarket
from tests.servers.kafka import make_topic
from tests.servers.least_rights import REDIS_CLUSTER_LIVE
from tests.servers.redis_cluster import ClusterOfRedis

TRADES = 1_200
PARTITIONS = 4
NAMES = RedisNames(clustered=True)


@pytest.fixture
def settings(kafka_bootstrap: str, tmp_path: Path) -> Settings:
    return load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=f"redis-cluster-{tmp_path.name}",
        recovery_dir=tmp_path / "recovery",
        dead_letters_from="none",
        metrics_port=free_port(),
    )


def run_live(settings: Settings, folder: Path, in_the_middle: Callable[[], None]) -> None:
    """Half of the tape, ``in_the_middle``, the other half; then the flow is stopped as an operator would."""
    trades = tape(TRADES, 10, partitions=PARTITIONS)
    first, rest = trades[: TRADES // 2], trades[TRADES // 2 :]
    log = folder / "live.log"
    with log.open("ab") as file:
        flow = FlowProcess("live", settings, log=file)
        feed(settings, first, PARTITIONS)
        flow.start()
        try:
            until_running(flow, log, lambda: figures_of(flow.metrics()).records >= len(first))
            in_the_middle()
            feed(settings, rest, PARTITIONS)
            until_running(flow, log, lambda: figures_of(flow.metrics()).records >= TRADES)
            assert flow.stop(30) == 0, log.read_text()
        finally:
            flow.kill()


def check(settings: Settings, url: str) -> None:
    with connect(url) as client:
        found = compare_now(client, recomputed(settings), kept=bounds_of(settings).kept)
        assert (found.differences, found.compared > len(SYMBOLS)) == ([], True)
        for shard in range(PARTITIONS):
            said: dict[str, int] = {}
            for _, fields in client.xrange(NAMES.deltas(shard)):
                for message in decode_batch(fields[b"batch"]):
                    if not isinstance(message, BarMessage):
                        previous = said.get(message.symbol, -1)
                        assert message.sequence > previous, "a ticker went back"
                        assert not isinstance(message, Delta) or message.previous == previous, "a hidden gap"
                        said[message.symbol] = message.sequence
            assert said, f"nothing in the stream of shard {shard}"


@pytest.mark.thorough
def test_what_it_holds_equals_the_oracle(settings: Settings, redis_cluster: ClusterOfRedis, tmp_path: Path) -> None:
    with connect(redis_cluster.url) as client:
        client.flushall()
    live = settings.model_copy(update={"redis_url": redis_cluster.login("live", REDIS_CLUSTER_LIVE)})
    run_live(live, tmp_path, lambda: None)
    check(live, redis_cluster.url)


@pytest.mark.thorough
def test_a_killed_primary_is_waited_for_until_its_replica_takes_over(settings: Settings, tmp_path: Path) -> None:
    with ClusterOfRedis(tmp_path / "cluster", replicas=True) as cluster:
        live = settings.model_copy(update={"redis_url": cluster.url})
        victim = cluster.primary_of(NAMES.epoch(0))

        def kill() -> None:
            victim.kill()
            survivors = [each for each in cluster.servers if each is not victim]
            cluster.until(lambda: cluster.primary_of(NAMES.epoch(0), survivors) is not victim)

        run_live(live, tmp_path, kill)
        survivor = next(each for each in cluster.servers if each is not victim)
        check(live, f"redis+cluster://127.0.0.1:{survivor.port}")


@pytest.mark.thorough
def test_quotes_are_the_oracles_after_a_primary_was_killed(settings: Settings, tmp_path: Path) -> None:
    make_topic(settings.kafka_bootstrap, f"{settings.kafka_topic}-quotes", QUOTES_PARTITIONS, KEEP)
    with ClusterOfRedis(tmp_path / "cluster", replicas=True) as cluster:
        quotes = settings.model_copy(
            update={"redis_url": cluster.url, "quotes_topic": f"{settings.kafka_topic}-quotes", "epoch_ms": 200}
        )
        market, victim = QuoteMarket(quotes), cluster.primary_of(NAMES.quotes(0))
        survivors = [each for each in cluster.servers if each is not victim]

        def is_right() -> bool:
            with connect(f"redis+cluster://127.0.0.1:{survivors[0].port}") as client:
                return quote_differences(client, recompute_quotes(market.sent).newest.values()) == []

        with running(quotes, tmp_path / "quotes.log", "quotes") as run:
            market.send(300)
            run.until(is_right)
            market.send(50)
            victim.kill()
            market.send(300)
            cluster.until(lambda: cluster.primary_of(NAMES.quotes(0), survivors) is not victim)
            run.until(is_right)
