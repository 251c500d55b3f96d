"""A worker that notes each batch that leaves its process, for tests: the engine pickles what goes to another one.

CROSSED names the file of notes. PLAIN_KEYS=1 keys batches by the plain number of their partition, to show that notes
are taken where batches do cross.
"""

import os
import sys
from pathlib import Path
from typing import Any

import flows.reading
from flows.history import HistoryUpdate
from processes.worker import main
from schemas.columns import BarBatch, TradeBatch
from sinks.redis.sink import LiveUpdate


def note(kind: type[Any]) -> None:
    original = kind.__reduce_ex__

    def reduce_ex(self: Any, protocol: Any) -> Any:
        with Path(os.environ["CROSSED"]).open("a") as notes:
            notes.write(f"{kind.__name__}\n")
        return original(self, protocol)

    kind.__reduce_ex__ = reduce_ex


if __name__ == "__main__":
    for each in (TradeBatch, BarBatch, HistoryUpdate, LiveUpdate):
        note(each)
    if os.environ.get("PLAIN_KEYS"):
        vars(flows.reading)["shard_key"] = str
    sys.exit(main())
