"""What a peer in Python tells the harness: a line at each twentieth of the trades, and one with what came out.

A peer's program is run by its file in an environment of its own, where this folder is all of the project that it
imports. bench/peers/README.md describes the lines.
"""

import json
import os

__all__ = ["MARKS", "Marks"]

MARKS = 20


class Marks:
    """``seen``: trades that are in bars."""

    def __init__(self) -> None:
        self.trades = int(os.environ["PEER_TRADES"])
        self.step = self.trades // MARKS
        self.seen = 0
        self.begun = False

    def begin(self) -> None:
        """The first trade is in hand, where many come into bars at once."""
        if not self.begun:
            self.begun = True
            self._say({"trades": 0})

    def see(self, trades: int = 1) -> None:
        """So many trades more."""
        before, self.seen = self.seen, self.seen + trades
        if before // self.step < self.seen // self.step:
            self._say({"trades": self.seen})

    @property
    def is_over(self) -> bool:
        return self.seen >= self.trades

    def end(self, bars: int, trades_in_bars: int) -> None:
        self._say({"trades_in_bars": [trades_in_bars], "bars": bars})

    @staticmethod
    def _say(line: dict[str, object]) -> None:
        print(json.dumps(line), flush=True)
