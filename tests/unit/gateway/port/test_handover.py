"""A connection goes from one process to another with the bytes that were read; a full queue is no wait."""

import socket

import pytest

from gateway.port.handover import Passed, hand_over, open_queue, take


def test_a_connection_comes_out_as_it_went_in() -> None:
    giving, taking = open_queue()
    ours, theirs = socket.socketpair()
    passed = Passed("10.0.0.7", 4711, True, b"GET / HTTP/1.1\r\n")
    with giving, taking, theirs:
        assert take(taking) is None
        with ours:
            assert hand_over(giving, ours, passed)
        found = take(taking)
        assert found is not None
        connection, said = found
        assert said == passed
        assert connection is not None
        with connection:
            assert not connection.getblocking()
            connection.send(b"answer")
            assert theirs.recv(100) == b"answer"


def test_what_waits_outlives_who_would_have_taken_it() -> None:
    giving, taking = open_queue()
    with giving, taking:
        other = taking.dup()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            hand_over(giving, ours, Passed("a", 1, False, b""))
            other.close()
            found = take(taking)
            assert found is not None
            assert found[0] is not None
            found[0].close()


def test_a_full_queue_says_so_and_nobody_waits() -> None:
    giving, taking = open_queue()
    ours, theirs = socket.socketpair()
    with giving, taking, ours, theirs:
        passed = Passed("a", 1, False, b"x" * 60_000)
        given = 0
        while hand_over(giving, ours, passed):
            given += 1
            assert given < 10_000
        assert given > 0
        while (found := take(taking)) is not None:
            given -= 1
            assert found[0] is not None
            found[0].close()
        assert given == 0


def test_who_takes_learns_that_nobody_gives_any_more() -> None:
    giving, taking = open_queue()
    giving.close()
    with taking, pytest.raises(EOFError):
        take(taking)
    giving, taking = open_queue()
    taking.close()
    ours, theirs = socket.socketpair()
    with giving, ours, theirs:
        assert not hand_over(giving, ours, Passed("a", 1, False, b""))
