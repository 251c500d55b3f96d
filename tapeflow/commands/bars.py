"""``tapeflow bars``: trade files to a bar file, with no server at all.

Reads the command line, runs flows.bars and writes its tables. Nothing is written unless everything was read, and the
account on standard error adds up.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from jobs.progress import shown_progress
from jobs.told_sides import told_sides
from runtime.settings.types import YEAR_MS
from schemas.errors import InputError
from tapeflow.commands.entry import ALL_INTERVALS, chosen_intervals, enter, parse_field_map, people
from tapeflow.commands.file_options import (
    ColumnsOption,
    DecimalCommaOption,
    EncodingOption,
    FieldMapOption,
    LayoutOption,
    SymbolOption,
    WrittenAs,
    file_options,
    tell_reading,
)

__all__ = ["bars"]

STDOUT: Final = "-"
FORMATS: Final = ".csv, .csv.gz or .parquet"
FILES_HELP: Final = "Trade files or folders, oldest first: CSV, JSON lines, Parquet, Arrow, packed or not; - is a pipe."


def bars(
    files: Annotated[list[str], typer.Argument(help=FILES_HELP)],
    intervals: Annotated[str, typer.Option(help=f"With commas: {ALL_INTERVALS}.")] = "1m",
    out: Annotated[str, typer.Option(help=f"File of bars ({FORMATS}); - is standard output.")] = STDOUT,
    rejects: Annotated[str | None, typer.Option(help=f"File of refused records ({FORMATS}).")] = None,
    out_of_order_ms: Annotated[
        int | None, typer.Option(help="How far behind the newest a trade may come before bars close without it.")
    ] = None,
    lateness_ms: Annotated[
        int | None,
        typer.Option(min=0, max=YEAR_MS, help="How long a closed bar takes late trades; not given: for ever."),
    ] = None,
    dedupe: Annotated[
        bool | None, typer.Option("--dedupe/--no-dedupe", help="Drop trades with an id already seen.")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="The files hold everything: close the last bars too.")
    ] = False,
    field_map: FieldMapOption = None,
    layout: LayoutOption = None,
    symbol: SymbolOption = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    decimal_comma: DecimalCommaOption = None,
) -> int:
    """Make exact bars from trade files: the same dataflow as in production, without servers.

    Several files are one log in the given order, so that a symbol may go on from file to file.

    Examples: tapeflow bars trades.csv.gz --intervals 1m,5m --out bars.csv --rejects rejects.csv or
    tapeflow bars BTCUSDT-trades-2024-05-01.zip day2.parquet --intervals 1D --complete or
    zcat XBTUSD.csv.gz | tapeflow bars - --layout kraken --symbol XBTUSD
    """
    chosen = chosen_intervals(intervals)
    mapping = parse_field_map(field_map)
    settings = enter(out_of_order_ms=out_of_order_ms, dedupe=dedupe, field_map=mapping)

    from connectors.files.reader import share_read
    from flows.bars import Account, FileLog, build, open_all, read_valid, rules_for_files, run_bars
    from flows.reading import rules_of
    from sinks.files import BarTable, RejectTable, check_output

    for path in (out, rejects or STDOUT):
        check_output(path)
    options = file_options(settings, WrittenAs(layout, symbol, columns, encoding, decimal_comma))
    log = FileLog(open_all(files, options, settings), lambda file: read_valid(file, settings))
    check_places([str(file.place.path) for file in log.files], out, rejects)
    table, refused, account = BarTable(chosen), RejectTable(log.place, is_wanted=rejects is not None), Account()
    began = time.monotonic()
    with shown_progress(people(), "reading", "rows") as progress:
        rules = rules_for_files(rules_of(settings), lateness_ms)

        def show(read: int) -> None:
            progress.update(read, share=share_read(log.files))

        run_bars(build(log, rules, table, refused, complete=complete, account=account, progress=show), log)
        written = table.write(out)
        if rejects:
            refused.write(rejects)
    tell_reading(people(), log.files)
    _tell(people(), str(account), written, time.monotonic() - began)
    if account.rounded:
        people().print(f"{account.rounded} trades with a number that was rounded", soft_wrap=True)
    if account.unknown_sides:
        people().print(told_sides(account.unknown_sides), soft_wrap=True, markup=False)
    return 0


def check_places(files: Sequence[str], out: str, rejects: str | None) -> None:
    """Raise InputError when an output would take the place of an input, or both outputs the same one."""
    taken = {Path(file).resolve(): "the trades" for file in files}
    for option, path, holds in (("--out", out, "the bars"), ("--rejects", rejects, "the refused records")):
        # Nothing is lost where a pipe or a device is named twice.
        if path is None or (path != STDOUT and Path(path).exists() and not Path(path).is_file()):
            continue
        place = Path(STDOUT) if path == STDOUT else Path(path).resolve()
        if place in taken:
            raise InputError(
                f"{option} would overwrite {taken[place]}",
                where="standard output" if path == STDOUT else path,
                mend="name another file",
            )
        taken[place] = holds


def _tell(console: Console, account: str, written: int, took_s: float) -> None:
    console.print(f"{account}; {written} bars in {took_s:.1f} s", soft_wrap=True)
