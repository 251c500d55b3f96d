"""Which symbols a report may show: those that its owner's token gave access to when it was asked for.

The token is gone when a job runs, perhaps in another process; its names and globs travel with the job.
"""

from collections.abc import Callable

from gateway.access.principal import Principal
from gateway.reports.words import Ask

__all__ = ["visible"]


def visible(ask: Ask) -> Callable[[str], bool]:
    """Tells whether a symbol may stand in the report."""
    return Principal("", ask.access).may_see
