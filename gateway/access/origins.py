"""Which pages of the web may speak to the gateway: the one rule behind WebSocket, REST and SSE.

A browser names the page that asks in the header Origin; other programs send none, and their token alone decides.
Allowed are the origins that TAPEFLOW_GATEWAY_ORIGINS names, whole and never by prefix, and where it names none the
gateway's own host. While no token is asked for, only this machine reaches the gateway, and pages of any loopback origin
are its own user's: they are allowed too. ``null``, which files send and sandboxed frames of any site, must be named.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.access.hosts import is_loopback

__all__ = ["LOOPBACK_ORIGINS", "REFUSED", "OriginRule"]

REFUSED: Final = "origin not allowed: name it in TAPEFLOW_GATEWAY_ORIGINS"
LOOPBACK_ORIGINS: Final = r"https?://(?:(?:[A-Za-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
"""The same as a pattern, for the library that answers preflight requests."""
_SCHEMES: Final = ("http", "https")


class OriginRule(NamedTuple):
    """``named``: what the setting allows; ``is_open``: no token is asked for."""

    named: tuple[str, ...] = ()
    is_open: bool = False

    def allows(self, origin: str, host: str) -> bool:
        """``origin`` and ``host`` as the request's headers have them."""
        if "*" in self.named or origin in self.named:
            return True
        try:
            parts = urlsplit(origin)
            name = parts.hostname or ""
        except ValueError:
            return False
        if self.is_open and parts.scheme in _SCHEMES and is_loopback(name):
            return re.fullmatch(LOOPBACK_ORIGINS, origin) is not None
        return not self.named and parts.netloc == host
