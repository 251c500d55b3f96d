"""Replies come out as they were said, wherever the bytes are cut."""

from itertools import accumulate, cycle, islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stores.redis_replies import RefusedByRedis, Replies

WORDS = st.binary(max_size=40)
VALUES = st.recursive(st.none() | WORDS, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def said(value: object) -> bytes:
    """As a server of RESP2 says it."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    assert isinstance(value, list)
    return b"*%d\r\n%b" % (len(value), b"".join(map(said, value)))


@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_replies_are_whole_wherever_they_are_cut(values: list[object], sizes: list[int]) -> None:
    data = b"".join(map(said, values))
    cuts = accumulate(islice(cycle(sizes), len(data)))
    places = [0, *takewhile(lambda place: place < len(data), cuts), len(data)]
    ends = list(accumulate(len(said(value)) for value in values))
    replies, got = Replies(), list[object]()
    for begin, end in pairwise(places):
        got += replies.feed(data[begin:end])
        assert got == values[: sum(each <= end for each in ends)], "none before its last byte, and none after it"
    assert replies.feed(b"+OK\r\n") == [b"OK"], "nothing is left of what came before"


def test_what_begins_behind_a_long_reply_waits_for_its_own_bytes_only() -> None:
    replies = Replies()
    long = said(b"x" * 1_000)
    assert replies.feed(long[:500]) == []
    assert replies.feed(long[500:] + b"*1\r\n$5") == [b"x" * 1_000]
    assert replies.feed(b"\r\nhello\r\n") == [[b"hello"]]


def test_what_else_a_server_may_say() -> None:
    pushed = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
    data = pushed + b"%1\r\n$1\r\ns\r\n*0\r\n" + pushed + b"*-1\r\n_\r\n:7\r\n-LOADING it starts\r\n"
    with pytest.raises(ValueError, match="no reply of Redis"):
        Replies().feed(b"HTTP/1.1 400 Bad Request\r\n")
    replies = Replies()
    got = [reply for byte in data for reply in replies.feed(bytes([byte]))]
    assert got == [[b"s", []], None, None, b"7", b"LOADING it starts"]
    assert [type(each) for each in got[-2:]] == [bytes, RefusedByRedis]
