"""A dialect that doesn't serve a kind of room says so loudly; what is refused is listed briefly."""

from collections.abc import Callable

import pytest

from core.fanout.dialect import Dialect, Ping, Problem, refusal
from core.fanout.messages import decode_bar

BAR = b'{"type":"bar","symbol":"A","interval":"1m","time":0,"sequence":1}'
DIALECT = Dialect()


@pytest.mark.parametrize(
    "call",
    [
        lambda: DIALECT.parse(b""),
        lambda: DIALECT.error(Problem("", ""), 0),
        lambda: DIALECT.pong(Ping(), 0),
        lambda: DIALECT.state({}),
        lambda: DIALECT.states((), 0),
        lambda: DIALECT.changes({}, (), 0),
        lambda: DIALECT.initial("A", "1m", ()),
        lambda: DIALECT.update(decode_bar(BAR)),
        lambda: DIALECT.watchlist("l", "", (), 0),
        lambda: DIALECT.batch(()),
    ],
)
def test_words_that_a_dialect_lacks_are_our_defect(call: Callable[[], object]) -> None:
    with pytest.raises(NotImplementedError):
        call()


def test_nobody_is_greeted_unless_a_dialect_does() -> None:
    assert DIALECT.greeting("c", 0) == ()


def test_what_is_refused_is_named_five_at_most() -> None:
    assert refusal("FORBIDDEN_SYMBOL", ["A", "B"], 9) == Problem("FORBIDDEN_SYMBOL", "your token does not cover A, B")
    assert refusal("FORBIDDEN_CHANNEL", list("ABCDEFG"), 9).text == "your role may not join A, B, C, D, E and 2 more"
    assert refusal("SUBSCRIPTION_LIMIT", ["A"], 9).text.startswith("more than 9 symbols per connection")
