"""The states of an alert: open, acknowledged by somebody, resolved by what opened it.

The analytics flow opens and resolves, people acknowledge. States only rise: of two of one alert the one with the
greater rank holds, in whichever order they were written.
"""

from typing import Final

__all__ = ["ACKNOWLEDGED", "OPEN", "RESOLVED", "STATE_RANKS"]

OPEN: Final = "open"
ACKNOWLEDGED: Final = "acknowledged"
RESOLVED: Final = "resolved"
STATE_RANKS: Final = {OPEN: 1, ACKNOWLEDGED: 2, RESOLVED: 3}
