"""Names of this machine: which addresses and Host headers only its own users can reach.

The rules on who gets in ask here. A name counts as local only where no name server is asked for it, since a page
elsewhere may have re-bound its own name to loopback.
"""

from ipaddress import ip_address

__all__ = ["is_local_host", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host`` (a listening address or a Host header's name)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_local_host(host: str) -> bool:
    """Whether a Host header names this machine. A page elsewhere may have re-bound its own name to loopback."""
    if not host:
        return True  # HTTP/1.0 tools; browsers always send one
    name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return is_loopback(name.lower())
