"""The words of a venue: the default is what tapeflow itself writes."""

import dataclasses

import pytest

from schemas.trade_words import TradeWords


def test_the_default_changes_nothing() -> None:
    words = TradeWords()
    assert (words.side_of, words.signed_size, words.round_numbers, words.time_origin_us) == (
        "taker",
        False,
        False,
        None,
    )
    assert (words.price_scale, words.size_scale, dict(words.sides)) == (0, 0, {})


def test_one_table_of_words_is_shared_and_stays_as_it_is() -> None:
    words = TradeWords(sides={"B": "BUY"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        words.price_scale = 2  # type: ignore[misc]
    assert TradeWords().sides == {}
