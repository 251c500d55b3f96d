"""``tapeflow publish``: one message into an analytics channel or the event stream, as a flow would write it.

For trying out clients, for system notices by hand, and for scripts. The data go to clients byte by byte. Data that are
no JSON object, or a channel that doesn't exist, are one line and exit 2. The entry's id is printed: it is the SSE id.
"""

import asyncio
import io
import sys
from typing import Annotated

import typer

from runtime.settings.redis import RedisSettings
from schemas.errors import InputError, Unreachable
from tapeflow.commands.entry import enter
from tapeflow.commands.token import split

__all__ = ["publish"]

TIMEOUT_MS = 5_000


def publish(
    channel: Annotated[str, typer.Argument(help="A channel (alerts, exposure-updates, …) or an event type (news, …).")],
    data: Annotated[str, typer.Argument(help="A JSON object; - reads standard input.")],
    kind: Annotated[str, typer.Option("--type", help="The message's type; the channel's usual one unless given.")] = "",
    user: Annotated[str, typer.Option(help="Only this user id gets it.")] = "",
    symbols: Annotated[str, typer.Option(help="Only who may see one of these, with commas.")] = "",
) -> int:
    """Publish a message to the gateways' clients: WebSocket channels and Server-Sent Events.

    Examples: tapeflow publish news '{"title":"Open"}' or tapeflow publish routing-metrics - --type lp < metrics.json
    """
    settings = enter()
    typer.echo(asyncio.run(send(settings, channel, given(data), kind, user, split(symbols))))
    return 0


def given(data: str) -> bytes:
    """The message as bytes of UTF-8. Raises InputError for any other, and when there is no standard input."""
    where = "standard input" if data == "-" else "the argument"
    try:
        # Closed streams are None.
        found = (
            getattr(sys.stdin, "buffer", io.BytesIO()).read() if data == "-" else data.encode(errors="surrogateescape")
        )
        found.decode()
    except UnicodeDecodeError as error:
        what = f"the data are not UTF-8: byte {error.object[error.start]:#04x} at {error.start}"
        raise InputError(what, where=where, mend="give a JSON object") from None
    if not found.strip():
        raise InputError("no data", where=where, mend="give a JSON object")
    return bytes(found.strip())


async def send(
    settings: RedisSettings, channel: str, data: bytes, kind: str, user: str, symbols: tuple[str, ...]
) -> str:
    """The entry's id. Raises InputError, or Unreachable when Redis doesn't answer."""
    from gateway.stores.publish import publish as write
    from gateway.stores.redis_pool import REDIS_ERRORS, open_redis
    from sinks.redis.connection import place

    redis = open_redis(settings.redis_url, TIMEOUT_MS)
    try:
        return await write(redis, channel, data, kind=kind, user=user, symbols=symbols)
    except REDIS_ERRORS as error:
        raise Unreachable(
            "Redis does not answer", where=place(settings.redis_url), mend="set TAPEFLOW_REDIS_URL"
        ) from error
    finally:
        await redis.aclose(close_connection_pool=True)
