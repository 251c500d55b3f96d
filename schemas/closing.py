"""How parts of a flow let go of files and connections: without ever raising.

Sources and sinks close inside ``quietly``. The engine closes parts while it unwinds from an error, and a second error
there aborts the whole process; what had to be written was flushed by the snapshot before, so nothing is lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

__all__ = ["quietly"]


@contextmanager
def quietly(what: str) -> Iterator[None]:
    """An error of the block ends the block and is a debug line that says ``what`` was being closed."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - nobody is left to whom it could be told
        structlog.get_logger().debug("closing_failed", what=what, error=str(error))
