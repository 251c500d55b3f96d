"""The command ``tapeflow``: one verb per file of tapeflow.commands, and the one place where errors become exit codes.

What the user can mend is one line on standard error and exit 2. What we didn't expect is one log line and exit 1, with
a traceback only for ``--debug``. Ctrl-C is 130. Results go to standard output, everything else to standard error.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final

import structlog
import typer
from typer.exceptions import Abort, TyperException

from runtime.logging import configure_logging
from schemas.errors import InputError, TapeflowError
from tapeflow.commands.backup import backup
from tapeflow.commands.bars import bars
from tapeflow.commands.completion import completion
from tapeflow.commands.dead_letters import dead_letters
from tapeflow.commands.demo import demo
from tapeflow.commands.doctor import doctor
from tapeflow.commands.forget import forget
from tapeflow.commands.gateway import gateway
from tapeflow.commands.ingest import ingest
from tapeflow.commands.local import local
from tapeflow.commands.man import man
from tapeflow.commands.migrate import migrate
from tapeflow.commands.produce import produce
from tapeflow.commands.publish import publish
from tapeflow.commands.quality import quality
from tapeflow.commands.rekey import rekey
from tapeflow.commands.replay import replay
from tapeflow.commands.restore import restore
from tapeflow.commands.run import run
from tapeflow.commands.settings import settings
from tapeflow.commands.token import token
from tapeflow.commands.verify import verify
from tapeflow.commands.watch import watch
from tapeflow.output import watched_output

__all__ = ["app", "main"]

DEBUG: Final = "--debug"
INTERRUPTED: Final = 130

app = typer.Typer(
    name="tapeflow",
    help="Exact bars, tickers and deltas from Kafka trades, into ClickHouse and Redis.",
    epilog="Start with: tapeflow demo --seconds 20",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS: Final = (
    *(demo, bars, ingest, produce, run, replay, rekey, quality, verify),
    *(gateway, watch, token, publish, forget, migrate, backup, restore, doctor, local, settings, completion, man),
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(dead_letters)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tapeflow {version('tapeflow')}")
        raise typer.Exit


@app.callback()
def _every_verb(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
    _debug: Annotated[bool, typer.Option(DEBUG, help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    """Taken by every verb; --debug is read by main before anything can fail."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words
    configure_logging()
    outcome, failure = None, None
    with watched_output() as output:
        try:
            outcome = app([word for word in words if word != DEBUG], prog_name="tapeflow", standalone_mode=False)
            output.flush()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the last line of defence: all become exit codes here
            failure = error
    if isinstance(output.trouble, BrokenPipeError):
        # The reader of our output has seen enough (``| head``), which Typer makes an exit with 1 of.
        return 0
    if output.trouble is not None:
        what = f"can't write: {output.trouble.strerror}"
        failure = InputError(what, where="standard output", mend="choose another place")
    if isinstance(failure, SystemExit):
        raise failure
    if failure is not None:
        return _explained(failure, debug)
    return outcome if isinstance(outcome, int) else 0


def _explained(error: Exception, debug: bool) -> int:
    if isinstance(error, Abort):
        return INTERRUPTED
    # Bytewax wraps what a step raises, so ours may lie below.
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, TapeflowError | TyperException | KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(cause, TapeflowError) and not debug:
        typer.echo(f"tapeflow: {cause}", err=True)
        return cause.exit_code
    if isinstance(cause, TyperException):
        typer.echo(f"tapeflow: {' '.join(cause.format_message().split())} (see --help)", err=True)
        return 2
    log = structlog.get_logger()
    if debug:
        log.error("command_failed", exc_info=error)
    else:
        log.error("command_failed", error=f"{type(error).__name__}: {error}", next="run again with --debug")
    return cause.exit_code if isinstance(cause, TapeflowError) else 1
