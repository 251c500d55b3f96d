"""``tapeflow quality``: what is wrong with the trades of a topic, per partition and symbol.

Reads a range, shows the worst symbols first. It writes nothing and exits with 0 however bad the trades are. The one
exception is a symbol in two partitions, which is exit 1: bars of such a symbol can't be right.
"""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from jobs.progress import shown_progress
from jobs.told_sides import told_fields, told_sides
from tapeflow.commands.entry import JsonOption, enter, people

if TYPE_CHECKING:
    from core.bars.quality import SymbolFigures
    from jobs.quality import QualityReport

__all__ = ["quality"]


def quality(
    start: Annotated[
        str, typer.Option("--from", help="earliest, an ISO time (of records), or offsets such as '{\"0\": 1500}'.")
    ] = "earliest",
    end: Annotated[str, typer.Option("--to", help="latest, an ISO time, or offsets; exclusive.")] = "latest",
    topic: Annotated[str | None, typer.Option(help="Topic instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    symbols: Annotated[int, typer.Option(min=0, help="How many of the worst symbols to show.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """Show disorder, late, repeated and missing trades, stamps from the future, and symbols in two partitions.

    Examples: tapeflow quality or tapeflow quality --from 2026-01-31T09:00:00Z --json
    """
    from jobs.quality import assess_range
    from oracle.comparison import partitions_said

    settings = enter(kafka_topic=topic)
    with shown_progress(people(), "reading", "records") as progress:
        found = assess_range(settings, start, end, progress.update)
    twice = found.in_two_partitions
    if as_json:
        typer.echo(json.dumps(found.as_plain()))
    else:
        console = Console(width=None if Console().is_terminal else 160)
        console.print(partition_table(found))
        if symbols:
            console.print(symbol_table(found, symbols))
    for name, partitions in list(twice.items())[:5]:
        people().print(partitions_said(name, partitions))
    if found.rounded:
        people().print(f"{found.rounded:,} trades with a number that was rounded")
    if found.unknown_sides:
        people().print(told_sides(found.unknown_sides), soft_wrap=True, markup=False)
    if found.unseen_fields:
        people().print(told_fields(found.unseen_fields), soft_wrap=True, markup=False)
    return 1 if twice else 0


def partition_table(found: "QualityReport") -> Table:
    """One row per partition."""
    table = new_table("partition", "rejected")
    for partition, each in sorted(found.watched.items()):
        refused = found.rejected[partition]
        said = ", ".join(f"{count} {reason}" for reason, count in refused.most_common()) or "0"
        table.add_row(str(partition), said, *cells(each.quality.total()))
    return table


def symbol_table(found: "QualityReport", most: int) -> Table:
    """The symbols with the most trouble."""
    rows = [
        (name, str(partition), figures)
        for partition, each in sorted(found.watched.items())
        for name, figures in each.by_symbol()
    ]
    rows.sort(key=lambda row: (-trouble(row[2]), row[0]))
    table = new_table("symbol", "partition")
    for name, partition, figures in rows[:most]:
        table.add_row(name, partition, *cells(figures))
    if len(rows) > most:
        table.caption = f"the worst {most} of {len(rows)}"
    return table


def new_table(*first: str) -> Table:
    table = Table(*first)
    for name in (
        *("trades", "out of order", "p99 ms", "max ms", "late", "repeated", "gaps", "missing ids", "future"),
        *("max ahead ms", "newest, s ago"),
    ):
        table.add_column(name, justify="right")
    return table


def trouble(figures: "SymbolFigures") -> float:
    """Share of trades that something is wrong with."""
    wrong = figures.late + figures.duplicates + figures.missing_ids + figures.future + figures.out_of_order
    return wrong / max(figures.trades, 1)


def cells(figures: "SymbolFigures") -> list[str]:
    age_s = time.time() - figures.newest_us / 1e6 if figures.trades else 0.0
    deep = f"<{figures.out_of_order_p99_ms}" if figures.out_of_order_p99_ms else "0"
    return [
        f"{figures.trades:,}", f"{figures.out_of_order:,}", deep, f"{figures.out_of_order_max_ms:,.0f}",
        f"{figures.late:,}", f"{figures.duplicates:,}", f"{figures.gaps:,}", f"{figures.missing_ids:,}",
        f"{figures.future:,}", f"{figures.future_max_ms:,.0f}", f"{age_s:,.0f}",
    ]  # fmt: skip
