"""One process of a flow, ``python -m tapeflow.worker live``, as the runner or a StatefulSet starts it.

Checks what the flow needs, builds it and hands it to Bytewax's runner with recovery. Law: a user's mistake, in the
settings or met while running, is one line on standard error and the exit code of its kind. The surprise: Bytewax wraps
what a step raised in exceptions of its own and its engine prints a backtrace as it unwinds, so the cause is looked for
down the chain and the engine's standard error is kept back, to be shown only when nobody knows better.
"""

import argparse
import importlib
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

import structlog
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
    init_db_dir,
)
from bytewax.run import cli_main

from flows.preflight import check_flow
from flows.starting import fail_in_one_line
from flows.stopping import StopSignal
from schemas.errors import StateIncompatible, TapeflowError
from schemas.shards import stays_on_its_worker
from tapeflow.cluster import Place, place_of
from tapeflow.logging import configure_logging
from tapeflow.metrics import serve_metrics
from tapeflow.recovery import only_one, state_folder
from tapeflow.settings import Settings, load_settings
from tapeflow.warm import warm_if_cold

__all__ = ["FLOWS", "cause_of", "main", "recovery_of"]

FLOWS = ("live", "history", "replay", "rekey")


def recovery_of(settings: Settings, flow: str, process: int = 0) -> Path:
    """As tapeflow.recovery.state_folder, with the engine's own files."""
    return state_folder(settings, flow, process, init_db_dir)


@contextmanager
def engine_errors() -> Iterator[IO[bytes]]:
    """Python's own standard error stays where it is; what native code prints there, or to standard output, goes to
    the file given: a worker has no results, and the engine's words between JSON lines would break who reads them."""
    sys.stderr.flush()
    sys.stdout.flush()
    python_fd, output_fd = os.dup(2), os.dup(1)
    with tempfile.TemporaryFile() as kept, os.fdopen(python_fd, "w", buffering=1, errors="replace") as shown:
        os.dup2(kept.fileno(), 2)
        os.dup2(kept.fileno(), 1)
        before, sys.stderr = sys.stderr, shown
        try:
            yield kept
        finally:
            shown.flush()
            os.dup2(python_fd, 2)
            os.dup2(output_fd, 1)
            os.close(output_fd)
            sys.stderr = before


def cause_of(error: BaseException | None) -> TapeflowError | None:
    """The TapeflowError behind what Bytewax raised, if there is one, or what its own complaint means to a user."""
    while error is not None:
        if isinstance(error, TapeflowError):
            return error
        if isinstance(error, NoPartitionsError | MissingPartitionsError | InconsistentPartitionsError):
            return StateIncompatible(
                f"the recovery state isn't whole: {error}",
                where="TAPEFLOW_RECOVERY_DIR",
                mend="bring its files back, or move the folder away: the state is rebuilt from Kafka",
            )
        error = error.__cause__ or error.__context__
    return None


def main(argv: list[str] | None = None) -> int:
    """Run until the input ends or a signal stops it."""
    parser = argparse.ArgumentParser(prog="python -m tapeflow.worker")
    parser.add_argument("flow", choices=FLOWS)
    parser.add_argument("--process-id", type=int)
    parser.add_argument("--addresses", help="host:port of every process, joined by ;")
    options = parser.parse_args(argv)
    stop = StopSignal().arm()
    log_format = "auto"
    try:
        settings = load_settings()
        log_format = settings.log_format
        place = place_of(settings, socket.gethostname(), options.process_id, options.addresses)
        who = {"flow": options.flow, "process": place.process}
        configure_logging(settings.log_format, settings.log_level, everywhere=who)
        # Processes of one host need ports of their own; those of a StatefulSet have a host each.
        serve_metrics(settings.metrics_port, options.process_id or 0)
    except TapeflowError as error:
        fail_in_one_line(error, log_format)
    with engine_errors() as native:
        configure_logging(settings.log_format, settings.log_level, everywhere=who)
        try:
            check_flow(options.flow, settings)
            warm_if_cold()
            with only_one(settings, options.flow, place.process):
                run_worker(options.flow, settings, stop, place)
        except Exception as error:  # noqa: BLE001 - the last frame: every failure becomes one line and an exit code
            cause = cause_of(error)
            if cause is not None:
                fail_in_one_line(cause, log_format)
            native.seek(0)
            structlog.get_logger().error(
                "flow_failed",
                error=" ".join(str(error).split()),
                trace=traceback.format_exc(),
                engine=native.read().decode(errors="replace"),
            )
            if log_format != "json":
                sys.stderr.write(f"tapeflow: {options.flow} failed: {' '.join(str(error).split())}\n")
            return 1
        structlog.get_logger().info("flow_stopped")
    return 0


def run_worker(name: str, settings: Settings, stop: StopSignal, place: Place) -> None:
    settings = settings.model_copy(update={"cluster_process": place.process})
    if not stays_on_its_worker(workers := max(len(place.addresses), 1)):
        structlog.get_logger().warning(
            "batches_cross",
            workers=workers,
            why="with this number of workers a partition's state may lie on another worker than its source",
            mend="take 1 to 10, 12, 14, 15 or 16",
        )
    folder = recovery_of(settings, name, place.process)
    log = structlog.get_logger()
    if held := sum(path.stat().st_size for path in folder.glob("part-*.sqlite3*")):
        log.info("state_found", recovery_dir=str(folder.absolute()), mebibytes=round(held / (1 << 20), 1))
    if len(place.addresses) > 1:
        log.info("peers_awaited", addresses=list(place.addresses))
    flow = importlib.import_module(f"flows.{name}").build(settings, stop)
    cli_main(
        flow,
        process_id=place.process,
        addresses=list(place.addresses) or None,
        epoch_interval=timedelta(milliseconds=settings.epoch_ms),
        recovery_config=RecoveryConfig(str(folder)),
    )


if __name__ == "__main__":
    sys.exit(main())
