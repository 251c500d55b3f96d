"""What every flow does before it wires anything: settings, logs, signals, metrics.

Called first by each ``build``. Nothing happens on import; a flow that can't start says so in one line. When Bytewax's
own runner calls ``build()`` with no settings, a user's mistake ends the process with that line and exit code, because
the runner would show a traceback instead.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import NamedTuple, NoReturn, ParamSpec, TypeVar

import structlog

from runtime.logging import configure_logging
from runtime.metrics import serve_metrics
from runtime.settings.whole import Settings, load_settings
from runtime.stopping import StopSignal, say_last
from schemas.errors import TapeflowError

__all__ = ["Started", "fail_in_one_line", "one_line_errors", "start_flow"]

P = ParamSpec("P")
T = TypeVar("T")


class Started(NamedTuple):
    settings: Settings
    stop: StopSignal


def one_line_errors(build: Callable[P, T]) -> Callable[P, T]:
    """For a flow's factory: called without arguments, by Bytewax's runner, a TapeflowError ends the process."""

    @wraps(build)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return build(*args, **kwargs)
        except TapeflowError as error:
            if args or kwargs:
                raise
            fail_in_one_line(error)

    return wrapped


def start_flow(
    settings: Settings | None, stop: StopSignal | None, check: Callable[[Settings], None] | None = None
) -> Started:
    """Settings and a stop signal for a flow: the caller's, or, without them, the environment's and a new armed one.

    ``check`` is called only in the second case, as a caller has checked before. It raises when the flow can't start.
    """
    if settings is not None:
        return Started(settings, stop or StopSignal())
    log_format = "auto"
    try:
        settings = load_settings()
        log_format = settings.log_format
        configure_logging(log_format, settings.log_level)
        serve_metrics(settings.metrics_port, int(os.environ.get("BYTEWAX_PROCESS_ID", "0")), settings.metrics_host)
        if check is not None:
            check(settings)
    except TapeflowError as error:
        fail_in_one_line(error, log_format)
    return Started(settings, stop or StopSignal().arm())


def fail_in_one_line(error: TapeflowError, log_format: str = "auto") -> NoReturn:
    """Ends the process with the error's line and exit code; the line is JSON where the log was asked to be."""
    if log_format == "json":
        structlog.get_logger().error("flow_refused", error=str(error), exit_code=error.exit_code)
    else:
        say_last(f"tapeflow: {error}")
    raise SystemExit(error.exit_code) from error
