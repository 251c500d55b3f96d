"""``python -m processes.load MODULE ARGS…``: run a module as ``python -m MODULE ARGS…`` does, but load its code sooner.

``workers`` starts every process of ours by it. While code is loaded, everything that is made is kept, so the collector
of cyclic garbage finds nothing and looks at it again and again, which took a fifth of a start. It rests until the
module has its code and says so (``runtime.garbage``). This file imports nothing that is large.
"""

import gc
import os
import runpy
import sys
from typing import Final

__all__ = ["main"]

NO_DATE_TABLE: Final = {"CLICKHOUSE_DRIVER_LASY_DATE_LUT": "1970-01-01:1970-01-01"}
"""The driver fills a table of all dates as it is imported, 0.1 s; by this name, spelt so, it is filled by need."""


def main(argv: list[str]) -> None:
    gc.disable()
    for name, value in NO_DATE_TABLE.items():
        os.environ.setdefault(name, value)
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
