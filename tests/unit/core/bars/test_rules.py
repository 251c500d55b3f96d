"""Sequences put the source epoch above the offset and stay exact JavaScript numbers."""

from core.bars.rules import Rules, unjudged_note
from schemas.contract import SEQUENCE_BITS, SEQUENCE_MAX


def test_a_sequence_is_the_offset_in_the_first_epoch() -> None:
    assert Rules().sequence(42) == 42


def test_a_later_epoch_sorts_above_every_offset_of_an_earlier_one() -> None:
    assert Rules(source_epoch=1).sequence(0) > Rules().sequence(2**SEQUENCE_BITS - 1)
    assert Rules(source_epoch=511).sequence(2**SEQUENCE_BITS - 1) < SEQUENCE_MAX


def test_who_opens_alone_is_who_is_no_exception() -> None:
    assert not Rules().is_chained
    bitget = Rules(exceptions=("BITGET",))
    assert bitget.is_chained
    assert (bitget.opens_alone("bitget"), bitget.opens_alone("OKX"), bitget.opens_alone("")) == (False, True, True)
    others = Rules(previous_close=True, exceptions=("BITGET",))
    assert others.is_chained
    assert (others.opens_alone("bitget"), others.opens_alone("OKX")) == (True, False)


def test_trades_that_could_not_be_judged_are_said_where_there_are_any() -> None:
    assert unjudged_note(0) == ""
    assert unjudged_note(3) == " (3 unjudged)"
