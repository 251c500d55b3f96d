"""Where whole bars begin when the log does not say what was before, and which settings make it another replay."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np
import pytest

import flows.replay_plan
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.range import OffsetRange
from core.bars.shard_kernel import OPEN_END
from flows.replay_plan import Request, make_plan
from jobs.produce.encoding import encoder_of
from oracle.truth import OracleTrade
from runtime.settings.whole import load_settings
from schemas.columns import RawBatch
from tests.property.trade_batches import MONDAY_US, SECOND_US, to_batch
from tests.unit.one_partition import questions_of

EVERYTHING = Request("earliest", "latest", (), (0,), "market.bars", True)
SLACK_US = 60 * SECOND_US + 1
MINUTE_US = 60 * SECOND_US
REFUSED = None

Log = Mapping[int, tuple[int, int] | None]
"""By offset: event time and Kafka's time in seconds after MONDAY, or a record that is no trade; others are holes."""


class NoKeys:
    def __getitem__(self, index: int) -> bytes | None:
        return None


def raw(log: Log, partition: int, span: OffsetRange) -> RawBatch | None:
    offsets = [offset for offset in sorted(log) if span[0] <= offset < span[1]]
    values, stamps = [], []
    for offset in offsets:
        place = log[offset]
        event_s, sent_s = place or (0, 0)
        stamps.append(MONDAY_US // 1000 + sent_s * 1000)
        trade = OracleTrade(
            partition, offset, stamps[-1], MONDAY_US + event_s * SECOND_US, "A", Decimal(1), Decimal(1), "BUY"
        )
        values.append(encoder_of(load_settings())(to_batch([trade]))[0] if place else b"?")
    ends = np.cumsum([len(value) for value in values])
    return RawBatch("t", partition, b"".join(values), ends, np.array(offsets), np.array(stamps), NoKeys())


def planned(
    monkeypatch: pytest.MonkeyPatch, log: Log, low: int, high: int, start: str = "earliest", **rules: int
) -> int:
    """The left edge, in microseconds after MONDAY, of a topic with one partition that holds [low, high)."""

    def read(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[RawBatch]:
        for partition, span in ranges.items():
            for first in range(span[0], span[1], 2):
                batch = raw(log, partition, (first, min(first + 2, span[1])))
                if batch is not None and len(batch):
                    yield batch

    monkeypatch.setattr(flows.replay_plan, "TopicQuestions", questions_of(low, high))
    monkeypatch.setattr(flows.replay_plan, "read_range", read)
    request = Request(start, "latest", (), (0,), "market.bars", True)
    found = make_plan(request, load_settings(**rules)).whole_from_us[0]
    return found if abs(found) == OPEN_END else found - MONDAY_US


def test_a_log_from_its_first_record_on_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, {0: (10, 10), 1: (11, 11)}, 0, 2) == -OPEN_END


@pytest.mark.parametrize("offsets", [(7, 8), (8, 9), (9, 11)])
def test_a_refused_record_or_a_hole_at_the_beginning_hides_no_edge(
    monkeypatch: pytest.MonkeyPatch, offsets: tuple[int, int]
) -> None:
    first, second = offsets
    log: Log = {5: REFUSED, first: (100, 101), second: (500, 501)}
    assert planned(monkeypatch, log, 5, 12) == 101 * SECOND_US + SLACK_US


def test_a_topic_made_anew_is_cut_at_its_first_record(monkeypatch: pytest.MonkeyPatch) -> None:
    log: Log = {0: (90, 95), 1: (500, 501), 2: (600, 601)}
    for start, edge_s in {"earliest": 95, '{"0": 2}': 500}.items():
        assert planned(monkeypatch, log, 0, 3, start, source_epoch=1) == edge_s * SECOND_US + SLACK_US
    assert planned(monkeypatch, {0: REFUSED, 1: REFUSED}, 0, 2, source_epoch=1) == OPEN_END


def test_a_late_trade_at_the_beginning_counts_by_kafkas_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, {5: (100, 1300), 6: (1300, 1301)}, 5, 7) == 1300 * SECOND_US + SLACK_US


def test_a_first_trade_ahead_of_kafkas_time_counts_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, {5: (130, 100)}, 5, 6) == 130 * SECOND_US + SLACK_US


def test_a_range_without_a_valid_trade_holds_no_whole_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, {5: REFUSED, 6: REFUSED}, 5, 8) == OPEN_END


def test_offsets_just_behind_what_is_gone_look_as_far_as_the_whole_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    late = {5: (100, 1300), 6: (1310, 1311), 7: (1320, 1321)}
    assert planned(monkeypatch, late, 5, 8, '{"0": 6}') == 1300 * SECOND_US + SLACK_US
    refused: Log = {5: REFUSED, 6: (1310, 1311), 7: (1320, 1321)}
    assert planned(monkeypatch, refused, 5, 8, '{"0": 6}') == 1311 * SECOND_US + SLACK_US


def test_offsets_in_a_log_that_holds_its_beginning_go_by_event_times(monkeypatch: pytest.MonkeyPatch) -> None:
    log: Log = {0: (90, 9000), 1: (100, 9001), 2: (110, 9002)}
    assert planned(monkeypatch, log, 0, 3, '{"0": 2}') == 100 * SECOND_US + SLACK_US
    assert planned(monkeypatch, {0: REFUSED, 1: (100, 100)}, 0, 2, '{"0": 1}') == -OPEN_END


@pytest.mark.parametrize(
    "changed",
    [
        {"clickhouse_dsn": "clickhouse://u:p@other:9000/market"},
        {"clickhouse_dsn": "clickhouse://u:p@here:9001/market"},
        {"clickhouse_dsn": "clickhouse://u:p@here:9000/elsewhere"},
        {"clickhouse_database": "elsewhere"},
        {"time_unit": "ns"},
        {"value_bytes_max": 77},
        {"schema_registry_url": "http://registry:8081"},
    ],
)
def test_another_server_or_reading_is_another_replay(changed: dict[str, object]) -> None:
    settings = load_settings(clickhouse_dsn="clickhouse://u:p@here:9000/market")
    assert EVERYTHING.identity(settings.model_copy(update=changed)) != EVERYTHING.identity(settings)


def test_a_changed_login_is_the_same_replay() -> None:
    before = load_settings(clickhouse_dsn="clickhouse://u:p@here:9000/market")
    after = load_settings(clickhouse_dsn="clickhouse://v:q@here:9000/market")
    assert EVERYTHING.identity(before) == EVERYTHING.identity(after)
