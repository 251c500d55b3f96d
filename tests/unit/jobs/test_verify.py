"""The edges of a range that begins where retention has taken what was before."""

from collections.abc import Iterator, Mapping

import pytest

import jobs.verify
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.range import OffsetRange, Record
from flows.reading import read_options
from jobs.verify import edges_of
from oracle.comparison import Edge
from runtime.settings.whole import load_settings
from tests.unit.one_partition import questions_of

SECOND_US = 1_000_000
START_MS = 1_741_564_800_000
FUTURE_US = 60 * SECOND_US
BOUND_US = 5 * SECOND_US

Log = Mapping[int, tuple[int, int] | None]
"""By offset: event time and Kafka's time in seconds after START_MS, or a record that is no trade; others are holes."""


def record(offset: int, place: tuple[int, int] | None) -> Record:
    if place is None:
        return Record(0, offset, START_MS, None, b"?")
    event_s, sent_s = place
    value = f'{{"symbol": "A", "price": 1, "size": 1, "event_time": {START_MS + event_s * 1000}}}'
    return Record(0, offset, START_MS + sent_s * 1000, None, value.encode())


def left_us(monkeypatch: pytest.MonkeyPatch, log: Log, low: int, span: OffsetRange, **rules: int) -> int | None:
    """The left edge of ``span``, in microseconds after START_MS."""

    def read(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[Record]:
        (first, end), *_ = ranges.values()
        return (record(offset, log[offset]) for offset in sorted(log) if first <= offset < end)

    monkeypatch.setattr(jobs.verify, "TopicQuestions", questions_of(low, span[1]))
    monkeypatch.setattr(jobs.verify, "read_records", read)
    settings = load_settings(value_format="json", time_unit="ms", **rules)
    edge = edges_of(read_options(settings), {0: span}, settings)[0]
    return None if edge.left_us is None else edge.left_us - START_MS * 1000


def test_a_log_from_its_first_record_on_has_no_left_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_us(monkeypatch, {0: (1, 1), 1: (2, 2)}, 0, (0, 2)) is None


def test_a_topic_made_anew_is_cut_at_its_first_record(monkeypatch: pytest.MonkeyPatch) -> None:
    log = {0: (1, 2), 1: (200, 200), 2: (300, 300)}
    assert left_us(monkeypatch, log, 0, (0, 3), source_epoch=1) == 2 * SECOND_US + FUTURE_US
    assert left_us(monkeypatch, log, 0, (2, 3), source_epoch=1) == 200 * SECOND_US + BOUND_US


def test_the_newest_trade_before_the_range_is_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_us(monkeypatch, {0: (3, 900), 1: (2, 901), 2: (9, 902)}, 0, (2, 3)) == 3 * SECOND_US + BOUND_US
    assert left_us(monkeypatch, {0: None, 1: (2, 2)}, 0, (1, 2)) is None, "no trade was before"


def test_a_refused_record_or_a_hole_at_the_beginning_hides_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_us(monkeypatch, {5: None, 8: (100, 101), 9: (500, 501)}, 5, (5, 10)) == 101 * SECOND_US + FUTURE_US
    assert left_us(monkeypatch, {8: (100, 101), 9: (500, 501)}, 5, (5, 10)) == 101 * SECOND_US + FUTURE_US
    assert left_us(monkeypatch, {5: None, 8: (100, 101), 9: (500, 501)}, 5, (8, 10)) == 101 * SECOND_US + FUTURE_US


def test_a_late_trade_at_the_beginning_counts_by_kafkas_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_us(monkeypatch, {5: (100, 1300), 6: (1300, 1301)}, 5, (5, 7)) == 1300 * SECOND_US + FUTURE_US
    assert left_us(monkeypatch, {5: (100, 1300), 6: (1300, 1301)}, 5, (6, 7)) == 1300 * SECOND_US + FUTURE_US


def test_a_range_without_a_valid_trade_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    left = left_us(monkeypatch, {5: None}, 5, (5, 8))
    assert left is not None
    assert Edge(left + START_MS * 1000, 5, 7).cuts(2**61, 6)
