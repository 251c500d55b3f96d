"""The collector: one set of labels per metric, ages by the clock given, symbols in two partitions."""

from prometheus_client import CollectorRegistry

from core.bars.rules import Rules
from core.bars.shard import Shard
from flows.quality import QualityMetrics
from tests.property.trade_batches import MONDAY_US, to_batch
from tests.unit.core.bars.test_shard import at


def shown(detail: str, name: str) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry()
    metrics = QualityMetrics("history", detail, registry, now_s=lambda: MONDAY_US / 1e6 + 100)  # type: ignore[arg-type]
    for partition in (0, 1):
        shard, batch = (
            Shard(Rules()),
            to_batch([at(0, 40, trade_id="1"), at(1, 30, symbol="B", trade_id="5")], partition),
        )
        shard.apply(batch)
        metrics.observe(batch, shard)
    return {
        (sample.labels.get("partition", ""), sample.labels.get("symbol", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_partitions_are_added_up_and_symbols_kept_apart() -> None:
    assert shown("partitions", "tapeflow_quality_out_of_order_total") == {("0", ""): 1, ("1", ""): 1}
    assert shown("symbols", "tapeflow_quality_out_of_order_total") == {
        ("0", "A"): 0, ("0", "B"): 1, ("1", "A"): 0, ("1", "B"): 1,
    }  # fmt: skip


def test_age_is_since_the_newest_event() -> None:
    assert shown("symbols", "tapeflow_quality_age_seconds")["0", "B"] == 70
    assert shown("partitions", "tapeflow_quality_age_seconds")["0", ""] == 60


def test_a_symbol_in_two_partitions_is_noticed() -> None:
    assert shown("partitions", "tapeflow_quality_symbols_in_two_partitions") == {("", ""): 2}
