"""The address of a client, from the connection or from what trusted proxies say: one rule for WebSocket and REST.

Servers hand in the peer's address and the lines of X-Forwarded-For; limits count by what comes out. Each proxy adds the
address that it was reached from at the end of the header, so what stands before is the client's own word. An IPv6
client holds a whole /64, so limits count by that.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

__all__ = ["AddressRule", "bare_address", "forwarded_entries", "limited_address"]

IPV6_PREFIX = 64


class AddressRule(NamedTuple):
    """``trusts``: proxies stand in front; ``hops``: how many of them add to the header."""

    trusts: bool = False
    hops: int = 1

    def of(self, entries: tuple[str, ...], peer: str) -> str:
        """The client's address; behind trusted proxies the one that the outermost of them added."""
        if not self.trusts or len(entries) < self.hops:
            return peer
        return bare_address(entries[-self.hops]) or peer


def forwarded_entries(lines: Iterable[str]) -> tuple[str, ...]:
    """Every entry of every line of X-Forwarded-For, as they came."""
    return tuple(entry.strip() for line in lines for entry in line.split(","))


def bare_address(entry: str) -> str:
    """The address of an entry that may carry a port, as some proxies write it; empty for anything else."""
    host = entry[1:].partition("]")[0] if entry.startswith("[") else entry
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


@lru_cache(10_000)
def limited_address(address: str) -> str:
    """What a limit counts by: an IPv4 address, or the network of an IPv6 address; other text as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Network((int(found), IPV6_PREFIX), strict=False))
