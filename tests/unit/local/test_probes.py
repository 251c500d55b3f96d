"""A probe says yes after real work alone: an open port, silence or another server is a no."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from local import probes
from local.ports import free_port
from local.probes import clickhouse_answers, kafka_answers, redis_answers

PROBES = [redis_answers, clickhouse_answers, kafka_answers]


@contextlib.contextmanager
def server_that_says(answer: bytes) -> Iterator[int]:
    """One that gives ``answer`` to whatever it is asked, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("probe", PROBES)
def test_nobody_and_nonsense_are_no_answer(probe: Callable[[int], bool]) -> None:
    assert not probe(free_port())
    for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-LOADING Redis is loading the dataset\r\n"):
        with server_that_says(answer) as port:
            assert not probe(port)


@pytest.mark.parametrize("probe", PROBES)
def test_silence_is_no_answer(probe: Callable[[int], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not probe(listener.getsockname()[1])


def test_real_servers_answer_their_own_question(redis_url: str, clickhouse_dsn: str) -> None:
    redis_port, clickhouse_port = (urlsplit(url).port or 0 for url in (redis_url, clickhouse_dsn))
    assert redis_answers(redis_port)
    assert clickhouse_answers(clickhouse_port)
    assert not kafka_answers(redis_port)
    assert not redis_answers(clickhouse_port)
