"""One process of a flow, ``python -m tapeflow.worker live``, as the runner starts it: one for each of a cluster.

Builds the flow and hands it to Bytewax's runner with recovery. Law: a user's mistake, in the settings or met while
running, is one line on standard error and the exit code of its kind. The surprise: Bytewax wraps what a step raised
in exceptions of its own and its engine prints a backtrace as it unwinds, so the cause is looked for down the chain
and the engine's standard error is kept back, to be shown only when nobody knows better.
"""

import argparse
import fcntl
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

import structlog
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from flows.starting import fail_in_one_line, start_flow
from flows.stopping import StopSignal
from schemas.errors import StateIncompatible, TapeflowError
from tapeflow.logging import configure_logging
from tapeflow.settings import Settings

__all__ = ["FLOWS", "cause_of", "main", "recovery_of"]

FLOWS = ("live", "history", "replay", "rekey")


def recovery_of(settings: Settings, flow: str) -> Path:
    """Folder of the flow's recovery state, made if it isn't there. Raises StateIncompatible when it can't be used."""
    folder = settings.recovery_dir / flow
    try:
        if not any(folder.glob("part-*.sqlite3")):
            folder.mkdir(parents=True, exist_ok=True)
            init_db_dir(folder, settings.recovery_partitions)
    except OSError as error:
        raise StateIncompatible(
            f"no recovery state can be kept: {error}", where=str(folder), mend="set TAPEFLOW_RECOVERY_DIR"
        ) from error
    return folder


@contextmanager
def only_one(folder: Path, process: int) -> Iterator[None]:
    """Holds the lock of this worker's identity. Raises StateIncompatible when another worker has it."""
    with (folder / f"process-{process}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateIncompatible(
                f"process {process} of this flow is running already",
                where=str(folder),
                mend="stop it, or give this one another TAPEFLOW_RECOVERY_DIR",
            ) from error
        yield


@contextmanager
def engine_errors() -> Iterator[IO[bytes]]:
    """Python's own standard error stays where it is; what native code prints there goes to the file given."""
    sys.stderr.flush()
    python_fd = os.dup(2)
    with tempfile.TemporaryFile() as kept, os.fdopen(python_fd, "w", buffering=1, errors="replace") as shown:
        os.dup2(kept.fileno(), 2)
        before, sys.stderr = sys.stderr, shown
        try:
            yield kept
        finally:
            shown.flush()
            os.dup2(python_fd, 2)
            sys.stderr = before


def cause_of(error: BaseException | None) -> TapeflowError | None:
    """The TapeflowError behind what Bytewax raised, if there is one."""
    while error is not None:
        if isinstance(error, TapeflowError):
            return error
        error = error.__cause__ or error.__context__
    return None


def main(argv: list[str] | None = None) -> int:
    """Run until the input ends or a signal stops it."""
    parser = argparse.ArgumentParser(prog="python -m tapeflow.worker")
    parser.add_argument("flow", choices=FLOWS)
    parser.add_argument("--process-id", type=int)
    parser.add_argument("--addresses", help="host:port of every process, joined by ;")
    options = parser.parse_args(argv)
    settings, stop = start_flow(None, None)
    with engine_errors() as native:
        configure_logging(settings.log_format, settings.log_level)
        try:
            folder = recovery_of(settings, options.flow)
            with only_one(folder, options.process_id or 0):
                run_worker(options, settings, stop, folder)
        except Exception as error:  # noqa: BLE001 - the last frame: every failure becomes one line and an exit code
            cause = cause_of(error)
            if cause is not None:
                fail_in_one_line(cause)
            native.seek(0)
            structlog.get_logger().error(
                "flow_failed",
                flow=options.flow,
                trace=traceback.format_exc(),
                engine=native.read().decode(errors="replace"),
            )
            sys.stderr.write(f"tapeflow: {options.flow} failed: {error}\n")
            return 1
        structlog.get_logger().info("flow_stopped", flow=options.flow)
    return 0


def run_worker(options: argparse.Namespace, settings: Settings, stop: StopSignal, folder: Path) -> None:
    flow = importlib.import_module(f"flows.{options.flow}").build(settings, stop)
    cli_main(
        flow,
        process_id=options.process_id,
        addresses=options.addresses.split(";") if options.addresses else None,
        epoch_interval=timedelta(milliseconds=settings.epoch_ms),
        recovery_config=RecoveryConfig(str(folder)),
    )


if __name__ == "__main__":
    sys.exit(main())
