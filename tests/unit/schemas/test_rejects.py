"""Reasons keep their numbers, which are stored, and their labels, which users search for."""

from schemas.rejects import Reason


def test_labels_are_words_with_dashes() -> None:
    assert Reason.PRICE_NOT_POSITIVE.label == "price-not-positive"
    assert all(reason.label == reason.label.lower() and "_" not in reason.label for reason in Reason)


def test_numbers_are_never_used_again() -> None:
    assert [(reason.value, reason.label) for reason in Reason] == [
        (0, "none"),
        (1, "empty-value"),
        (2, "bad-frame"),
        (3, "unknown-schema"),
        (4, "corrupt"),
        (5, "missing-field"),
        (6, "bad-symbol"),
        (7, "price-not-positive"),
        (8, "size-negative"),
        (9, "out-of-range"),
        (10, "future-time"),
        (11, "before-1970"),
        (12, "bad-value"),
        (13, "too-large"),
        (14, "requeued"),
        (15, "unclear-time"),
        (16, "no-trade"),
    ]
