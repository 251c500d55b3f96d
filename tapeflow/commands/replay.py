"""``tapeflow replay``: a range of the topic to bars once more, to repair, to compare, or into a file.

Takes the range and the target from the command line, shows rate and remaining time, ends with an account. It exits with
0 when it ended, or when the comparison found nothing to change, and with 1 when something would change. A replay that
was stopped goes on when the same command is given again.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from jobs.progress import shown_progress
from schemas.errors import SettingError
from tapeflow.commands.entry import ALL_INTERVALS, JsonOption, chosen_intervals, enter, people
from tapeflow.commands.kind import KIND_HELP, TRADES, desk_kind, enter_kind, refuse_options

if TYPE_CHECKING:
    from jobs.replay.diff import Changes
    from jobs.replay.run import Account, Replay
    from runtime.settings.whole import Settings

__all__ = ["replay"]

ROWS_SHOWN: Final = 20
OF_BARS: Final = {
    "--from": "earliest", "--to": "latest", "--event-from": "", "--event-to": "", "--symbols": "",
    "--intervals": ALL_INTERVALS, "--into": None, "--no-late": True, "--diff": False, "--processes": 1,
}  # fmt: skip
"""Options that say nothing of a desk's topic, and what they are where they aren't given."""
FILES: Final = (".parquet", ".pq", ".csv", ".csv.gz")


def replay(
    start: Annotated[
        str,
        typer.Option("--from", help="earliest, an ISO time (bars from there on), or offsets such as '{\"0\": 1500}'."),
    ] = "earliest",
    end: Annotated[
        str, typer.Option("--to", help="latest, an ISO time (bars that end by then), or offsets; exclusive.")
    ] = "latest",
    event_from: Annotated[
        str, typer.Option(help="Bars that start at or after this time, whenever their records were sent.")
    ] = "",
    event_to: Annotated[str, typer.Option(help="Bars that end at or before this time.")] = "",
    topic: Annotated[str | None, typer.Option(help="Topic instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    symbols: Annotated[str, typer.Option(help="Only these, with commas; empty means all.")] = "",
    intervals: Annotated[str, typer.Option(help="Only these, with commas.")] = ALL_INTERVALS,
    into: Annotated[
        str | None, typer.Option(help="A table of ClickHouse, or a file (.parquet, .csv, .csv.gz); not given: bars.")
    ] = None,
    late: Annotated[
        bool, typer.Option("--late/--no-late", help="Fold in trades that came too late for live, or leave them out.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="With --dry-run: show what would change; exit 1 if anything.")
    ] = False,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes; partitions are shared out.")] = 1,
    kind: Annotated[str, typer.Option(help=KIND_HELP)] = TRADES,
    as_json: JsonOption = False,
) -> int:
    """Make bars from a range of the topic again, as exact as live, beside whatever is running.

    Bars that the range cuts, or that nothing in it closes, are left out and counted. Give the settings that the flows
    ran with (TAPEFLOW_OUT_OF_ORDER_MS and so on): then equal bars have equal versions, and repaired ones higher ones.
    With --kind it is the minutes of a desk's figures, from the whole topic; nobody is told of anything again.

    Examples: tapeflow replay --from 2026-01-31 --to 2026-02-01 --dry-run --diff or
    tapeflow replay --intervals 1m,1h --into bars.parquet --processes 4 or tapeflow replay --kind lp --dry-run
    """
    if kind != TRADES:
        of_bars = (start, end, event_from, event_to, symbols, intervals, into, late, diff, processes)
        return _replay_desk(kind, topic, of_bars, dry_run=dry_run, as_json=as_json)
    from flows.replay_plan import Request
    from jobs.replay.run import Replay

    if diff and not dry_run:
        raise SettingError("--diff shows what would change", where="--diff", mend="add --dry-run")
    settings = enter(kafka_topic=topic)
    file, table = _target(settings, into, diff=diff, dry_run=dry_run)
    chosen = chosen_intervals(intervals)
    named = tuple(sorted({part.strip() for part in symbols.split(",") if part.strip()}))
    request = Request(start, end, named, chosen, "" if dry_run else table, late, event_from.strip(), event_to.strip())
    asked = Replay(settings, request, processes)
    account = _run(asked)
    outcome: dict[str, object] = {name: getattr(account, name) for name in account.__struct_fields__[2:-1]}
    typer.echo(str(account), err=as_json)
    changes = asked.compare(table) if diff else None
    if file is not None and not dry_run:
        outcome["written"] = asked.write(file)
        typer.echo(f"{outcome['written']} bars in {file}", err=as_json)
    asked.forget()
    if changes is not None:
        _show(changes, outcome, as_json)
    if as_json:
        typer.echo(json.dumps(outcome))
    return 1 if changes is not None and changes.any else 0


def _replay_desk(kind: str, topic: str | None, of_bars: tuple[object, ...], *, dry_run: bool, as_json: bool) -> int:
    """``of_bars``: the options of bars, in the order of OF_BARS; none may be given."""
    from jobs.desk.verify import whole_topic
    from jobs.replay.desk import replay_desk

    chosen = desk_kind(kind)
    assert chosen is not None
    refuse_options(kind, {name: of_bars[at] != usual for at, (name, usual) in enumerate(OF_BARS.items())})
    settings = enter_kind(chosen, topic)
    with shown_progress(people(), "replaying", "records") as progress:
        account = replay_desk(settings, chosen, whole_topic(settings), progress.update, writes=not dry_run)
    typer.echo(json.dumps(asdict(account)) if as_json else str(account))
    if dry_run:
        people().print("dry run: nothing was written")
    return 0


def _target(settings: "Settings", into: str | None, *, diff: bool, dry_run: bool) -> tuple[str | None, str]:
    """The file, or the table, that is written or compared."""
    from jobs.replay.run import check_table
    from sinks.files import check_output

    file = into if into is not None and into.lower().endswith(FILES) else None
    if file is not None and diff:
        raise SettingError("a file is not compared", where="--into", mend="leave --into out, or name a table")
    table = "" if file is not None else _table(into or "bars", settings.clickhouse_database)
    if file is not None:
        check_output(file)
    elif diff or not dry_run:
        check_table(settings, table, may_make=not dry_run and into is not None)
    return file, table


def _table(name: str, database: str) -> str:
    parts = name.split(".") if "." in name else [database, name]
    if len(parts) != 2 or not all(part.isidentifier() and part.isascii() for part in parts):
        raise SettingError(
            f"{name!r} is no table and no file", where="--into", mend="say TABLE, DATABASE.TABLE or FILE.parquet"
        )
    return ".".join(parts)


def _run(asked: "Replay") -> "Account":
    total = asked.plan.records
    if asked.resumed:
        people().print("going on where the same replay stopped")
    with shown_progress(people(), "replaying", "records") as progress:
        progress.resume(asked.done)
        try:
            return asked.run(lambda done: progress.update(done, total))
        except KeyboardInterrupt:
            people().print("stopped; the same command goes on from here")
            raise


def _show(changes: "Changes", outcome: dict[str, object], as_json: bool) -> None:
    typer.echo(str(changes), err=as_json)
    if as_json:
        names = ("equal", "changed", "added", "without_trades", "newer", "open")
        outcome["diff"] = {name: getattr(changes, name) for name in names}
        outcome["in_two_partitions"] = changes.in_two_partitions
        outcome["changes"] = [each._asdict() for each in changes.shown]
    elif changes.shown:
        more = len(changes.shown) - ROWS_SHOWN
        table = Table(caption=f"and {more} more" if more > 0 else None)
        for name in ("symbol", "interval", "start", "field", "ClickHouse has", "would become"):
            table.add_column(name, overflow="fold")
        for each in changes.shown[:ROWS_SHOWN]:
            start = datetime.fromtimestamp(each.start_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
            table.add_row(each.symbol, each.interval, start, each.field, each.stored, each.expected)
        people().print(table)
    from oracle.comparison import partitions_said

    for symbol, partitions in list(changes.in_two_partitions.items())[:ROWS_SHOWN]:
        people().print(partitions_said(symbol, partitions), soft_wrap=True)
