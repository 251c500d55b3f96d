"""TCP ports: which are free, and one clear error when a wanted one isn't.

``stack`` and the tests' servers ask before they start anything. Law: a port given by the user is used or refused,
never replaced. The surprise: a port that only waits out old connections (TIME_WAIT) counts as free, or no server
could be restarted.
"""

import socket
from dataclasses import dataclass

from schemas.errors import SettingError

__all__ = ["Ports", "free_port", "require_free"]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each server listens; 0 takes a free one."""

    kafka: int = 0
    clickhouse: int = 0
    redis: int = 0


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free(name: str, port: int, host: str = "127.0.0.1") -> int:
    """``port``, or a free one for 0; SettingError when something listens there."""
    if not port:
        return free_port(host)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingError(
                f"port {port} for {name} is not free",
                where=f"{host}:{port}, {error.strerror}",
                mend=f"stop what listens there or choose another port (--{name}-port, 0 for any)",
            ) from error
    return port
