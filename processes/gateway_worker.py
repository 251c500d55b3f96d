"""One process of the gateway, ``python -m processes.gateway_worker websocket 7``, as gateway_processes starts it.

Reads its settings from the environment, serves one half (``websocket`` or ``rest``) and drains on SIGTERM. Connections
for REST go from one half to the other through the inherited descriptor whose number it is told. What a user can mend is
one line on standard error and exit 2. Each half imports only its own server library, so that a WebSocket process
doesn't carry the HTTP server's memory and the other way round.
"""

import argparse
import socket
import sys
from importlib.metadata import version

import structlog

from runtime.logging import configure_logging
from runtime.settings.whole import Settings, load_settings
from runtime.tracing.tracer import start_tracing
from schemas.errors import TapeflowError

__all__ = ["HALVES", "main"]

HALVES = ("websocket", "rest")


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal asks to stop; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m processes.gateway_worker")
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("queue", type=int)
    parser.add_argument("--share-port", action="store_true", help="other WebSocket processes listen on it too")
    given = parser.parse_args(argv)
    try:
        settings = load_settings()
        configure_logging(settings.log_format, settings.log_level)
        start_tracing(settings, f"gateway-{given.half}")
        serve(given.half, settings, socket.socket(fileno=given.queue), share_port=given.share_port)
    except TapeflowError as error:
        sys.stderr.write(f"tapeflow: {error}\n")
        return error.exit_code
    shown = {"version": version("tapeflow"), "settings": settings.changed()}
    structlog.get_logger().info("gateway_process_stopped", half=given.half, **shown)
    return 0


def serve(half: str, settings: Settings, queue: socket.socket, *, share_port: bool) -> None:
    queue.setblocking(False)
    if half == "websocket":
        from gateway.ws.server import run_websocket_gateway  # noqa: PLC0415 - see the head

        run_websocket_gateway(settings, queue, share_port=share_port)
    else:
        from gateway.rest.app import serve_rest  # noqa: PLC0415 - see the head

        serve_rest(settings, queue)


if __name__ == "__main__":
    sys.exit(main())
