"""Whether the broker takes what is sent: an outage is noticed, told once and every minute, and its end once.

The live loop shows it how much was sent and answered, again and again. While it says that the broker is away, or too
far behind, trades are held back. It reads no clock; ``now_s`` only goes forward.
"""

from typing import Final

import structlog

from jobs.ingest.metrics import BROKER_DOWN

__all__ = ["AWAY_S", "BEHIND_MAX", "LIVE", "BrokerWatch"]

LIVE: Final = {"delivery.timeout.ms": 0, "linger.ms": 1}
"""Of producers of live sessions: they wait for the broker as long as it takes, and hardly for more to send."""

AWAY_S: Final = 5.0
"""Without any answer to what was sent."""
BEHIND_MAX: Final = 200_000
"""Records without an answer: below what the producer's queue holds, so that sending never waits."""
TOLD_S: Final = 60.0


class BrokerWatch:
    """Of all producers together."""

    def __init__(self) -> None:
        self._answered = 0
        self._since_s: float | None = None
        self._told_s: float | None = None
        self._is_away = self._is_behind = False

    def look(self, sent: int, answered: int, now_s: float) -> bool:
        """Whether trades should wait. ``answered``: of the ``sent``, both counted from the beginning."""
        if answered > self._answered or sent == answered:
            self._answered = answered
            self._since_s = now_s
        if self._since_s is None:
            self._since_s = now_s
        waited_s = now_s - self._since_s
        was_away, self._is_away = self._is_away, waited_s >= AWAY_S
        if self._is_away:
            self._tell(sent - answered, waited_s, now_s)
        elif was_away:
            self._told_s = None
            BROKER_DOWN.set(0)
            structlog.get_logger().info("feed_broker_returned")
        self._is_behind = sent - answered >= (BEHIND_MAX // 2 if self._is_behind else BEHIND_MAX)
        return self._is_away or self._is_behind

    def _tell(self, unanswered: int, down_s: float, now_s: float) -> None:
        if self._told_s is not None and now_s - self._told_s < TOLD_S:
            return
        self._told_s = now_s
        BROKER_DOWN.set(1)
        structlog.get_logger().warning(
            "feed_broker_lost",
            unanswered=unanswered,
            down_s=round(down_s, 1),
            error="Kafka doesn't answer: check it, the network and TAPEFLOW_KAFKA_BOOTSTRAP; trades wait",
        )
