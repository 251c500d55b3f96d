"""``tapeflow verify``: what ClickHouse holds against what the topic says.

Takes the range and the choice of bars from the command line, shows progress and the outcome. It exits with 0 only when
every bar that the range decides is equal in every field.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from jobs.progress import shown_progress
from schemas.intervals import INTERVALS
from tapeflow.commands.entry import ALL_INTERVALS, JsonOption, chosen_intervals, enter, people
from tapeflow.commands.kind import KIND_HELP, TRADES, desk_kind, enter_kind, refuse_options

if TYPE_CHECKING:
    from oracle.comparison import Comparison

__all__ = ["verify"]

ROWS_SHOWN: Final = 20
ALERTS: Final = "alerts"
QUOTES: Final = "quotes"


def verify(
    start: Annotated[
        str, typer.Option("--from", help="earliest, an ISO time (of records), or offsets such as '{\"0\": 1500}'.")
    ] = "earliest",
    end: Annotated[str, typer.Option("--to", help="latest, an ISO time, or offsets; exclusive.")] = "latest",
    topic: Annotated[str | None, typer.Option(help="Topic instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    symbols: Annotated[str, typer.Option(help="Only these, with commas; empty means all.")] = "",
    intervals: Annotated[str, typer.Option(help="Only these, with commas.")] = ALL_INTERVALS,
    kind: Annotated[
        str,
        typer.Option(help=f"{KIND_HELP[:-1]}; or {ALERTS}, what rules about prices fired; or {QUOTES}, their bars."),
    ] = TRADES,
    as_json: JsonOption = False,
) -> int:
    """Recompute bars from Kafka with an independent oracle and compare ClickHouse with it.

    Exit 1 and a table when they differ. Give the settings that the flows ran with (TAPEFLOW_LATENESS_MS and so on).
    With --kind it is a desk's figures and alerts, the firings of rules, or bars of quotes, over the whole topic.

    Examples: tapeflow verify or tapeflow verify --kind routing or
    tapeflow verify --from 2026-01-31T09:00:00Z --to 2026-01-31T10:00:00Z --intervals 1m,1h
    """
    if kind != TRADES:
        given = {"--from": start != "earliest", "--to": end != "latest", "--symbols": bool(symbols),
                 "--intervals": intervals != ALL_INTERVALS}  # fmt: skip
        refuse_options(kind, given)
        return _verify_rows(kind, topic, as_json)
    from jobs.verify import Asked, verify_bars
    from oracle.comparison import partitions_said

    settings = enter(kafka_topic=topic)
    chosen = tuple(INTERVALS[index].name for index in chosen_intervals(intervals))
    asked = Asked(start, end, tuple(part.strip() for part in symbols.split(",") if part.strip()), chosen)
    with shown_progress(people(), "recomputing", "records") as progress:
        found = verify_bars(settings, asked, progress.update)
    if as_json:
        typer.echo(json.dumps(as_plain(found)))
    else:
        if found.differences:
            people().print(differences_table(found))
        typer.echo(str(found))
    if not (found.compared or found.open or found.cut):
        people().print("the records of that range hold no valid trade, so no bar could be compared")
    if found.hidden:
        people().print(f"{found.hidden}; they are in no bar yet, and were not compared")
    for symbol, partitions in list(found.in_two_partitions.items())[:ROWS_SHOWN]:
        people().print(partitions_said(symbol, partitions), soft_wrap=True)
    return 0 if found.holds else 1


def _verify_rows(kind: str, topic: str | None, as_json: bool) -> int:
    """Of a desk's kind, of rules, or of quotes."""
    from jobs.desk.verify import verify_desk
    from jobs.desk.verify_rules import verify_rules
    from jobs.verify_quotes import verify_quotes

    with shown_progress(people(), "recomputing", "records") as progress:
        if kind == ALERTS:
            found = verify_rules(enter(kafka_topic=topic), progress.update)
        elif kind == QUOTES:
            found = verify_quotes(enter(quotes_topic=topic), progress.update)
        else:
            chosen = desk_kind(kind)
            assert chosen is not None
            found = verify_desk(enter_kind(chosen, topic), chosen, progress.update)
    if as_json:
        differences = [each._asdict() for each in found.differences]
        typer.echo(json.dumps({"compared": found.compared, "open": found.open, "differences": differences}))
    else:
        for each in found.differences[:ROWS_SHOWN]:
            people().print(str(each), markup=False, soft_wrap=True)
        typer.echo(str(found))
    return 1 if found.differences else 0


def as_plain(found: "Comparison") -> dict[str, object]:
    return {
        "compared": found.compared,
        "differ": found.differing,
        "open": found.open,
        "cut": found.cut,
        "repaired": found.repaired,
        "elsewhere": found.elsewhere,
        "hidden": found.hidden,
        "in_two_partitions": found.in_two_partitions,
        "differences": [each._asdict() for each in found.differences],
    }


def differences_table(found: "Comparison") -> Table:
    """The first differences, for people."""
    more = len(found.differences) - ROWS_SHOWN
    table = Table(caption=f"and {more} more" if more > 0 else None)
    for name in ("symbol", "interval", "start", "field", "topic says", "ClickHouse says"):
        table.add_column(name, overflow="fold")
    for each in found.differences[:ROWS_SHOWN]:
        start = datetime.fromtimestamp(each.start_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(each.symbol, each.interval, start, each.field, each.expected, each.stored)
    return table
