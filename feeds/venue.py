"""What a venue's file must offer; feeds.venues lists those that there are.

A venue is pure translation: frames in, rows out, without a connection, a clock or any state. It says how its markets
are subscribed to and how their past is asked for, as texts to send and addresses to fetch. Sessions and recordings
(jobs.ingest) bring the bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from feeds.marks import Mark
from feeds.rows import Told

__all__ = ["Rules", "Source", "Subscription", "Venue", "chunks"]


class Subscription(NamedTuple):
    """One connection: where to, what to send there, the symbols whose trades it brings, and what to send to end it for
    these symbols alone."""

    address: str
    frames: tuple[str, ...]
    symbols: tuple[str, ...]
    ends: tuple[str, ...]


def chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """``items`` in pieces of at most ``size``."""
    return (items[at : at + size] for at in range(0, len(items), size))


@dataclass(frozen=True, slots=True)
class Rules:
    """How a venue wants to be used.

    pages: how its history comes. ``forward``: what follows on a mark; ``backward``: the newest before a mark;
    ``recent``: the last trades alone. rest_pause_s: between two requests. ids_follow: a trade's id is the one before
    plus one. ping: the text that a connection is kept open by, every ping_s; empty: pings of WebSocket. beats: a
    healthy connection is never silent, be it for its answers to pings. symbols_max: of one connection. by_time: pages
    that go backward may begin at any moment.
    """

    pages: Literal["forward", "backward", "recent"]
    rest_pause_s: float
    ids_follow: bool = False
    ping: str = ""
    ping_s: float = 20.0
    beats: bool = False
    symbols_max: int = 50
    by_time: bool = False


class Source(Protocol):
    """Who tells: a venue, or a vendor that is polled. name: as a user says it; exchange: as trades carry it."""

    @property
    def name(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def rules(self) -> Rules: ...

    def told(self, frame: bytes, received_us: int) -> Told:
        """What a frame tells. received_us: when it came, for what the venue gives no time of its own."""
        ...


class Venue(Source, Protocol):
    """addresses: how those of its WebSocket begin."""

    @property
    def addresses(self) -> tuple[str, ...]: ...

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        """The connections that bring ``symbols``, as many as the venue's limits need. Raises ValueError for a symbol
        that the venue can't have."""
        ...

    @property
    def listing(self) -> str:
        """Address of the list of its markets."""
        ...

    def listed(self, body: bytes) -> list[str]:
        """Symbols of the list that are traded now: of spot, or of a venue of futures its perpetuals. Raises ValueError
        or msgspec.DecodeError for what isn't such a list."""
        ...

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:
        """Address of a page of the market's past, see Rules.pages: behind ``after``; ``before`` None: up to now."""
        ...

    def told_history(self, symbol: str, body: bytes) -> Told:
        """The trades of such a page, oldest first."""
        ...
