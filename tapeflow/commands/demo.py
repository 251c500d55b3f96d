"""``tapeflow demo``: the whole system on this machine, and its proof.

It exits with 0 only if the independent oracle agrees with every bar, ticker and alert and the accounts add up.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.errors import InputError, SettingError
from tapeflow.commands.entry import YEAR_S, enter, parse_field_map
from tapeflow.commands.file_options import (
    ColumnsOption,
    DecimalCommaOption,
    EncodingOption,
    FieldMapOption,
    LayoutOption,
    SymbolOption,
    WrittenAs,
    file_options,
)

if TYPE_CHECKING:
    from connectors.values.column_plan import FileOptions
    from demo.run import DemoOutcome
    from feeds.venue import Venue
    from runtime.settings.whole import Settings

__all__ = ["demo"]

RATE_MAX: Final = 1_000_000
PROVE_MAX: Final = 2_000_000
"""About two minutes and half a gigabyte for each partition's share; the oracle keeps every trade."""
LINE_COLUMNS: Final = 200
"""In a log, where nobody's window is narrow."""


FeedOption = Annotated[
    str | None, typer.Option(metavar="play:FILE", help="Play this recorded session of a venue instead, as it was.")
]


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1, max=YEAR_S, help="End after so long; else on Ctrl-C, or, off a terminal, at the file's end."
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, max=RATE_MAX, help="Trades per second; 5000 unless a file has to fit.")
    ] = None,
    symbols: Annotated[int, typer.Option(min=1, max=100_000, help="Symbols of the synthetic market.")] = 50,
    file: Annotated[str | None, typer.Option(help="Send this trade file or folder instead; - is a pipe.")] = None,
    feed: FeedOption = None,
    summary: Annotated[str | None, typer.Option("--json", help="Write the summary to this file; - prints it.")] = None,
    bad_every: Annotated[int, typer.Option(min=0, help="A bad record after so many trades; 0: none.")] = 500,
    desk: Annotated[bool, typer.Option("--desk/--no-desk", help="A dealing desk and rules beside the market.")] = True,
    quotes: Annotated[
        bool, typer.Option("--quotes/--no-quotes", help="Best bids and asks of the synthetic market, a flow more.")
    ] = False,
    prove_max: Annotated[
        int, typer.Option(min=0, help="Records that the proof recomputes, the first ones; 0: all, whatever it takes.")
    ] = PROVE_MAX,
    field_map: FieldMapOption = None,
    layout: LayoutOption = None,
    symbol: SymbolOption = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    decimal_comma: DecimalCommaOption = None,
) -> int:
    """Trades and a desk through Kafka, all flows, ClickHouse and Redis on this machine, then proof that it is right.

    It prints the address of a page to watch them on.

    Examples: tapeflow demo --seconds 20 or tapeflow demo --file trades.csv.gz --json summary.json
    """
    from demo.run import run_demo
    from demo.tape import DemoPlan
    from sinks.files import check_output

    if quotes and (file is not None or feed is not None):
        given = "--feed" if file is None else "--file"
        raise SettingError("a file has no quotes", where="--quotes", mend=f"leave --quotes or {given} out")
    check_output("-" if summary is None else summary)
    settings = enter()
    written = WrittenAs(layout, symbol, columns, encoding, decimal_comma)
    # The setting speaks of records in Kafka, the option of the file.
    options = file_options(settings, written, parse_field_map(field_map) or {})
    console = Console(stderr=summary == "-", highlight=False)
    if not console.is_terminal:
        console = Console(stderr=summary == "-", highlight=False, width=LINE_COLUMNS)
    with ExitStack() as kept:
        file = kept.enter_context(_kept(file)) if file is not None else None
        if file is not None:
            _check_file(file, options, settings)
        session = None if feed is None else _session(feed, {"--file": file, "--rate": rate})
        plan = DemoPlan(
            seconds, rate, symbols, file, session, bad_every, prove_max, options, has_desk=desk, has_quotes=quotes
        )
        outcome = run_demo(plan, settings, console)
    show(console, outcome)
    if summary == "-":
        typer.echo(json.dumps(outcome.as_dict(), indent=1))
    elif summary is not None:
        try:
            Path(summary).write_text(json.dumps(outcome.as_dict(), indent=1) + "\n", "utf-8")
        except OSError as error:
            raise InputError(f"can't write: {error.strerror}", where=summary, mend="choose another place") from None
    return 0 if outcome.holds else 1


