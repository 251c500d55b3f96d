"""Sets up logs for a process: people's lines on a terminal, JSON lines everywhere else, all to standard error.

The command calls ``configure_logging`` once with the settings; libraries only call ``structlog.get_logger()``, and what
other packages log through the standard library comes out in the same form. Standard output belongs to results. A value
that may be a secret is masked by its key before it is written.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, Literal, TextIO

import structlog

__all__ = ["configure_logging"]

_SECRET_KEY: Final = re.compile(r"password|secret|token|authorization|jaas", re.IGNORECASE)
# Locals may hold tokens and passwords, which no key marks as such.
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*:[^/\s]*@")
_QUERY_SECRET: Final = re.compile(r"(?<=[?&])([^=&#\s]*(?:password|secret|token)[^=&#\s]*)=[^&#\s]*", re.IGNORECASE)


def configure_logging(
    log_format: Literal["auto", "json", "console"] = "auto",
    log_level: str = "info",
    stream: TextIO | None = None,
    everywhere: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Logs from here on go to ``stream`` (standard error) from ``log_level`` up; may be called again.

    ``everywhere``: values that every line of this process carries, whichever thread writes it.
    """

    def add_everywhere(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in everywhere.items():
            event.setdefault(key, value)
        return event

    out = stream or sys.stderr
    people = log_format == "console" or (log_format == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_everywhere,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        _mask,
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="time")]
        if people
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log_level.upper())


def _mask(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if _SECRET_KEY.search(key) and value:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _QUERY_SECRET.sub(r"\1=***", _USERINFO.sub("***@", value))
    return event
