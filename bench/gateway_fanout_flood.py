"""The server side of the flood: the gateway's hub, or the bare library with the same bytes and no hub.

``python -m bench.gateway_fanout_flood hub|bare`` prints its port, then obeys lines ``seconds per_write`` on stdin and
answers each with messages, CPU seconds and wall seconds. Both pace themselves alike: a round of writes to everyone,
then the loop runs once, longer when a buffer fills. Both write the same number of bytes to the same transports.
"""

import asyncio
import json
import sys
import time
from typing import Any, ClassVar

import uvloop
from picows import WSListener, ws_create_server

from bench.gateway_fanout_reader import FIRST_SEQUENCE, message, snapshot
from core.fanout.client import HubLimits
from core.fanout.messages import decode_batch
from gateway.access.auth import OpenAuthorizer
from gateway.stores.redis_pool import open_redis
from gateway.ws.frames import TEXT, frame
from gateway.ws.listening import listening_socket
from gateway.ws.options import WsOptions
from gateway.ws.server import WebSocketGateway

OPTIONS = WsOptions(port=0, clients_per_ip=10**6, limits=HubLimits(out_per_s=10**9, flush_ms=1, slow_ms=10**9))
BUFFER_FULL = 32_768
SAMPLED = 20


class BareListener(WSListener):
    """Keeps its transport in ``transports``."""

    transports: ClassVar[dict[Any, None]] = {}

    def on_ws_connected(self, transport: Any) -> None:
        transport.underlying_transport.set_write_buffer_limits(high=OPTIONS.write_buffer)
        self.transports[transport.underlying_transport] = None

    def on_ws_disconnected(self, transport: Any) -> None:
        self.transports.pop(transport.underlying_transport, None)

    def pause_writing(self) -> None:
        """Paced by the flood itself."""

    def resume_writing(self) -> None:
        """Paced by the flood itself."""


class Bare:
    """One prepared frame sequence per round, written to every transport."""

    async def start(self) -> int:
        listener = listening_socket(OPTIONS)
        await ws_create_server(lambda _request: BareListener(), sock=listener, read_buffer_init_size=2048)
        return int(listener.getsockname()[1])

    def transports(self) -> list[Any]:
        return list(BareListener.transports)

    def round(self, messages: list[bytes]) -> None:
        data = b"".join([frame(each, TEXT) for each in messages])
        for transport in BareListener.transports:
            transport.write(data)


class WithHub:
    """The gateway without Redis: stream entries are handed to the hub as the reader would."""

    def __init__(self) -> None:
        self.gateway = WebSocketGateway(OPTIONS, OpenAuthorizer(), open_redis("redis://127.0.0.1:1", 1000))
        self.gateway.hub.apply(0, decode_batch(b"[" + snapshot(0) + b"]"), 1)

    async def start(self) -> int:
        self.gateway._listen()  # noqa: SLF001 - without what start reads of Redis
        return self.gateway.port

    def transports(self) -> list[Any]:
        links: list[Any] = [session.link for session in self.gateway._sessions]  # noqa: SLF001
        return [link._transport for link in links]  # noqa: SLF001

    def round(self, messages: list[bytes]) -> None:
        batch = b"[" + b",".join(messages) + b"]"
        self.gateway.hub.apply(0, decode_batch(batch), time.time_ns() // 1_000_000)
        self.gateway.flusher.finish()


async def flood(side: Bare | WithHub, sequence: int, seconds: float, per_write: int) -> dict[str, float]:
    transports = side.transports()
    sample = transports[::SAMPLED]
    cpu_s, wall_s, sent = time.process_time(), time.monotonic(), 0
    while time.monotonic() - wall_s < seconds:
        side.round([message(0, sequence + 1 + index) for index in range(per_write)])
        sequence += per_write
        sent += per_write * len(transports)
        await asyncio.sleep(0)
        while max(each.get_write_buffer_size() for each in sample) > BUFFER_FULL:  # noqa: ASYNC110 - a pacer
            await asyncio.sleep(0.0005)
    return {
        "messages": sent,
        "cpu_s": time.process_time() - cpu_s,
        "wall_s": time.monotonic() - wall_s,
        "sequence": sequence,
    }


async def main() -> None:
    side: Bare | WithHub = WithHub() if sys.argv[1] == "hub" else Bare()
    print(await side.start(), flush=True)
    sequence = FIRST_SEQUENCE
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        seconds, per_write = line.split()
        answer = await flood(side, sequence, float(seconds), int(per_write))
        sequence = int(answer["sequence"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
