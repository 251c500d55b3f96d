"""One process of a flow, ``python -m processes.worker live``, as the runner or a StatefulSet starts it.

Checks what the flow needs, builds it and hands it to Bytewax's runner with recovery. A user's mistake, in the settings
or met while running, is one line on standard error and the exit code of its kind. Bytewax wraps what a step raised in
exceptions of its own, so the cause is looked for down the chain (processes.engine_errors). Its engine prints a
backtrace as it unwinds; what native code prints therefore goes to a file of the process that started this one
(processes.workers), and is shown only when no better cause is known. A worker started by hand shows it all.
"""

import argparse
import importlib
import os
import socket
import stat
import sys
import traceback
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import structlog
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from flows.preflight import check_flow
from flows.starting import fail_in_one_line
from processes.cluster import Place, place_of
from processes.engine_errors import cause_of
from processes.first_error import FirstError
from processes.leadership import leadership, stands_by, tell_lead
from processes.recovery import check_writable, only_one, state_folder
from processes.warm import compile_kernels, warm_if_cold
from runtime.garbage import keep_what_is_loaded
from runtime.logging import configure_logging
from runtime.metrics import serve_metrics
from runtime.settings.running import RunningSettings
from runtime.settings.whole import Settings, load_settings
from runtime.stopping import StopSignal, say_last
from runtime.tracing.tracer import start_tracing, stop_tracing
from schemas.errors import PeerGone, StorageFailed, TapeflowError
from schemas.shards import stays_on_its_worker

__all__ = ["FLOWS", "main", "recovery_of"]

FLOWS = ("live", "history", "alerts", "analytics", "quotes", "replay", "rekey")


def recovery_of(settings: Settings, flow: str, process: int = 0) -> Path:
    """As processes.recovery.state_folder, with the engine's own files."""
    return state_folder(settings, flow, process, init_db_dir)


def keep_native_back(words: int) -> None:
    """Python's own standard error stays where it is; what native code prints goes to ``words``, and the last line.

    Standard output goes there too: a worker has no results, and the engine's words between JSON lines would break who
    reads them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
    for descriptor in (1, 2):
        os.dup2(words, descriptor)
    os.close(words)


def native_words() -> str:
    """What native code has printed, where it is kept back."""
    facts = os.fstat(2)
    return os.pread(2, facts.st_size, 0).decode(errors="replace") if stat.S_ISREG(facts.st_mode) else ""


def main(argv: list[str] | None = None) -> int:
    """Run until the input ends or a signal stops it."""
    parser = argparse.ArgumentParser(prog="python -m processes.worker")
    parser.add_argument("flow", choices=FLOWS)
    parser.add_argument("--process-id", type=int)
    parser.add_argument("--addresses", help="host:port of every process, joined by ;")
    parser.add_argument("--last-words", type=int, help="descriptor of a file for native code and the last line")
    options = parser.parse_args(argv)
    if options.last_words is not None:
        keep_native_back(options.last_words)
    stop = StopSignal().arm()
    log_format = "auto"
    try:
        settings = load_settings()
        if options.last_words is None:  # else the holder of the file gives the last line its form
            log_format = settings.log_format
        place = place_of(settings, socket.gethostname(), options.process_id, options.addresses)
        who = {"flow": options.flow, "process": place.process}
        configure_logging(settings.log_format, settings.log_level, everywhere=who)
        # Processes of one host need ports of their own; those of a StatefulSet have a host each.
        serve_metrics(settings.metrics_port, options.process_id or 0, settings.metrics_host)
        start_tracing(settings, options.flow)
    except TapeflowError as error:
        fail_in_one_line(error, log_format)
    first = FirstError()
    try:
        check_flow(options.flow, settings)
        warm_if_cold()
        end = partial(end_now, log_format=log_format)
        with leadership(settings, options.flow, place.process, stop, end, partial(load, options.flow)) as leads:
            if leads:
                awaits = stop if stands_by(settings, options.flow) else None
                with only_one(settings, options.flow, place.process, awaits):
                    tell_lead(settings, options.flow, place.process)
                    run_worker(options.flow, settings, stop, place, first)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - the last frame: every failure, a panic too, is a line and a code
        explain(first, error, settings, place, log_format)
        return 1
    structlog.get_logger().info("flow_stopped", version=version("tapeflow"), settings=settings.changed())
    return 0


def load(flow: str) -> None:
    """What a start loads before it does anything: the flow's code and its kernels."""
    importlib.import_module(f"flows.{flow}")
    compile_kernels()


def end_now(error: TapeflowError, log_format: str) -> NoReturn:
    """From any thread: nothing is drained and nothing more is written."""
    try:
        fail_in_one_line(error, log_format)
    except SystemExit as ended:
        os._exit(error.exit_code if ended.code is None else int(ended.code))


def explain(first: FirstError, error: BaseException, settings: RunningSettings, place: Place, log_format: str) -> None:
    """Says the last line, and ends the process with the code of an error of ours."""
    error = first.error or error
    native, words = native_words(), " ".join(str(error).split())
    cause = cause_of(error, native, place)
    if cause is None or isinstance(cause, PeerGone):
        try:
            check_writable(settings.recovery_dir, first.free_bytes)
        except StorageFailed as failed:
            cause = failed
    if cause is not None:
        fail_in_one_line(cause, log_format)
    structlog.get_logger().error(
        "flow_failed", error=words, trace="".join(traceback.format_exception(error)), engine=native
    )
    if log_format != "json":
        say_last(f"tapeflow: the flow failed: {words}")


def run_worker(name: str, settings: Settings, stop: StopSignal, place: Place, first: FirstError) -> None:
    settings = settings.model_copy(update={"cluster_process": place.process})
    if not stays_on_its_worker(workers := max(len(place.addresses), 1)):
        structlog.get_logger().warning(
            "batches_crossed",
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
    first.watch(flow, folder)
    keep_what_is_loaded()
    cli_main(
        flow,
        process_id=place.process,
        addresses=list(place.addresses) or None,
        epoch_interval=timedelta(milliseconds=settings.epoch_ms),
        recovery_config=RecoveryConfig(str(folder)),
    )


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    if code:
        stop_tracing()
        # Clients of servers that are away, and an engine that has panicked, might hold up an orderly end or abort it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
