"""What was loaded is left alone by the collector; cycles that come later are still found."""

import subprocess
import sys

from tests.unit.house import ROOT

STORY = """
import gc, weakref
from runtime.garbage import YOUNG_MAX, keep_what_is_loaded

class Node:
    pass

gc.disable()
keep_what_is_loaded()
assert gc.isenabled()
assert gc.get_freeze_count() > 1_000
node = Node()
node.itself, gone = node, weakref.ref(node)
del node
kept = [[] for _ in range(2 * YOUNG_MAX)]
assert gone() is None
print("found")
"""


def test_it_looks_at_what_is_new() -> None:
    """In a process of its own, as it changes the collector of the whole one."""
    done = subprocess.run([sys.executable, "-c", STORY], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "found\n", done.stderr
