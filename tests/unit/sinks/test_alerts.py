"""The order in which alerts are written: armings before what follows, both stores before the moves of an epoch."""

import threading
from collections.abc import Sequence

import msgspec
import pytest

from schemas.alert_rules import AlertRule, ArmedRule, Firing
from schemas.errors import WriteFailed
from schemas.rule_view import RuleView
from sinks.alerts import AlertSink, AlertUpdate
from sinks.clickhouse.native_block import Block

RULE = AlertRule("a", "anna", "A", "above", "1")
RECORD = ArmedRule(msgspec.Raw(msgspec.json.encode(RULE)), 0, 0, "armed")
FIRING = Firing(0, 1, 0, 0, 1, 1, 1, 1, RULE, 1, 1)


class Stores:
    """What stands in for the three servers: what was written, in order, and a gate that holds ClickHouse up."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.refuses = False

    def publish(self, firings: Sequence[Firing]) -> None:
        self.said.append(f"redis {len(firings)}")

    def send(self, firings: Sequence[Firing]) -> None:
        self.said.append(f"webhook {len(firings)}")

    def keep(self, views: Sequence[RuleView]) -> None:
        self.said.append(f"views {len(views)}")

    def insert(self, block: Block) -> None:
        if self.refuses:
            raise WriteFailed("refused")
        self.gate.wait(30)
        self.said.append(f"clickhouse {block.rows}")

    def write(self, partition: int, gone: Sequence[str], armed: Sequence[ArmedRule]) -> None:
        self.said.append(f"armed {len(gone)} {len(armed)}")

    def note(self, partition: int, moved: Sequence[ArmedRule]) -> None: ...

    def flush(self) -> None:
        self.said.append("moves")

    def close(self) -> None:
        self.said.append("closed")


def sink_of(stores: Stores, written: list[int], hooked: bool = False) -> AlertSink:
    return AlertSink(
        2,
        stores,  # type: ignore[arg-type]
        stores,  # type: ignore[arg-type]
        stores,  # type: ignore[arg-type]
        webhook=stores if hooked else None,  # type: ignore[arg-type]
        on_written=lambda firings: written.append(len(firings)),
    )


def test_an_epoch_ends_with_both_stores_and_then_the_moves() -> None:
    stores, written = Stores(), list[int]()
    sink = sink_of(stores, written)
    part = sink.build_part("step", sink.list_parts()[0], None)
    view = RuleView("anna", "a", 1, b"{}")
    part.write_batch([AlertUpdate(0, armed=[RECORD], views=[view]), AlertUpdate(0, fired=[FIRING], moved=[RECORD])])
    part.snapshot()
    assert stores.said[0] == "armed 0 1"
    assert stores.said[-1] == "moves"
    assert set(stores.said) >= {"clickhouse 1", "redis 1", "views 1"}
    assert written == [1]
    assert (sink.list_parts(), sink.part_fn(sink.list_parts()[1])) == (["00000", "00001"], 1)


def test_a_store_that_waits_holds_up_neither_the_other_nor_what_is_armed() -> None:
    stores = Stores()
    stores.gate.clear()
    sink = sink_of(stores, [])
    sink.put(0, AlertUpdate(0, fired=[FIRING]))
    sink.put(0, AlertUpdate(0, armed=[RECORD]))
    sink._redis.drain()
    assert sorted(stores.said) == ["armed 0 1", "redis 1"]
    stores.gate.set()
    sink.drain()


def test_a_rule_is_replaced_when_both_stores_have_what_it_fired() -> None:
    stores = Stores()
    sink = sink_of(stores, [])
    stores.gate.clear()
    sink.put(0, AlertUpdate(0, fired=[FIRING]))
    threading.Timer(0.2, stores.gate.set).start()
    sink.put(0, AlertUpdate(0, gone=["b"], replaces=True))
    assert stores.said.index("clickhouse 1") < stores.said.index("armed 1 0")


def test_the_last_part_closes_and_a_refusal_is_raised() -> None:
    stores = Stores()
    sink = sink_of(stores, [])
    parts = [sink.build_part("step", name, None) for name in sink.list_parts()]
    stores.refuses = True
    parts[0].write_batch([AlertUpdate(0, fired=[FIRING])])
    with pytest.raises(WriteFailed):
        parts[0].snapshot()
    for part in parts:
        assert "closed" not in stores.said
        part.close()
    assert stores.said.count("closed") == 2


def test_a_webhook_is_told_before_the_moves_and_closed_with_the_others() -> None:
    stores = Stores()
    sink = sink_of(stores, [], hooked=True)
    part = sink.build_part("step", sink.list_parts()[0], None)
    part.write_batch([AlertUpdate(0, fired=[FIRING])])
    part.snapshot()
    assert stores.said.index("webhook 1") < stores.said.index("moves")
    part.close()
    assert stores.said.count("closed") == 3
