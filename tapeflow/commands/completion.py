"""``tapeflow completion``: what a shell needs to complete verbs, options and their choices.

The script asks the command itself, so it stays right after an upgrade. Nothing is written: the user says where it goes.
"""

from enum import StrEnum
from typing import Annotated, Final

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # not in an __all__

__all__ = ["completion"]

VARIABLE: Final = "_TAPEFLOW_COMPLETE"
"""Typer's for a command of our name; the shell sets it when it asks."""

# Of Typer: without it the command doesn't understand what shells ask.
completion_init()


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Whose words it is in.")]) -> int:
    """Print what a shell needs to complete tapeflow's commands.

    Example: tapeflow completion bash > ~/.local/share/bash-completion/completions/tapeflow
    """
    typer.echo(get_completion_script(prog_name="tapeflow", complete_var=VARIABLE, shell=shell.value))
    return 0
