"""What the killer's tapes have in common: a thread that sends slice by slice, at a steady pace, until it is paused.

A subclass says what a slice is. ``pause`` returns when the broker has all that was sent, so that who reads the topic
back afterwards reads everything.
"""

import threading
import time
from typing import Any, Final

from confluent_kafka import Producer

__all__ = ["OPTIONS", "Feeder"]

OPTIONS: Final = {
    "linger.ms": 5, "enable.idempotence": True, "message.timeout.ms": 0, "message.max.bytes": 8 << 20,
    "reconnect.backoff.max.ms": 500, "log_level": 2,
}  # fmt: skip


class Feeder:
    """``lock`` is held while a slice is sent; others who send hold it too."""

    def __init__(self, bootstrap: str, *, name: str, slice_s: float) -> None:
        self.producer: Any = Producer({**OPTIONS, "bootstrap.servers": bootstrap})
        self.lock = threading.Lock()
        self.slice_s = slice_s
        self._name = name
        self._running, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._failure: Exception | None = None

    def send_slice(self) -> None:
        """What comes of ``slice_s`` seconds."""
        raise NotImplementedError

    def start(self) -> None:
        self._running.set()
        self._thread.start()

    def pause(self) -> None:
        """Returns when the broker has all of it."""
        self._running.clear()
        with self.lock:
            left = self.producer.flush(60)
        assert left == 0, f"{left} records of the {self._name} were not taken"
        assert self._failure is None, self._failure

    def resume(self) -> None:
        self._running.set()

    def close(self) -> None:
        self._ended.set()
        self._running.set()
        self._thread.join()
        self.producer.flush(10)

    def produce(self, topic: str, value: bytes | None, key: bytes, partition: int, timestamp_ms: int = 0) -> None:
        """Waits where the client's own queue is full. timestamp_ms: 0 for now."""
        while True:
            try:
                self.producer.produce(topic, value, key, partition=partition, timestamp=timestamp_ms)
                self.producer.poll(0)
            except BufferError:
                self.producer.poll(0.1)
            else:
                return

    def _run(self) -> None:
        while not self._ended.is_set():
            self._running.wait()
            began = time.monotonic()
            try:
                with self.lock:
                    if self._running.is_set() and not self._ended.is_set():
                        self.send_slice()
            except Exception as error:  # noqa: BLE001 - told at the next pause, in the main thread
                self._failure = error
                return
            self._ended.wait(max(0.0, self.slice_s - (time.monotonic() - began)))
