"""What the collector of cyclic garbage looks at in a process that serves for long.

A process of a flow or a gateway calls this once, when all of its code is loaded. What is there then stays for the life
of the process: looking through it again and again cost REST a fifth of its time, and every end of a flow 0.2 s. Cycles
that come later are still found, only less often, as reference counts free nearly everything at once.
"""

import gc
from typing import Final

__all__ = ["keep_what_is_loaded"]

YOUNG_MAX: Final = 20_000
"""New containers between two looks at the youngest; Python's own 700 means several looks a millisecond under load."""


def keep_what_is_loaded() -> None:
    """Leaves everything that exists now out of all later collections, which begin here where they rested so far."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(YOUNG_MAX, 10, 10)
