"""Which process of a cluster this one is, and where the others are: from the command line, or from settings.

The runner gives its workers both on the command line; a StatefulSet gives every pod the same list of addresses, and the
ordinal in its hostname says which one it is. Where that can't be told, it is a SettingError before anything starts.
"""

import re
from typing import NamedTuple

from runtime.settings.running import RunningSettings
from schemas.errors import SettingError

__all__ = ["Place", "place_of"]


class Place(NamedTuple):
    """``addresses`` of all processes, host:port, in their order; empty for a single one."""

    process: int
    addresses: tuple[str, ...] = ()


def place_of(
    settings: RunningSettings, hostname: str, process: int | None = None, addresses: str | None = None
) -> Place:
    """``process`` and ``addresses`` (joined by ;) as on the command line win over the settings.

    Raises SettingError when the number isn't one of the addresses'.
    """
    if addresses:
        return _checked(process or 0, tuple(addresses.split(";")), "--process-id")
    if not settings.cluster_addresses:
        return Place(process or 0)
    if process is None and settings.cluster_process >= 0:
        process = settings.cluster_process
    if process is None:
        ordinal = re.search(r"-(\d+)$", hostname.partition(".")[0])
        if ordinal is None:
            raise SettingError(
                f"hostname {hostname} doesn't end in a number, so this process doesn't know which one it is",
                where="TAPEFLOW_CLUSTER_ADDRESSES",
                mend="set TAPEFLOW_CLUSTER_PROCESS",
            )
        process = int(ordinal[1])
    return _checked(process, settings.cluster_addresses, "TAPEFLOW_CLUSTER_PROCESS")


def _checked(process: int, addresses: tuple[str, ...], where: str) -> Place:
    if process >= len(addresses):
        raise SettingError(
            f"there is no process {process} in a cluster of {len(addresses)}",
            where=where,
            mend=f"0 to {len(addresses) - 1}, or give more addresses",
        )
    return Place(process, addresses)
