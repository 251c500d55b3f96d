"""Records that were put back are refused where they stood, by offset and Kafka's time, and nothing else is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.bars.requeued import refuse_requeued
from schemas.columns import PLACE, TRADE, TradeRows
from schemas.rejects import Reason

Places = list[tuple[int, int]]


def reasons(records: Places, places: Places, before: Reason = Reason.NONE) -> list[Reason]:
    rows: TradeRows = np.zeros(len(records), TRADE)
    for row, (offset, timestamp_ms) in zip(rows, records, strict=True):
        row["offset"], row["timestamp_ms"], row["reason"] = offset, timestamp_ms, before
    refuse_requeued(rows, np.array(places, PLACE))
    return [Reason(int(reason)) for reason in rows["reason"]]


def test_what_was_put_back_is_refused_whatever_else_is_wrong_with_it() -> None:
    assert reasons([(5, 50), (7, 70), (8, 80)], [(7, 70)]) == [Reason.NONE, Reason.REQUEUED, Reason.NONE]
    assert reasons([(7, 70)], [(7, 70)], Reason.CORRUPT) == [Reason.REQUEUED]


def test_holes_and_the_records_of_other_batches_refuse_nothing() -> None:
    assert reasons([(5, 50), (8, 80)], [(4, 40), (6, 60), (7, 70), (9, 90)]) == [Reason.NONE] * 2
    assert reasons([], [(4, 40)]) == []


def test_another_record_at_the_offset_is_none_that_was_put_back() -> None:
    assert reasons([(5, 51)], [(5, 50)]) == [Reason.NONE], "the topic was created anew"


log = st.dictionaries(st.integers(0, 30), st.integers(-1, 1), max_size=20).map(lambda found: sorted(found.items()))


@given(log, log.filter(bool))
def test_it_is_membership(records: Places, places: Places) -> None:
    expected = [Reason.REQUEUED if each in places else Reason.NONE for each in records]
    assert reasons(records, places) == expected
