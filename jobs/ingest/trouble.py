"""Why a venue can't be reached or ended a connection, in one line that says what to do.

Sessions and the reading of histories show these words; the errors themselves are those of sockets, TLS, HTTP and
WebSocket.
"""

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

__all__ = ["retry_after_s", "status_words", "words_of"]

STATUSES: Final = {
    403: "the venue refuses this address or country",
    404: "nothing is there: see TAPEFLOW_FEED_ADDRESSES",
    418: "the venue has banned this address for a while, as too much was asked for",
    429: "too much was asked for",
    451: "the venue refuses this country",
    503: "the venue is closed for a while",
}
RETRY_AFTER_S_MAX: Final = 900.0


def words_of(error: BaseException, address: str) -> str:
    """One line."""
    host = urlsplit(address).netloc
    if isinstance(error, ConnectionClosed):
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "cut")
        return f"the connection was closed with {code} {reason}".strip()
    if isinstance(error, InvalidStatus):
        return status_words(error.response.status_code)
    if isinstance(error, socket.gaierror):
        return f"no address is known for {host}: check the network and its name server"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refuses connections: check the network, a proxy, TAPEFLOW_FEED_ADDRESSES"
    if isinstance(error, ssl.SSLError):
        return f"{host} can't be trusted: check this machine's time and certificates ({error.strerror or error})"
    if isinstance(error, TimeoutError):
        return f"{host} doesn't answer: check the network and a firewall"
    if isinstance(error, InvalidHandshake):
        return f"{host} is no WebSocket: {error}"
    if isinstance(error, OSError):
        return f"{host}: {error.strerror or error}"
    return " ".join(str(error).split())[:200] or type(error).__name__


def status_words(status: int) -> str:
    """Of an HTTP status that isn't success."""
    return f"HTTP {status}: {STATUSES.get(status, 'no success')}"


def retry_after_s(text: str | None) -> float:
    """Seconds that ``Retry-After`` asks for; 0 where it doesn't, or names a date."""
    if text is None or not text.strip().isdecimal():
        return 0.0
    return min(float(text), RETRY_AFTER_S_MAX)
