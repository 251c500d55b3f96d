"""How many files (connections are files) a process of the gateway may have open, and how it gets as many as it needs.

The soft limit of a shell is usually 1,024 and any process may raise it to the hard one (getrlimit(2)). The command
checks once what the settings ask for, each process raises its own limit at its start. What was asked for by name and
can't be held is refused; the defaults are lowered to what fits, and said.
"""

import resource
from typing import Final

from schemas.errors import SettingError

__all__ = ["HANDSHAKES_MAX", "OWN_FILES", "clients_that_fit", "handshakes_that_fit", "raise_open_files"]

OWN_FILES: Final = 96
"""What a process opens besides its clients: Redis, ClickHouse, the log, its queue, its libraries."""
HANDSHAKES_MAX: Final = 1_024
"""Connections that have not said yet what they want."""
CLIENTS_MIN: Final = 8


def handshakes_that_fit(limit: int) -> int:
    return max(1, min(HANDSHAKES_MAX, (limit - OWN_FILES) // 4))


def clients_that_fit(clients_max: int, *, named: bool, setting: str) -> int:
    """``clients_max``, or as many as the hard limit lets a process hold; ``named``: somebody set it.

    Raises SettingError where as many as somebody set, or any at all, can't be held.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return clients_max
    fit = hard - OWN_FILES - handshakes_that_fit(hard)
    if fit < CLIENTS_MIN or (named and fit < clients_max):
        asked = clients_max if named else CLIENTS_MIN
        need = asked + OWN_FILES + min(HANDSHAKES_MAX, max(asked // 2, CLIENTS_MIN))
        raise SettingError(
            f"{asked} connections need {need} open files, and a process may have {hard}",
            where=f"ulimit -Hn, {setting}",
            mend=f"raise the hard limit to {need} (ulimit -n {need}; LimitNOFILE= in systemd)"
            + (f" or set {setting} to {fit}" if fit >= CLIENTS_MIN else ""),
        )
    return min(clients_max, fit)


def raise_open_files(clients: int) -> int:
    """Raises this process' soft limit to what ``clients`` need, or as far as it goes; the limit from then on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = clients + HANDSHAKES_MAX + OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= need:
        return need if soft == resource.RLIM_INFINITY else soft
    limit = need if hard == resource.RLIM_INFINITY else min(hard, need)
    if limit > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(limit, soft)
