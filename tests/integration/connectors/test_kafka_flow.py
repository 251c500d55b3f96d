"""The source inside a Bytewax flow with recovery: stopped, crashed and resumed, each record counts once."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, cluster_main, run_main

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.source import KafkaSource
from schemas.errors import MissingObject, OffsetExpired, TapeflowError
from tests.integration.connectors.kafka_feeding import Feed, Seen, nothing, numbered, options, see
from tests.servers.kafka import make_topic


def counting(
    options: KafkaReadOptions, out: list[Any], stop: threading.Event | None = None, fail_at: int = -1
) -> Dataflow:
    """A flow that keeps, per partition, the sum of all offsets and how many there were."""

    def add(state: tuple[int, int] | None, batch: Seen) -> tuple[tuple[int, int], Any]:
        total, count = state or (0, 0)
        if fail_at >= 0 and fail_at in batch.offsets:
            raise ArithmeticError("the flow fails here")
        state = (total + sum(batch.offsets), count + len(batch.offsets))
        return state, state

    def stop_when_caught_up(item: tuple[str, tuple[int, int]]) -> None:
        if stop is not None:
            stop.set()

    flow = Dataflow("counting")
    batches = op.input("in", flow, KafkaSource(options, see, empty=nothing, stop=stop))
    keyed = op.key_on("key", batches, lambda batch: str(batch.partition))
    sums = op.stateful_map("sum", keyed, add)
    op.inspect("stop", sums, lambda _step, item: stop_when_caught_up(item))
    op.output("out", sums, TestingSink(out))
    return flow


def run(flow: Dataflow, folder: Path) -> None:
    run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(folder)))


def cause(error: BaseException) -> TapeflowError | None:
    """The error that a step raised, under the ones that Bytewax wraps it in."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, TapeflowError):
        seen = seen.__cause__ or seen.__context__
    return seen


def final(out: list[Any]) -> dict[str, tuple[int, int]]:
    return dict(out)


@pytest.fixture
def fed(kafka_bootstrap: str, request: pytest.FixtureRequest) -> Feed:
    feed = Feed(kafka_bootstrap, make_topic(kafka_bootstrap, request.node.name.replace("[", "-").rstrip("]"), 2))
    feed.send(numbered(0, 1000), 0)
    feed.send(numbered(0, 500), 1)
    return feed


def test_a_bounded_flow_goes_on_where_it_ended(fed: Feed, tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    out: list[Any] = []
    given = options(fed.bootstrap, fed.topic, end="latest", batch_records_max=64)
    run(counting(given, out), tmp_path)
    assert final(out) == {"0": (sum(range(1000)), 1000), "1": (sum(range(500)), 500)}
    fed.send(numbered(1000, 1100), 0)
    out.clear()
    run(counting(given, out), tmp_path)
    assert final(out) == {"0": (sum(range(1100)), 1100)}


def test_a_crashed_flow_resumes_without_loss_or_double(fed: Feed, tmp_path: Path) -> None:
    init_db_dir(tmp_path, 2)
    out: list[Any] = []
    given = options(fed.bootstrap, fed.topic, end="latest", batch_records_max=50)
    for fail_at in (130, 420, 421, 870):
        with pytest.raises(BytewaxRuntimeError):
            run(counting(given, out, fail_at=fail_at), tmp_path)
    run(counting(given, out), tmp_path)
    assert final(out)["0"] == (sum(range(1000)), 1000)
    assert final(out)["1"] == (sum(range(500)), 500)


def test_a_flow_stopped_by_its_flag_resumes(fed: Feed, tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    out: list[Any] = []
    given = options(fed.bootstrap, fed.topic, batch_records_max=50)
    run(counting(given, out, stop=threading.Event()), tmp_path)
    assert 0 < final(out).get("0", (0, 0))[1] < 1000
    run(counting(options(fed.bootstrap, fed.topic, end="latest"), out), tmp_path)
    assert final(out) == {"0": (sum(range(1000)), 1000), "1": (sum(range(500)), 500)}


def test_two_workers_in_one_process_share_the_partitions(fed: Feed) -> None:
    out: list[Any] = []
    cluster_main(counting(options(fed.bootstrap, fed.topic, end="latest"), out), [], 0, worker_count_per_proc=2)
    assert final(out) == {"0": (sum(range(1000)), 1000), "1": (sum(range(500)), 500)}


def test_expired_offsets_stop_the_flow_with_their_error(fed: Feed, tmp_path: Path) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    init_db_dir(tmp_path, 1)
    # Several epochs: what ends within the first one is read again, as a flow that never ran.
    run(counting(options(fed.bootstrap, fed.topic, end='{"0": 100, "1": 100}', batch_records_max=10), []), tmp_path)
    admin = AdminClient({"bootstrap.servers": fed.bootstrap})
    place = TopicPartition(fed.topic, 0, 200)
    admin.delete_records([place])[TopicPartition(fed.topic, 0)].result(30)
    with pytest.raises(BytewaxRuntimeError) as caught:
        run(counting(options(fed.bootstrap, fed.topic, end="latest"), []), tmp_path)
    assert isinstance(cause(caught.value), OffsetExpired)


def test_a_missing_topic_stops_the_flow_with_its_error(kafka_bootstrap: str) -> None:
    with pytest.raises(BytewaxRuntimeError) as caught:
        run_main(counting(options(kafka_bootstrap, "missing-for-flow"), []))
    assert isinstance(cause(caught.value), MissingObject)
