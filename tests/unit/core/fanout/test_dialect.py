"""A dialect that doesn't serve a kind of room says so loudly."""

import pytest

from core.fanout.dialect import Dialect, Problem


def test_words_that_a_dialect_lacks_are_our_defect() -> None:
    dialect = Dialect()
    assert dialect.greeting("c", 0) == ()
    for call in (
        lambda: dialect.parse(b""),
        lambda: dialect.error(Problem("", ""), 0),
        lambda: dialect.state({}),
        lambda: dialect.batch(()),
    ):
        with pytest.raises(NotImplementedError):
            call()
