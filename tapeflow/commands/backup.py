"""``tapeflow backup``: recovery state and tables into a folder or bucket, beside running flows.

Progress goes to standard error; the last line says what was kept.
"""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.progress import shown_progress
from tapeflow.commands.entry import enter, people

if TYPE_CHECKING:
    from jobs.backup.manifest import Manifest

__all__ = ["ByServer", "backup", "described"]

ByServer = Annotated[
    str,
    typer.Option(
        "--by-server",
        help="Where ClickHouse keeps the tables: Disk('backups', 'monday') or S3('https://host/day', 'key', 'secret').",
    ),
]


def backup(
    place: Annotated[str, typer.Argument(help="A new folder, or s3://bucket/path.")],
    by_server: ByServer = "",
) -> int:
    """Keep recovery state and ClickHouse's tables, with hashes; flows may run meanwhile.

    Examples: tapeflow backup /backups/2026-01-31 or tapeflow backup s3://bucket/2026-01-31 or
    tapeflow backup /backups/2026-01-31 --by-server "Disk('backups', '2026-01-31')"
    """
    from jobs.backup.places import BackupPlace
    from jobs.backup.whole import back_up

    settings, began = enter(), time.monotonic()
    with shown_progress(people(), "writing", "rows") as progress:
        made = back_up(settings, BackupPlace(place), progress.update, by_server)
    typer.echo(f"{described(made)} in {time.monotonic() - began:.1f} s")
    return 0


def described(made: "Manifest") -> str:
    """What a backup holds, in a line."""
    tables = {each.table for each in made.tables}
    rows = sum(each.rows for each in made.tables)
    kept = "tables kept by ClickHouse" if made.server_side else f"{rows:,} rows of {len(tables)} tables"
    size = sum(file.bytes for file in made.files)
    flows = ", ".join(flow.flow for flow in made.flows) or "no flow"
    return f"state of {flows}; {kept}; {size / 1e6:,.1f} MB of {made.made_at}"
