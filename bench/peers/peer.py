"""What a peer is to the harness: a command to build once and to run as a process, and what a right answer of it is.

A peer reads the topic that ``PEER_*`` names, makes OHLCV bars of one minute as its users write them, and prints lines
of JSON: ``{"trades": N}`` at each twentieth, ``{"trades_in_bars": [N], "bars": N}`` at the end. bench/peers/README.md
describes the protocol, bench/peers/flow_peers.py lists them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.rig import Tape

__all__ = ["HERE", "Peer", "Wanted", "code_lines", "every_bar"]

HERE = Path(__file__).parent
Wanted = Callable[[Tape], tuple[int, int | None]]
"""Trades in bars and bars that a right answer has, None where the number of bars isn't looked at."""
PLUMBING = re.compile(r"\s*(import |from .* import |package |//|#|/?\*|\"\"\"|$)|[\s(){}\[\];,]*$")


def every_bar(tape: Tape) -> tuple[int, int | None]:
    return tape.trades, tape.minute_bars


@dataclass(frozen=True)
class Peer:
    """``build`` gives the command, and raises Missing where this machine can't; it keeps what it made.

    code: texts that a user would have to write. share: of the trades asked for, as slow ones would take minutes.
    """

    name: str
    what: str
    build: Callable[[], list[str]]
    code: tuple[str, ...] = ()
    share: float = 1.0
    wanted: Wanted = every_bar

    @property
    def lines(self) -> int:
        return sum(map(code_lines, self.code))


def code_lines(text: str) -> int:
    """Lines that say something: without imports, comments, and lines of brackets alone."""
    return sum(PLUMBING.match(line) is None for line in text.splitlines())
