"""The rules by which a desk's figures come out.

Flows make them from settings, core.analytics goes by them, and the oracle says the same ones again. Equal rules and
equal records give equal figures.
"""

from typing import NamedTuple

__all__ = ["DeskRules"]


class DeskRules(NamedTuple):
    """``passed_per_second``: decisions of one second of the log that go out one by one; the others only in figures."""

    out_of_order_us: int
    lateness_us: int
    passed_per_second: int
    source_epoch: int = 0
