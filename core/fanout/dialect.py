"""What a dialect of the WebSocket gateway is: pure translation between client words and hub words.

Inbound bytes become Commands, hub events become JSON messages (bytes). A dialect holds no state, reads no clock and
knows no encoding: MessagePack, compression and framing are the ``pack`` of a Variant. Every method is a function of its
arguments, so that a message is built once for all clients of one Variant. A fifth dialect is one file with a subclass
of Dialect; it overrides what its rooms need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from core.fanout.messages import BarMessage, ChannelMessage, TickerMessage

__all__ = [
    "ALL_BARS",
    "FINAL_BARS",
    "Command",
    "Dialect",
    "Follow",
    "Ping",
    "Problem",
    "RoomKey",
    "Subscribe",
    "Unfollow",
    "Unsubscribe",
    "Variant",
    "refusal",
]

# ("ticker", symbol), ("bars", symbol, interval, view) or ("channel", name).
RoomKey = tuple[str, ...]

# Views of bars; "" is that of a client that asks for nothing: bars whose time never goes back.
FINAL_BARS: Final = "finals"
ALL_BARS: Final = "revisions"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``since``: last sequence that the client holds, by room; ``bars``: how many it wants at first."""

    rooms: tuple[RoomKey, ...]
    since: Mapping[RoomKey, int] | None = None
    bars: int = 100


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    rooms: tuple[RoomKey, ...]


@dataclass(frozen=True, slots=True)
class Follow:
    """``lists``: ids of the user's watchlists, whose symbols come, and go, as the lists change; ``since`` as above."""

    lists: tuple[str, ...]
    since: Mapping[RoomKey, int] | None = None


@dataclass(frozen=True, slots=True)
class Unfollow:
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """``echo`` is what the pong gives back: raw JSON, or empty."""

    echo: bytes = b""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of the message cannot be done; becomes the dialect's error message."""

    code: str
    text: str


def refusal(code: str, names: Sequence[str], symbols_max: int) -> Problem:
    """Why a client may not have ``names``."""
    text = {
        "FORBIDDEN_CHANNEL": "your role may not join",
        "FORBIDDEN_SYMBOL": "your token does not cover",
        "SUBSCRIPTION_LIMIT": f"more than {symbols_max} symbols per connection: not subscribed to",
    }[code]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Problem(code, f"{text} {listed}")


Command = Subscribe | Unsubscribe | Follow | Unfollow | Ping | Problem


class Dialect:
    """Translation for one path. All times are milliseconds since the epoch; every result is JSON text as bytes."""

    name: ClassVar[str] = ""
    path: ClassVar[str] = ""

    def parse(self, data: bytes) -> Sequence[Command]:
        """Commands in ``data``; what can't be understood is a Problem, never an exception."""
        raise NotImplementedError

    def greeting(self, client_id: str, now_ms: int) -> Sequence[bytes]:  # noqa: ARG002
        """Messages for a client that has just come in."""
        return ()

    def error(self, problem: Problem, now_ms: int) -> bytes:
        raise NotImplementedError

    def pong(self, ping: Ping, now_ms: int) -> bytes:
        raise NotImplementedError

    def state(self, fields: Mapping[str, msgspec.Raw]) -> bytes:
        """One ticker as a whole; cached by the room until its sequence moves."""
        raise NotImplementedError

    def states(self, parts: Sequence[bytes], now_ms: int) -> Sequence[bytes]:
        """Messages that carry ``parts``, each made by ``state``."""
        raise NotImplementedError

    def changes(
        self, fields: Mapping[str, msgspec.Raw], messages: Sequence[TickerMessage], now_ms: int
    ) -> Sequence[bytes]:
        """What ``messages`` changed, in order; ``fields`` is the ticker after the last of them."""
        raise NotImplementedError

    def initial(self, symbol: str, interval: str, bars: Sequence[BarMessage]) -> bytes:
        """The newest bars of a room, oldest first."""
        raise NotImplementedError

    def update(self, bar: BarMessage) -> bytes:
        raise NotImplementedError

    def watchlist(self, list_id: str, name: str, symbols: Sequence[str] | None, now_ms: int) -> bytes:
        """What a list that the client follows holds now; None: it was deleted."""
        raise NotImplementedError

    def batch(self, messages: Sequence[ChannelMessage]) -> bytes:
        """At most one flush of channel messages."""
        raise NotImplementedError


class Variant:
    """Clients who get the same bytes: one dialect, one encoding, one way of framing.

    ``pack`` turns JSON messages into what goes to the wire. Compared by identity: make each one once.
    """

    __slots__ = ("dialect", "name", "pack")

    def __init__(self, name: str, dialect: Dialect, pack: Callable[[Sequence[bytes]], bytes]) -> None:
        self.name, self.dialect, self.pack = name, dialect, pack
