"""A long answer sent part by part, so that memory holds one part however slow the client reads.

endpoint.py hands in an answer that comes as a stream. The next part is made when the one before has gone into the
socket. An answer that can't be brought to its end (its source failed, the client doesn't read) is broken off, never
closed as if it were whole: the connection is cut, which any client notices. A client that leaves ends the stream.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

import structlog

__all__ = ["CUT", "send_stream"]

CUT: Final = "tapeflow.cut"
"""An extension of the ASGI scope: a function that cuts the connection. Servers without it do so themselves when an
answer is left unfinished."""
PIECE_BYTES: Final = 65_536
SEND_S_MAX: Final = 30.0
CUT_S: Final = 1.0
BODY: Final = "http.response.body"
log = structlog.get_logger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def send_stream(
    status: int,
    headers: list[tuple[bytes, bytes]],
    parts: AsyncGenerator[bytes, None],
    scope: dict[str, Any],
    receive: Receive,
    send: Send,
    *,
    head: bool,
) -> None:
    """Sends the whole answer, or as much as can be had."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if head:
        await send({"type": BODY, "body": b""})
        return
    gone = asyncio.ensure_future(_until_gone(receive))
    whole = False
    try:
        async with contextlib.aclosing(parts):
            async for part in parts:
                for at in range(0, len(part), PIECE_BYTES):
                    if gone.done():
                        return
                    async with asyncio.timeout(SEND_S_MAX):
                        await send({"type": BODY, "body": part[at : at + PIECE_BYTES], "more_body": True})
        await send({"type": BODY, "body": b"", "more_body": False})
        whole = True
    except TimeoutError:
        log.info("answer_cut", reason="the client doesn't read")
    except Exception as error:  # noqa: BLE001 - whatever it is, what was sent must not look whole
        log.error("answer_cut", reason="".join(traceback.format_exception(error)))
    finally:
        if not whole and not gone.done():
            cut = scope.get("extensions", {}).get(CUT)
            if cut is not None:
                cut()
                await asyncio.wait((gone,), timeout=CUT_S)  # else the server says that it was left unfinished
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
