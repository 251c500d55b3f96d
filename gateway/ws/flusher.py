"""The flusher: what the hub has for its clients, to their sockets, at the pace that ``pace`` sets.

Whoever has something for clients calls ``poke``. A flush is written in slices of SLICE clients, between which the loop
serves everyone else, and the next begins when all of it is written: each client gets its frames in order. A client that
goes in between gets nothing more. After a flush clients are closed that the hub gave up, and the rest is seen to again
within ``flush_ms``.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog

from core.fanout.client import Client
from core.fanout.hub import Hub
from gateway.ws.metrics import WsMetrics
from gateway.ws.options import boot_clock_ms
from gateway.ws.pace import FlushPace
from runtime.tracing.names import CLIENTS, WRITES
from runtime.tracing.tracer import PRODUCER, tracer

__all__ = ["Flusher"]

SLICE: Final = 500
"""Some milliseconds of writes, where all of 10,000 clients at once would be a tenth of a second."""
log = structlog.get_logger(__name__)


def _clock_ms() -> float:
    return time.monotonic_ns() / 1e6


class Flusher:
    """Of ``hub``. ``wake_loader`` is called when the hub wants something of Redis.

    ``take_traceparents``: contexts of what came since the last flush; they make its span.
    """

    def __init__(
        self,
        hub: Hub,
        metrics: WsMetrics,
        wake_loader: Callable[[], None],
        take_traceparents: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._take_traceparents = take_traceparents
        self._hub, self._metrics, self._wake_loader = hub, metrics, wake_loader
        self._pace = FlushPace(hub.limits.flush_ms)
        self._timer: asyncio.TimerHandle | None = None
        self._due_ms = 0.0
        self._writing: Iterator[None] | None = None  # the rest of a flush under way
        self.written = 0  # bytes so far

    def poke(self) -> None:
        """Something may have to be sent."""
        self._pace.noted()
        if self._hub.urgent:
            self._flush()
        else:
            self._arm(self._pace.wait_ms(_clock_ms()))

    def poke_now(self) -> None:
        """As ``poke``, for who has just read what is to be sent: it is written before this returns, if it may be."""
        self._pace.noted()
        wait_ms = self._pace.wait_ms(_clock_ms())
        if wait_ms and not self._hub.urgent:
            self._arm(wait_ms)
        else:
            self._flush()

    def finish(self) -> None:
        """Writes everything that is there now, without a pause."""
        self._drain()
        self._flush()
        self._drain()

    def close(self) -> None:
        """No flush follows."""
        self._disarm()

    def _drain(self) -> None:
        while self._writing is not None:
            next(self._writing, None)

    def _arm(self, wait_ms: float) -> None:
        """A flush in ``wait_ms`` at the latest."""
        due_ms = _clock_ms() + wait_ms
        if self._timer is None or due_ms < self._due_ms:
            self._disarm()
            self._due_ms = due_ms
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._flush)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._disarm()
        if self._writing is None:  # else what is under way goes first, and asks again
            began_ms = _clock_ms()
            self._pace.began(began_ms)
            self._writing = self._write(self._hub.flush(boot_clock_ms(), grouped=True), began_ms)
            self._go_on()

    def _go_on(self) -> None:
        if self._writing is not None:
            next(self._writing, None)
        if self._writing is not None:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _write(self, ready: list[Client], since_ms: float) -> Iterator[None]:
        """Stops after each slice. Times the slices, not what the loop does between them."""
        took_ms, clients, before = 0.0, 0, self.written
        about = {CLIENTS: len(self._hub.clients)}
        span = tracer().begin("fan out", PRODUCER, time.time_ns(), self._take_traceparents(), about)
        try:
            for frame, members in self._frames(ready):
                for client in members:
                    if not client.gone:
                        client.sink.write(frame)
                        self.written += len(frame)
                    clients += 1
                    if clients % SLICE == 0:
                        took_ms += _clock_ms() - since_ms
                        yield
                        since_ms = _clock_ms()
        finally:
            self._writing = None
            if span is not None:
                span.set(WRITES, clients)
                span.end()
        if self.written > before or self._hub.busy:
            self._pace.ended(took_ms + _clock_ms() - since_ms)
        self._settle()

    def _frames(self, ready: list[Client]) -> Iterator[tuple[bytes, Sequence[Client]]]:
        yield from self._hub.take_groups()
        for client in ready:
            out = client.out
            if out:
                frame = out[0] if len(out) == 1 else b"".join(out)
                out.clear()
                yield frame, (client,)

    def _settle(self) -> None:
        hub = self._hub
        if hub.delivery.written_ms:
            done_ms = boot_clock_ms()
            for written_ms in hub.delivery.written_ms:
                self._metrics.delivery_seconds.observe(max(0, done_ms - written_ms) / 1000)
            hub.delivery.written_ms.clear()
        for client, code, reason in hub.take_closes():
            log.info("client_closed", client=client.client_id, code=code, reason=reason)
            client.sink.close(code, reason)
        if hub.wants_loads:
            self._wake_loader()
        if self._pace.asked:
            self._arm(self._pace.wait_ms(_clock_ms()))
        elif hub.busy:
            self._arm(hub.limits.flush_ms)
