"""Writes users' rules to their topic, and answers only when the brokers have them.

The handlers of ``/api/alert-rules`` call it; the alerts flow reads the topic. A record is keyed by the rule's id, and
one without a value takes the rule back. A topic that isn't there is never made from here, since a broker would make one
that forgets: the flow makes it, compacted. The client is opened at the first write. A breaker keeps requests from
waiting for brokers that are away.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from gateway.stores.breaker import CircuitBreaker
from schemas.errors import Unreachable

__all__ = ["RuleTopic", "RulesUnavailableError"]

LOOK_S: Final = 0.05
SILENT: Final = logging.getLogger("librdkafka.rules")
SILENT.setLevel(logging.CRITICAL + 1)


class RulesUnavailableError(Unreachable):
    """The topic of rules took nothing."""


class RuleTopic:
    """One per process."""

    def __init__(
        self, bootstrap: str, topic: str, properties: Mapping[str, Any], timeout_ms: int, breaker: CircuitBreaker
    ) -> None:
        self._topic = topic
        self._breaker = breaker
        self._timeout_s = timeout_ms / 1000
        self._options = {
            "linger.ms": 0,
            **properties,
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": timeout_ms,
        }
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    async def put(self, rule_id: str, value: bytes | None) -> None:
        """Raises BreakerOpenError, or RulesUnavailableError where brokers didn't acknowledge in time: the record may be
        there all the same."""
        self._breaker.enter()
        try:
            await asyncio.to_thread(self._put, rule_id.encode(), value)
        except RulesUnavailableError as error:
            self._breaker.failed(error)
            raise
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()

    def _put(self, key: bytes, value: bytes | None) -> None:
        outcome: list[KafkaError | None] = []
        try:
            producer = self._opened()
            producer.produce(self._topic, value, key, on_delivery=lambda error, _: outcome.append(error))
            until_s = time.monotonic() + self._timeout_s + 1
            while not outcome and time.monotonic() < until_s:
                producer.poll(LOOK_S)
        except (KafkaException, BufferError) as error:
            raise RulesUnavailableError(f"Kafka took no rule: {error}", where=self._topic) from error
        if not outcome or outcome[0] is not None:
            why = outcome[0].str() if outcome and outcome[0] is not None else "no answer"
            raise RulesUnavailableError(f"Kafka took no rule: {why}", where=self._topic)

    def _opened(self) -> Producer:
        with self._lock:
            if self._producer is None:
                producer = Producer(self._options, logger=SILENT)
                # Of all topics: a question about one would make it.
                if self._topic not in producer.list_topics(timeout=self._timeout_s).topics:
                    raise RulesUnavailableError(
                        f"there is no topic {self._topic}", where=self._topic, mend="start `tapeflow run alerts`"
                    )
                self._producer = producer
            return self._producer
