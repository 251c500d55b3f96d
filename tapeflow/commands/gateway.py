"""``tapeflow gateway``: WebSocket, SSE and REST for clients, in the foreground.

What would keep it from serving (Redis, a port, a key, TLS files) is one line and exit 2 before anything starts. SIGTERM
and Ctrl-C drain it. On a terminal it shows lines that can be pasted, elsewhere it logs its version,
where it listens and which settings differ from the defaults, secrets masked.
"""

import sys
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from runtime.logging import configure_logging
from tapeflow.commands.entry import enter, people

if TYPE_CHECKING:
    from processes.gateway_processes import Addresses
    from runtime.settings.whole import Settings

__all__ = ["gateway"]


def gateway(
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="WebSocket processes that share the port; one core each.")
    ] = 1,
) -> int:
    """Serve WebSocket, SSE and REST clients until Ctrl-C or SIGTERM, which drain it.

    Examples: tapeflow gateway or TAPEFLOW_GATEWAY_TOKEN_SECRET=$(openssl rand -hex 32) tapeflow gateway --processes 4
    """
    from processes.gateway_processes import run_gateway

    settings = enter()
    configure_logging(settings.log_format, settings.log_level)
    return run_gateway(settings, processes, partial(announce, settings))


def announce(settings: "Settings", addresses: "Addresses") -> None:
    if not sys.stderr.isatty():
        structlog.get_logger().info(
            "gateway_started",
            version=version("tapeflow"),
            websocket=addresses.websocket,
            rest=addresses.rest,
            settings=settings.changed(),
        )
        return
    console = people()
    console.print(f"Open in a browser:  {addresses.page}", soft_wrap=True, markup=False)
    for line in addresses.pasted("BTC/USDT"):
        console.print(line, soft_wrap=True, markup=False)
