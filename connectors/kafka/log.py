"""What librdkafka says about itself, as log lines: connection loss, authentication, throttling.

The client calls these from inside poll; they only log and remember. An outage is a line in the log, never an exception:
librdkafka reconnects by itself, and nothing is lost meanwhile. Each kind of error makes at most one line in ten
seconds, since a broker that is down makes several a second.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Literal

import structlog
from confluent_kafka import KafkaError, KafkaException

from schemas.errors import SettingError, TapeflowError, Unreachable

__all__ = ["KafkaLog", "broker_error"]

LINE_EVERY_S: Final = 10.0
LOGIN_CODES: Final = frozenset({-169, -181, 58})
"""librdkafka's _AUTHENTICATION and _SSL, Kafka's SASL_AUTHENTICATION_FAILED."""
ALL_DOWN: Final = -187
"""librdkafka's _ALL_BROKERS_DOWN, which counts brokers; what it said of one before is why."""


class KafkaLog:
    """Log lines of one client; ``last`` is the newest error that it reported which says why.

    level: ``debug`` for a client whose failures are raised, which need no lines beside.
    """

    def __init__(
        self, topic: str, clock: Callable[[], float] = time.monotonic, level: Literal["warning", "debug"] = "warning"
    ) -> None:
        self.last: KafkaError | None = None
        self._line = structlog.get_logger().bind(topic=topic)
        self._clock = clock
        self._level = level
        self._said: dict[object, float] = {}

    def error(self, error: KafkaError) -> None:
        """For ``error_cb``."""
        if self.last is None or (self.last.code() not in LOGIN_CODES and error.code() != ALL_DOWN):
            self.last = error
        self.say(error.code(), "kafka_failed", code=error.name(), detail=error.str())

    def say(self, kind: object, event: str, **facts: object) -> None:
        """Log ``event`` unless one of this kind was logged within the last ten seconds."""
        now = self._clock()
        if now - self._said.get(kind, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._said[kind] = now
            getattr(self._line, self._level)(event, **facts)

    def log(self, _level: int, template: str, *args: Any) -> None:
        """For ``logger``: librdkafka's own lines, which repeat what error_cb gets, at debug level."""
        self._line.debug("librdkafka_spoke", detail=template % args if args else template)


def broker_error(doing: str, error: KafkaException, log: KafkaLog, bootstrap: str) -> TapeflowError:
    """What to raise when a question to the brokers failed: Unreachable, or SettingError for a refused login."""
    cause = log.last or error.args[0]
    if cause.code() in LOGIN_CODES:
        return SettingError(f"Kafka refused the login: {cause.str()}", where=bootstrap, mend="check kafka_properties")
    return Unreachable(
        f"Kafka did not answer while {doing}: {cause.str()}", where=bootstrap, mend="check kafka_bootstrap"
    )