def _check_file(file: str, options: "FileOptions", settings: "Settings") -> None:
    """What is wrong with the file is said at once, not by a proof of nothing."""
    from flows.bars import open_all, read_valid

    if not any(len(batch) for each in open_all([file], options, settings) for batch in read_valid(each, settings)):
        raise InputError(
            "the file holds no valid trade", where=file, mend="tapeflow bars FILE --rejects rejects.csv tells why"
        )


def _session(feed: str, others: Mapping[str, object]) -> "tuple[Path, Venue]":
    """The recorded session that ``feed`` names and its venue; ``others``: what doesn't go with it."""
    from demo.feed_tape import FeedTape
    from jobs.ingest.playback import venue_of

    for name, value in others.items():
        if value is not None:
            raise SettingError("a session is played as it was", where=name, mend=f"leave {name} or --feed out")
    kind, colon, name = feed.partition(":")
    if kind != "play" or not colon or not name:
        raise SettingError(f"can't read {feed[:60]!r}", where="--feed", mend="say play:FILE")
    path = Path(name)
    venue = venue_of(path, None, "give one with an address at its head, as tapeflow ingest --record keeps them")
    if next(iter(FeedTape(path, venue)), None) is None:
        raise InputError(
            "the recording holds no trade", where=name, mend=f"tapeflow ingest --play {name} tells what else is in it"
        )
    return path, venue


@contextmanager
def _kept(file: str) -> Iterator[str]:
    """A name under which the file can be read several times: a pipe's bytes go to a temporary file first."""
    from connectors.files.places import places_of
    from connectors.files.unpacking import open_place

    places = places_of(file)
    if not any(place.is_once for place in places):
        yield file
        return
    with NamedTemporaryFile(prefix="tapeflow-demo-") as copy, closing(open_place(places[0])) as opened:
        shutil.copyfileobj(opened.stream, copy)
        copy.flush()
        yield copy.name


def show(console: Console, outcome: "DemoOutcome") -> None:
    """The summary, for people."""
    summary = outcome.as_dict()
    rate = outcome.sent / outcome.took_s if outcome.took_s else 0.0
    counts = outcome.proof.counts
    account = " + ".join(f"{counts[name]:,} {name}" for name in ("applied", "duplicate", "late", "rejected"))
    console.print()
    console.print(f"[bold]{outcome.sent:,}[/] records in {outcome.took_s:.1f} s, {rate:,.0f}/s", soft_wrap=True)
    console.print(f"{counts['read']:,} read = {account}", soft_wrap=True)
    live = summary["flows"].get("live", {})
    if live.get("latency_p50_ms") is not None:
        p50, p99 = live["latency_p50_ms"], live["latency_p99_ms"]
        console.print(f"record to Redis: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for check in outcome.proof.checks:
        mark = Text("✓", style="green") if check.holds else Text("✗", style="bold red")
        table.add_row(mark, check.name, check.detail)
    for name, code in outcome.exit_codes.items():
        if code:
            table.add_row(Text("✗", style="bold red"), f"{name} stop", f"exit code {code}")
    console.print(table)
    for each in outcome.proof.differences:
        console.print(f"  {each.symbol} {each.interval} {each.start_us} {each.field}: {each.expected} / {each.stored}",
                      style="red", markup=False, soft_wrap=True)  # fmt: skip
    proved = "every bar, ticker, figure and alert" if outcome.plan.has_desk else "every bar and ticker"
    if not outcome.proof.is_whole:
        proved = "every bar of the records proved"
    verdict = f"{proved} equals the oracle's" if outcome.holds else "the proof does NOT hold"
    console.print(Text(verdict, style="bold green" if outcome.holds else "bold red"))
