"""``tapeflow watch``: symbols in the terminal, as a client of a gateway sees them.

It speaks the public protocol and nothing else, so what it shows is what any client gets. Piped, it writes one line per
message; the last line on standard error counts messages, gaps and reconnects.
"""

import asyncio
import contextlib
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from runtime.settings.whole import Settings
from schemas.errors import SettingError
from tapeflow.commands.entry import YEAR_S, enter, people
from tapeflow.output import reader_is_gone

__all__ = ["watch"]

OWN_TOKEN_S = 86_400


def watch(
    symbols: Annotated[list[str], typer.Argument(help="Symbols such as BTC/USDT.")],
    url: Annotated[str, typer.Option(help="ws://host:port of the gateway; the settings' own unless given.")] = "",
    token: Annotated[str, typer.Option(help="A token; made with the settings' key where there is one.")] = "",
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=YEAR_S, help="End after so long; else on Ctrl-C.")
    ] = None,
) -> int:
    """Follow symbols over WebSocket: snapshot, deltas, gaps, reconnects and how old each update is.

    Examples: tapeflow watch BTC/USDT ETH/USDT or tapeflow watch AAPL --url wss://gateway:8080 --token "$TOKEN"
    """
    from jobs.follow import Follower
    from jobs.watch import message_line, watch_symbols
    from processes.gateway_processes import Addresses

    check_url(url)
    settings = enter()
    follower = Follower(
        url or Addresses.of(settings).websocket, dict.fromkeys(symbols), token or own_token(settings, url)
    )
    console = Console(highlight=False)
    if not console.is_terminal:
        follower.on_message = lambda message, now_ms: typer.echo(message_line(message, now_ms))
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(watch_symbols(follower, console, seconds, reader_is_gone=reader_is_gone))
    people().print(
        f"{follower.messages:,} messages, {follower.gaps} gaps, {max(follower.connects - 1, 0)} reconnects",
        style="dim",
    )
    return 0


def check_url(url: str) -> None:
    """Raise SettingError for what is no address of a gateway; empty means our own."""
    try:
        parts = urlsplit(url)
        fits = not url or (parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0)
    except ValueError:  # a port beyond 65535, or brackets that don't close
        fits = False
    if not fits:
        raise SettingError(f"{url!r} is no address of a gateway", where="--url", mend="say ws://host:port or wss://…")


def own_token(settings: Settings, url: str) -> str:
    """A token of our own for our own gateway; none for a foreign address, which has other keys."""
    from gateway.access.auth import make_token

    if url or not (settings.gateway_token_secret or settings.gateway_token_private_key):
        return ""
    return make_token(settings, "watch", lifetime_s=OWN_TOKEN_S)
