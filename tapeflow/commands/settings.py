"""``tapeflow settings``: what is in force, after arguments, environment, file and defaults, and what one setting is.

A value that may hold a password is shown as ***.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from runtime.settings.whole import Settings, field_named, source_of
from runtime.settings.words import PREFIX, FieldWords, field_words, masked
from tapeflow.commands.entry import JsonOption, enter

__all__ = ["settings"]

DiffOption = Annotated[
    bool, typer.Option("--diff", help="Only those that differ from their defaults, and both values.")
]
ExplainOption = Annotated[
    str, typer.Option("--explain", metavar="NAME", help="What one setting is, takes and has, and where it comes from.")
]


def settings(as_json: JsonOption = False, diff: DiffOption = False, explain: ExplainOption = "") -> int:
    """Show the effective settings; those that differ from the default are bold.

    Examples: tapeflow settings --diff or tapeflow settings --explain lateness_ms
    """
    asked = field_named(explain) if explain else ""
    effective = enter()
    shown = {name: masked(field, getattr(effective, name)) for name, field in Settings.model_fields.items()}
    if asked:
        _explain(field_words(asked, Settings.model_fields[asked]), _text(shown[asked]), source_of(asked), as_json)
    elif diff:
        _show_changed(effective.changed(), as_json)
    elif as_json:
        typer.echo(json.dumps(shown, default=str, indent=1))
    else:
        _show_all(effective, shown)
    return 0


def _show_all(effective: Settings, shown: dict[str, object]) -> None:
    table = Table("variable", "value", "what it is")
    for name, field in Settings.model_fields.items():
        style = "bold" if getattr(effective, name) != field.default else ""
        table.add_row(PREFIX + name.upper(), _text(shown[name]), field.description, style=style)
    _print(table)


def _show_changed(changed: dict[str, object], as_json: bool) -> None:
    defaults = {name: field_words(name, Settings.model_fields[name]).default for name in changed}
    if as_json:
        rows = {
            name: {"value": value, "default": defaults[name], "from": source_of(name)}
            for name, value in changed.items()
        }
        typer.echo(json.dumps(rows, default=str, indent=1))
        return
    table = Table("variable", "value", "default", "from")
    for name, value in changed.items():
        table.add_row(PREFIX + name.upper(), _text(value), defaults[name], source_of(name))
    _print(table)


def _explain(words: FieldWords, value: str, source: str, as_json: bool) -> None:
    facts = {"value": value, "from": source, **words._asdict()}
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    unit = f" {words.unit}" if words.unit else ""
    console = Console(highlight=False)
    console.print(f"[bold]{words.variable}[/bold]  {words.about}", soft_wrap=True)
    for name, text in (
        ("value", f"{value or 'empty'}{unit if value else ''}, from {source}"),
        ("default", f"{words.default or 'empty'}{unit if words.default else ''}"),
        ("takes", words.allowed + (f", in {words.unit}" if words.unit else "")),
    ):
        console.print(f"  {name:8} {text}", soft_wrap=True, markup=False)


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | Path) else json.dumps(value, default=str)


def _print(table: Table) -> None:
    Console(width=None if Console().is_terminal else 160).print(table)
