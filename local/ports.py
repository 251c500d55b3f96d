"""TCP ports: which are free, and one clear error when a wanted one isn't.

``stack`` and the tests' servers ask before they start anything. A port given by the user is used or refused, never
replaced. A port that only waits out old connections (TIME_WAIT) counts as free, or no server could be restarted. A free
port is never of the range that the kernel gives to outgoing connections, since one of those could take it before the
server does.
"""

import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.errors import SettingError

__all__ = ["Ports", "free_port", "free_ports", "listenable", "require_free"]

_LOWEST: Final = 15_000
_OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each server listens; 0 takes a free one."""

    kafka: int = 0
    clickhouse: int = 0
    redis: int = 0


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on right now, and that no outgoing connection can take meanwhile."""
    return free_ports(1, host)[0]


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """As many different ones."""
    found: list[int] = []
    for port in random.sample(range(_LOWEST, _first_outgoing()), k=1000):
        if len(found) == count:
            break
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found.append(port)
    if len(found) < count:
        raise SettingError("too few free ports", where=host, mend=f"stop what listens on {_LOWEST} and above")
    return found


def _first_outgoing() -> int:
    try:
        first = int(_OUTGOING.read_text().split()[0])
    except OSError:
        first = 0
    # Elsewhere, or where the range was set to begin low, the usual beginning is as good as any.
    return first if first > _LOWEST + 1000 else 32_768


def listenable(host: str, port: int) -> int:
    """``port``, or one that the system chooses for 0; OSError where nobody can listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def require_free(name: str, port: int, host: str = "127.0.0.1") -> int:
    """``port``, or a free one for 0; SettingError when something listens there."""
    try:
        return listenable(host, port) if port else free_port(host)
    except OSError as error:
        raise SettingError(
            f"port {port} for {name} is not free",
            where=f"{host}:{port}, {error.strerror}",
            mend=f"stop what listens there or choose another port (--{name}-port, 0 for any)",
        ) from error
