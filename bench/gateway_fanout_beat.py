"""A gateway whose loop notes how long it was held, for the bench of the fan-out.

``python -m bench.gateway_fanout_beat FILE`` serves as the settings say. A task wakes every millisecond; for each time
that it came later than PAUSE_MS a line goes into FILE: when it came (monotonic), and how late, both in ms.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from gateway.ws.server import WebSocketGateway, run_websocket_gateway
from runtime.settings.whole import load_settings

BEAT_S: Final = 0.001
PAUSE_MS: Final = 3.0


async def beat(path: Path) -> None:
    """Until cancelled."""
    with path.open("a", buffering=1) as notes:
        while True:
            began = time.monotonic()
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            late_ms = (now - began - BEAT_S) * 1000
            if late_ms > PAUSE_MS:
                notes.write(f"{now * 1000:.1f} {late_ms:.1f}\n")


def main() -> None:
    start = WebSocketGateway.start
    tasks: list[asyncio.Task[None]] = []

    async def start_beating(gateway: WebSocketGateway) -> None:
        await start(gateway)
        tasks.append(asyncio.create_task(beat(Path(sys.argv[1]))))

    setattr(WebSocketGateway, "start", start_beating)  # noqa: B010 - a method may not be assigned to
    run_websocket_gateway(load_settings())


if __name__ == "__main__":
    main()
