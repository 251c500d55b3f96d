"""Logging of the embedded servers: plain lines on standard error, from the level info on.

Each server's ``__main__`` calls it before anything logs. Standard output carries the one line that says where the
server listens, and nothing else.
"""

import logging
import sys

import structlog

__all__ = ["log_to_stderr"]


def log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
