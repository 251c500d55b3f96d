"""Batches and states of quotes have the length of their rows."""

import numpy as np

from schemas.quotes import QUOTE, QUOTE_STATE, QuoteBatch, QuoteStates


def test_lengths() -> None:
    assert len(QuoteBatch("quotes", 0, np.zeros(3, QUOTE), b"", 3, 3)) == 3
    assert len(QuoteStates(0, [], [], np.zeros(2, QUOTE_STATE))) == 2
