"""Reading one JSON text of a venue as a declared struct, in one line.

Venues' files decode by it. Only declared fields are looked at, so a venue may add others. What doesn't fit is an
Unreadable, whose reason is the JSON library's one line.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, Literal, TypeVar

import msgspec

from feeds.rows import Notice, Told, Trade, Unreadable

__all__ = ["EMPTY", "HEARD", "NOTHING", "in_order", "microseconds", "notice", "read"]

T = TypeVar("T")
NOTHING: Final = Told()
"""Of a frame that tells neither trades nor quotes, nor anything about the session: another channel."""
HEARD: Final = Told(notice=Notice("heard"))
"""Of an answer, a heartbeat."""
EMPTY: Final = msgspec.Raw(b"0")
"""The size of a quote whose venue tells none."""
NUMBERS: Final = frozenset({b'"', b"-", *(b"%d" % digit for digit in range(10))})
"""How a number begins, or a text that holds one."""
WHOLE_DIGITS: Final = 6


def read(channel: str, tell: Callable[[], Told]) -> Told:
    """What ``tell`` gives; a frame that it can't decode, or of trades without numbers, is told as unreadable."""
    try:
        told = tell()
        for trade in told.trades if channel else ():
            if bytes(trade.price)[:1] not in NUMBERS or bytes(trade.size)[:1] not in NUMBERS:
                raise ValueError("a price or size is neither a number nor a text")
        return told
    except (msgspec.DecodeError, ValueError, ArithmeticError, IndexError, KeyError, RecursionError) as error:
        return Told(unreadable=Unreadable(channel, " ".join(str(error).split())[:200]))


def microseconds(time: int | str) -> int:
    """Of a time in ms, as a number or its text; or in s with up to six digits behind the point (Kraken).

    Raises ValueError for any other text.
    """
    if isinstance(time, int):
        return time * 1000
    whole, point, rest = time.partition(".")
    if not point:
        return int(whole) * 1000
    if len(rest) > WHOLE_DIGITS or not rest.isdigit():
        raise ValueError(f"no time: {time[:40]}")
    return int(whole) * 1_000_000 + int(rest.ljust(WHOLE_DIGITS, "0"))


def in_order(told: Told) -> Told:
    """Trades oldest first: some venues send a list newest first, and those of one time then stand the other way too.
    Ids that are numbers decide among those of one time."""
    trades = told.trades
    if len(trades) < 2:
        return told
    if _place(trades[0]) > _place(trades[-1]):
        trades.reverse()
    if any(_place(one) > _place(next_one) for one, next_one in pairwise(trades)):
        trades.sort(key=_place)
    return told


def _place(trade: Trade) -> tuple[str, int]:
    return str(trade.event_time), int(trade.trade_id) if trade.trade_id.isdecimal() else 0


def notice(kind: Literal["subscribed", "refused", "failed", "ending"], symbol: str = "", words: object = "") -> Told:
    """What is said about the session; ``words`` as one line."""
    return Told(notice=Notice(kind, (symbol,) if symbol else (), " ".join(str(words).split())[:200]))
