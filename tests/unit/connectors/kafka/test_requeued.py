"""Markers of records that were put back: written and read, taken back, other records passed over."""

from collections.abc import Iterator, Mapping

import pytest

import connectors.kafka.requeued
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.range import OffsetRange, Record
from connectors.kafka.requeued import Marker, places_by_partition, read_markers
from schemas.errors import MissingObject

OPTIONS = KafkaReadOptions(bootstrap="k:1", topic="t.dead-letter.requeued")


def read(monkeypatch: pytest.MonkeyPatch, *records: tuple[bytes | None, bytes | None]) -> Mapping[str, Marker]:
    def read_records(_: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[Record]:
        assert ranges == {0: (0, 9)}
        return (Record(0, offset, 0, *record) for offset, record in enumerate(records))

    monkeypatch.setattr(connectors.kafka.requeued, "ranges_between", lambda *_: {0: (0, 9)})
    monkeypatch.setattr(connectors.kafka.requeued, "read_records", read_records)
    return read_markers(OPTIONS)


def written(marker: Marker) -> tuple[bytes, bytes]:
    return marker.origin.encode(), marker.value()


def test_a_marker_reads_as_it_was_written_and_the_last_of_an_origin_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = Marker("t", 3, 15, 1_000, "2026-01-31T00:00:00Z", "corrupt"), Marker("t", 3, 15, 2_000)
    assert read(monkeypatch, written(first)) == {"t/3/15": first}
    assert read(monkeypatch, written(first), written(again)) == {"t/3/15": again}


def test_a_marker_may_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = Marker("t", 3, 15, 1_000)
    assert read(monkeypatch, written(marker), (b"t/3/15", None), (b"\xff", None)) == {}


def test_what_is_no_marker_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    value = Marker("t", 3, 15, 1_000).value()
    strangers = [(None, value), (b"t/3/x", value), (b"t", value), (b"t/3/15", b"{}"), (b"t/3/15", b"?")]
    assert read(monkeypatch, *strangers, (b"\xff", b"1"), (b"t/3/15", b"1")) == {}


def test_without_the_topic_nothing_was_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def ranges(*_: object) -> None:
        raise MissingObject("topic t.dead-letter.requeued does not exist", where="k:1", mend="")

    monkeypatch.setattr(connectors.kafka.requeued, "ranges_between", ranges)
    assert read_markers(OPTIONS) == {}


def test_places_are_those_of_one_topic_in_the_order_of_their_offsets() -> None:
    markers = [Marker("t", 0, 9, 90), Marker("t", 1, 2, -1), Marker("t", 0, 4, 95), Marker("other", 0, 5, 50)]
    places = places_by_partition({each.origin: each for each in markers}, "t")
    assert {partition: rows.tolist() for partition, rows in places.items()} == {0: [(4, 95), (9, 90)], 1: [(2, -1)]}
