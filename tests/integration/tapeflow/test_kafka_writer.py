"""RecordWriter on a real broker, behind a connection that breaks after a record was stored and before that was said."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from jobs.produce.kafka_writer import RecordWriter
from local.ports import free_port
from tests.integration.connectors.kafka_feeding import numbered, options, reading
from tests.servers.kafka import KafkaBroker

PRODUCE: Final = b"\0\0"  # Kafka's API key, the first two bytes of a request


class LossyProxy:
    """Passes frames on, and breaks the connection of every ``every``-th produce request once its answer has come."""

    def __init__(self, port: int, broker: int, every: int) -> None:
        self._broker, self._every = broker, every
        self._listener = socket.create_server(("127.0.0.1", port))
        self._seen = 0
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request at a time, as a broker answers them."""
        with client, socket.create_connection(("127.0.0.1", self._broker)) as broker, contextlib.suppress(OSError):
            while request := frame(client):
                broker.sendall(request)
                answer = frame(broker)
                if request[4:6] == PRODUCE:
                    self._seen += 1
                    if self._seen % self._every == 0:
                        self.lost += 1
                        return
                client.sendall(answer)


def frame(connection: socket.socket) -> bytes:
    """With its length; empty at the end of the connection."""
    head = connection.recv(4, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 4 else b""


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[tuple[KafkaBroker, LossyProxy, str]]:
    port = free_port()
    with KafkaBroker(tmp_path, {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}) as broker:
        proxy = LossyProxy(port, broker.port, every=3)
        yield broker, proxy, f"127.0.0.1:{port}"
        proxy.close()


def test_a_lost_answer_neither_doubles_nor_reorders(behind_proxy: tuple[KafkaBroker, LossyProxy, str]) -> None:
    broker, proxy, bootstrap = behind_proxy
    broker.make_topic("lossy")
    quick = {"linger.ms": 0, "batch.num.messages": 50, "retry.backoff.ms": 20, "reconnect.backoff.ms": 10}
    writer = RecordWriter(bootstrap, "lossy", quick)
    writer.send(numbered(0, 2000), [b"AAPL"] * 2000)
    assert writer.finish() == 2000
    assert proxy.lost > 5
    hand = reading(options(broker.bootstrap, "lossy", end="latest"))
    hand.until(lambda: not hand.parts)
    assert hand.values() == list(numbered(0, 2000))
