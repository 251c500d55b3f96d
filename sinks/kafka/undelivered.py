"""Dead letters of price alerts: what a webhook didn't take, with its body and the reason.

sinks.webhook hands them in. A letter is keyed by the alert's id, so whoever delivers them later knows what came twice.
``put`` returns when brokers have it.
"""

import threading
from collections.abc import Mapping

from schemas.alert_rules import Firing
from sinks.kafka.sink import CheckedProducer, ensure_topic

__all__ = ["UndeliveredAlerts"]


class UndeliveredAlerts:
    """Creates the topic where it is missing."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        properties: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        ensure_topic(bootstrap, topic, properties=properties)
        self._producer = CheckedProducer(bootstrap, topic, properties=properties, stop=stop)

    def put(self, firing: Firing, body: bytes, why: str) -> None:
        """Raises what sinks.kafka.refusals makes of a refusal."""
        headers = [("reason", why.encode()[:1000]), ("user", firing.rule.user.encode())]
        self._producer.send(firing.id.encode(), body, [*headers])
        self._producer.flush()
