"""``tapeflow man``: the manual page, made of what --help says, so that both tell the same.

It is written in the macros of man(7) to standard output.
"""

import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import typer

__all__ = ["man"]


def man(context: typer.Context) -> int:
    """Print the manual page.

    Example: tapeflow man > ~/.local/share/man/man1/tapeflow.1
    """
    root: Any = context.find_root().command
    lines = [f'.TH TAPEFLOW 1 "" "tapeflow {version("tapeflow")}"', ".SH NAME", rf"tapeflow \- {_text(root.help)}"]
    lines += [".SH SYNOPSIS", r"\fBtapeflow\fR \fIVERB\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]", ".SH OPTIONS"]
    lines += [*_options(root, context), ".SH VERBS", *_verbs(root, "tapeflow", context)]
    typer.echo("\n".join(lines))
    return 0


def _verbs(group: Any, path: str, context: typer.Context) -> Iterator[str]:
    for name, command in group.commands.items():
        whole = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _verbs(command, whole, context)
            continue
        arguments = " ".join(each.name.upper() for each in command.params if each.param_type_name == "argument")
        yield f".SS {_text(whole)} {_text(arguments)}".rstrip()
        for number, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
            yield from (() if number == 0 else (".PP",))
            yield _text(paragraph)
        yield from _options(command, context)


def _options(command: Any, context: typer.Context) -> Iterator[str]:
    for option in command.params:
        shown = option.get_help_record(context)
        if option.param_type_name == "option" and shown is not None:
            yield from (".TP", rf"\fB{_text(shown[0])}\fR", _text(shown[1]) or r"\&")


def _text(words: str | None) -> str:
    """One line that says what ``words`` say: neither a backslash nor a dot at its beginning means anything."""
    line = " ".join((words or "").split()).replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", line)
