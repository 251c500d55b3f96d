"""``tapeflow settings``: what is in force, after arguments, environment, file and defaults.

A value that may hold a password is shown as ***.
"""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from runtime.settings.whole import Settings
from runtime.settings.words import PREFIX, masked
from tapeflow.commands.entry import JsonOption, enter

__all__ = ["settings"]


def settings(as_json: JsonOption = False) -> int:
    """Show the effective settings; those that differ from the default are bold.

    Examples: tapeflow settings or TAPEFLOW_CONFIG=prod.toml tapeflow settings --json
    """
    effective = enter()
    shown = {name: masked(field, getattr(effective, name)) for name, field in Settings.model_fields.items()}
    if as_json:
        typer.echo(json.dumps(shown, default=str, indent=1))
        return 0
    table = Table("variable", "value", "what it is")
    for name, field in Settings.model_fields.items():
        value = getattr(effective, name)
        text = shown[name] if isinstance(shown[name], str | Path) else json.dumps(shown[name], default=str)
        table.add_row(
            PREFIX + name.upper(), str(text), field.description, style="bold" if value != field.default else ""
        )
    Console(width=None if Console().is_terminal else 160).print(table)
    return 0
