"""How far each partition of a replay is and what it found, as one small file per partition beside the plan.

The step of flows.replay writes them, the command reads them for its progress bar and its account. A file is replaced
whole, so a reader never sees half of one. ``done`` stands there only when the partition has been read to its end and
late trades are folded in. They are files because the workers are other processes, perhaps killed ones.
"""

from pathlib import Path

import msgspec

from schemas.storage import writing

__all__ = ["PartitionProgress", "read_progress", "write_progress"]


class PartitionProgress(msgspec.Struct):
    """Counts of one partition.

    bars: whole ones handed to the sink, each revision counts; cut: bars that the range's start cuts; open: bars that
    nothing in the range closes; repaired: bars that late trades changed or made; symbols: how many of those asked for
    have trades, known once it is done; unjudged: applied or late trades that may be duplicates.
    """

    partition: int
    next_offset: int
    read: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0
    bars: int = 0
    cut: int = 0
    open: int = 0
    repaired: int = 0
    symbols: int = 0
    unjudged: int = 0
    done: bool = False


def write_progress(folder: Path, progress: PartitionProgress) -> None:
    path = folder / f"progress-{progress.partition}.json"
    beside = path.with_suffix(".new")
    with writing(path):
        beside.write_bytes(msgspec.json.encode(progress))
        beside.replace(path)


def read_progress(folder: Path, partition: int) -> PartitionProgress | None:
    """None while the partition has nothing to say."""
    try:
        return msgspec.json.decode((folder / f"progress-{partition}.json").read_bytes(), type=PartitionProgress)
    except OSError:
        return None
