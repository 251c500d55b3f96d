"""``tapeflow doctor``: every dependency with its version, and what to do where something is wrong.

It exits with 0 when the flows could run, with 2 when something that they need is missing. Warnings don't count.
"""

import json

import typer
from rich.console import Console
from rich.table import Table

from tapeflow.commands.entry import JsonOption, enter

__all__ = ["doctor"]

STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def doctor(as_json: JsonOption = False) -> int:
    """Check Kafka, the topics, the registry, ClickHouse, Redis, disk, Python and ports.

    Examples: tapeflow doctor or tapeflow doctor --json
    """
    from jobs.doctor.examination import examine
    from jobs.doctor.finding import Finding

    settings = enter()
    found: list[Finding] = []
    console = Console(stderr=True)
    with console.status("looking") as status:
        for finding in examine(settings):
            status.update(f"looked at {finding.name}")
            found.append(finding)
    failed = [finding for finding in found if finding.state == "failed"]
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in found], indent=1))
        return 2 if failed else 0
    table = Table("", "dependency", "found", "what to do", box=None, pad_edge=False)
    for finding in found:
        style = STYLES[finding.state]
        table.add_row(f"[{style}]{finding.state}[/]", finding.name, finding.what, finding.todo)
    Console(width=None if Console().is_terminal else 160, highlight=False).print(table)
    return 2 if failed else 0
