"""Names of requests: what a client is told, and the log says, to find one by.

Each is unique over all gateways and no secret: a number drawn when the process starts, and a count. Asking the system
for each one took longer than counting the request's limits.
"""

import itertools
import os

__all__ = ["new_request_id"]

_start = os.urandom(6).hex()
_numbers = itertools.count()


def new_request_id() -> str:
    """16 or more letters and digits."""
    return f"{_start}{next(_numbers):04x}"
