"""Where a venue is: its own addresses, or those that TAPEFLOW_FEED_ADDRESSES names for it.

Sessions and the reading of histories ask here before they open anything. A setting takes the place of the scheme, host
and port; path and query stay those of the venue. Addresses of this machine are never asked for through a proxy.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from schemas.errors import SettingError

__all__ = ["Places", "is_local", "places_of"]

LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class Places:
    """Of one venue: ``websocket`` and ``rest`` as scheme://host:port, None for the venue's own."""

    def __init__(self, websocket: str | None = None, rest: str | None = None) -> None:
        self._websocket, self._rest = websocket, rest

    def websocket(self, address: str) -> str:
        return _moved(address, self._websocket)

    def rest(self, address: str) -> str:
        return _moved(address, self._rest)


def places_of(texts: Iterable[str], names: Iterable[str]) -> Mapping[str, Places]:
    """By venue. Raises SettingError where one is meant that doesn't exist."""
    known = list(names)
    found: dict[str, dict[str, str]] = {name: {} for name in known}
    for text in texts:
        name, _, address = text.partition("=")
        if name not in found:
            raise SettingError(
                f"unknown venue {name[:40]}", where="TAPEFLOW_FEED_ADDRESSES", mend=f"take one of {', '.join(known)}"
            )
        found[name]["websocket" if address.startswith("ws") else "rest"] = address
    return {name: Places(**theirs) for name, theirs in found.items()}


def is_local(address: str) -> bool:
    return urlsplit(address).hostname in LOCAL


def _moved(address: str, place: str | None) -> str:
    if place is None:
        return address
    return urlunsplit((*urlsplit(place)[:2], *urlsplit(address)[2:]))
