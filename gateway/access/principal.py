"""Who a client is: the claims of a verified token, as the rest of the gateway sees them.

``auth`` makes a Principal from a token; the WebSocket sessions, REST and SSE ask it what may be seen. A Principal only
narrows: an empty glob list allows no symbol, an empty channel set allows no channel. ``verify`` must not block, as it
runs on the loop that feeds every client: keys are fetched ahead of need.
"""

import re
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Protocol

__all__ = ["Authorizer", "Principal", "TokenRefused"]


class TokenRefused(Exception):
    """The token is missing, malformed, expired or signed by someone else; ``str`` is safe to show."""


@lru_cache(maxsize=4096)
def _matcher(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs))


@dataclass(frozen=True, slots=True)
class Principal:
    """``symbols`` are names or globs (``*`` = all); ``exp`` is in seconds since the epoch, None for never."""

    user_id: str
    symbols: tuple[str, ...] = ()
    role: str = ""
    channels: frozenset[str] = frozenset()
    exp: float | None = None
    username: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)

    def may_see(self, symbol: str) -> bool:
        if not self.symbols:
            return False
        # A name that holds * ? or [ is its own first; as a glob it would miss itself, or others too.
        return "*" in self.symbols or symbol in self.symbols or _matcher(self.symbols).match(symbol) is not None

    def may_join(self, channel: str) -> bool:
        return channel in self.channels


class Authorizer(Protocol):
    """Turns a token into a Principal."""

    def verify(self, token: str | None) -> Principal:
        """None means that no token was given; raises TokenRefused when the client may not come in."""
        ...
