"""``tapeflow restore``: what ``tapeflow backup`` kept is brought back, or only looked at.

Progress goes to standard error; the last line says what was brought back. Nothing is changed when a file of the backup
is damaged or a flow has state already.
"""

import time
from typing import Annotated

import typer

from jobs.progress import shown_progress
from tapeflow.commands.backup import ByServer, described
from tapeflow.commands.entry import enter, people

__all__ = ["restore"]


def restore(
    place: Annotated[str, typer.Argument(help="A folder or s3://bucket/path that backup wrote.")],
    by_server: ByServer = "",
    flows: Annotated[str, typer.Option(help="State of these only, with commas, such as history; empty: all.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only read all of it and compare hashes.")] = False,
) -> int:
    """Bring back what a backup holds, where no recovery state lies; tables take rows that they lack.

    Examples: tapeflow restore /backups/2026-01-31 --check or tapeflow restore /backups/2026-01-31
    """
    from jobs.backup.places import BackupPlace
    from jobs.backup.whole import checked, chosen_flows
    from jobs.backup.whole import restore as bring_back

    settings, began, where = enter(), time.monotonic(), BackupPlace(place)
    with shown_progress(people(), "checking", "bytes") as progress:
        found = checked(where, progress.update)
    found = chosen_flows(found, [name for name in flows.split(",") if name])
    if not check:
        with shown_progress(people(), "inserting", "rows") as progress:
            bring_back(settings, where, found, progress.update, by_server)
    typer.echo(f"{'whole' if check else 'restored'}: {described(found)}, {time.monotonic() - began:.1f} s")
    return 0
